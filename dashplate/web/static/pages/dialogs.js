// Dialogs that a button opens and a call closes, and forms whose empty fields stay out of the address.
"use strict";

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.opens);
    dialog.showModal();
    dialog.querySelector("[autofocus], input:not([type=hidden])")?.focus();
  }
  if (event.target.closest("[data-shuts]")) event.target.closest("dialog").close();
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-lean]")) return;
  for (const field of event.target.elements) {
    if (field.name && field.value === "") field.disabled = true;
  }
});
// Whoever comes back finds the fields as they were.
addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("[data-lean] :disabled")) field.disabled = false;
});

document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.target.closest("[data-closes]");
  if (form && event.detail.successful) document.getElementById(form.dataset.closes).close();
});
