// What every page does: its secret with each call, times in the reader's zone, sentences about what failed, keys.
"use strict";

const dashplate = {
  secret: document.querySelector('meta[name="page-secret"]').content,

  /** A call of a page's own; rejects with the sentence that the service answers. */
  async call(method, address, body, more) {
    const headers = { "X-CSRF-Token": this.secret, Accept: "application/json", ...more };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(address, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const said = answer.status === 204 ? null : await answer.json().catch(() => null);
    if (!answer.ok) throw new Error((said && said.detail) || answer.statusText);
    return said;
  },

  /** Tell the reader a sentence for some seconds. */
  say(sentence) {
    const line = document.createElement("p");
    line.textContent = sentence;
    document.getElementById("said").append(line);
    setTimeout(() => line.remove(), 8000);
  },

  /** Open a dialog, without what went wrong in it before. */
  open(id) {
    const dialog = document.getElementById(id);
    this.wrong(dialog, "");
    dialog.showModal();
  },

  /** Tell in a form or dialog what went wrong; nothing where the sentence is empty. */
  wrong(within, sentence) {
    const line = within.querySelector(".wrong");
    line.textContent = sentence;
    line.hidden = sentence === "";
  },

  /** Do something while its buttons rest; `tell` is told why it did not work. */
  async attempt(within, act, tell = (sentence) => this.wrong(within, sentence)) {
    const buttons = within.matches("button") ? [within] : [...within.querySelectorAll("button")];
    for (const button of buttons) button.disabled = true;
    try {
      await act();
    } catch (problem) {
      tell(problem.message);
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  },
};

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = dashplate.secret;
});
document.addEventListener("htmx:responseError", (event) => {
  const request = event.detail.xhr;
  if (request.status === 401) location.href = "/login?next=" + encodeURIComponent(location.pathname + location.search);
  let said = null;
  try { said = JSON.parse(request.responseText).detail; } catch { /* A proxy's own page. */ }
  dashplate.say(said || request.statusText);
});

/** Times are sent in UTC; the title keeps that, and says whose clock it was. */
function localise(within) {
  const zone = new Intl.DateTimeFormat(undefined, {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });
  for (const time of within.querySelectorAll("time[datetime]")) {
    time.textContent = zone.format(new Date(time.dateTime));
  }
}
localise(document);
document.addEventListener("htmx:afterSwap", (event) => localise(event.detail.target.parentElement || document));

/** `j` and `k` go through what is marked with data-item; Enter opens the first link or button of it. */
function choose(step) {
  const items = [...document.querySelectorAll("[data-item]")].filter((item) => item.offsetParent !== null);
  if (items.length === 0) return;
  // What was loaded anew since has lost its mark, and kept the focus where it has an id.
  let now = items.findIndex((item) => item.classList.contains("chosen"));
  if (now < 0) now = items.findIndex((item) => item.contains(document.activeElement));
  const next = items[Math.min(items.length - 1, Math.max(0, now + step))];
  if (now >= 0) items[now].classList.remove("chosen");
  next.classList.add("chosen");
  (next.matches("a, button") ? next : next.querySelector("a, button"))?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "Escape" && typing) typing.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  // An element with data-key is what that key presses.
  const pressed = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
  if (event.key === "/") document.getElementById("find")?.focus();
  else if (event.key === "?") document.getElementById("keys").showModal();
  else if (pressed) pressed.click();
  else if (event.key === "j" || event.key === "k") choose(event.key === "j" ? 1 : -1);
  else return;
  event.preventDefault();
});

// Of the menus, one at a time; a click elsewhere closes it.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.more[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
