// What is shown is of now, or the page says that it is not.
"use strict";

const lost = document.getElementById("lost");
const looks = document.getElementById("looks");

function losing(sentence) {
  lost.textContent = sentence ? `${lost.dataset.said} ${sentence}` : lost.dataset.said;
  lost.hidden = false;
  looks.classList.add("stale");
}

looks.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.xhr.status !== 200) return;
  lost.hidden = true;
  looks.classList.remove("stale");
});
looks.addEventListener("htmx:responseError", (event) => {
  // The banner says it; another sentence every five seconds would be noise.
  event.stopPropagation();
  let said = null;
  try { said = JSON.parse(event.detail.xhr.responseText).detail; } catch { /* A proxy's own page. */ }
  if (event.detail.xhr.status === 401) location.href = "/login?next=/health";
  losing(said);
});
looks.addEventListener("htmx:sendError", () => losing(null));
looks.addEventListener("htmx:timeout", () => losing(null));
