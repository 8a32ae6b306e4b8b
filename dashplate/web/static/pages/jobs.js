// What steers a job: a press calls the service, and the parts of the page that show the job are asked for again.
"use strict";

document.addEventListener("click", async (event) => {
  const opens = event.target.closest("[data-opens]");
  if (opens) document.getElementById(opens.dataset.opens).showModal();
  const button = event.target.closest("[data-steer]");
  if (!button) return;
  const name = button.dataset.with;
  const body = name ? { [name]: new FormData(button.form).get(name) } : undefined;
  button.disabled = true;
  try {
    await dashplate.call("POST", button.dataset.steer, body);
    for (const part of ["progress", "newest", "videos"]) {
      const shown = document.getElementById(part);
      if (shown) htmx.trigger(shown, "steered");
    }
  } catch (error) {
    dashplate.say(error.message);
  }
  button.disabled = false;
});
