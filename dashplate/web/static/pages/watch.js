// The dialog that puts a plate on a watch list.
"use strict";

document.querySelector("[data-watch]")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target, { plate, label, like, note } = form.elements;
  const body = { plate: plate.value, label: label.value, like: Boolean(like?.checked), note: note.value.trim() || null };
  dashplate.attempt(form, async () => {
    await dashplate.call("POST", "/v1/watchlist", body);
    form.closest("dialog").close();
    dashplate.say(form.dataset.watched);
  });
});
