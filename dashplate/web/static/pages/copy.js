// Buttons that copy the text of an element: data-copy names it, data-copied is what the button says then.
"use strict";

async function copyText(element) {
  // Browsers have a clipboard for pages of this machine and of HTTPS alone.
  if (navigator.clipboard) return navigator.clipboard.writeText(element.textContent);
  getSelection().selectAllChildren(element);
  if (!document.execCommand("copy")) throw new Error("not copied");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const element = document.getElementById(button.dataset.copy);
  try {
    await copyText(element);
  } catch {
    // Selected, for the keys of the system.
    getSelection().selectAllChildren(element);
    return;
  }
  const before = button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => { button.textContent = before; }, 2000);
});
