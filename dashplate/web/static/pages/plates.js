// One plate: its hours are counted in the reader's zone, and what a person says of several sightings is sent one by one.
"use strict";

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.path.endsWith("/times")) event.detail.parameters.zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-decide]")) return;
  event.preventDefault();
  const chosen = [...form.querySelectorAll("[name=sighting]:checked")], plate = form.elements.plate.value;
  const progress = form.querySelector("progress"), wrong = form.querySelector(".wrong"), button = form.querySelector("button");
  if (chosen.length === 0) return;
  [progress.hidden, progress.max, progress.value, wrong.hidden, button.disabled] = [false, chosen.length, 0, true, true];
  try {
    for (const box of chosen) {
      await dashplate.call("POST", `/v1/sightings/${box.value}/correction`, { plate });
      progress.value += 1;
      // What is said stays said, whatever becomes of the others.
      box.checked = false;
      box.disabled = true;
    }
    location.reload();
  } catch (error) {
    [wrong.textContent, wrong.hidden, button.disabled] = [error.message, false, false];
  }
});

// The latest days are at the right.
document.addEventListener("htmx:afterSwap", () => {
  for (const calendar of document.querySelectorAll(".scrolls")) calendar.scrollLeft = calendar.scrollWidth;
});
