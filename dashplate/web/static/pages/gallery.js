// Keeps a gallery light however far one scrolls: what lies screens away leaves the page, its room stays, and it is
// fetched again by its address. Cards are of one height, so that a stretch's room is known without it.
"use strict";

(() => {
  const gallery = document.querySelector("[data-gallery]");
  if (!gallery) return;
  /** Screens above and below that stay. */
  const KEPT = 5;
  /** Browsers stop laying out some way beyond; further up, room is moved along. */
  const MOST_ROOM_PX = 8e6;
  /** Milliseconds without scrolling before what left is fetched again. */
  const CALM = 90;

  const above = document.createElement("div"), below = document.createElement("div");
  const stretches = [];
  let first = 0, last = -1, wanted = null, planned = false;

  function measures() {
    const style = getComputedStyle(gallery);
    const [width, height, gap] = ["--card-width", "--card-height", "--card-gap"].map((name) => parseFloat(style.getPropertyValue(name)));
    const columns = Math.max(1, Math.floor((gallery.clientWidth + gap) / (width + gap)));
    return (count) => Math.ceil(count / columns) * (height + gap);
  }
  let roomOf = measures();

  /** Take in what htmx has put at the end. */
  function adopt() {
    for (const element of gallery.querySelectorAll(":scope > .stretch:not([data-known])")) {
      element.dataset.known = "";
      const count = Number(element.dataset.count);
      stretches.push({ address: element.dataset.address, count, room: roomOf(count), element });
      if (last === stretches.length - 2) last += 1;
      else { element.remove(); stretches.at(-1).element = null; }
    }
    const end = gallery.querySelector(":scope > .further, :scope > .end");
    if (end) end.before(below); else gallery.append(below);
    plan();
  }

  const sum = (from, to) => { let room = 0; for (let i = from; i < to; i += 1) room += stretches[i].room; return room; };

  function plan() {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => { planned = false; settle(); });
  }

  /** Have those and only those in the page that are near what is seen. */
  function settle() {
    if (stretches.length === 0) return;
    const start = gallery.getBoundingClientRect().top + scrollY;
    const hidden = sum(0, first);
    const top = scrollY - start - Math.min(hidden, MOST_ROOM_PX) + hidden;
    const reach = KEPT * innerHeight;
    let from = 0, edge = 0, seen = 0;
    while (from < stretches.length - 1 && edge + stretches[from].room < top - reach) edge += stretches[from++].room;
    let to = from, bottom = edge;
    while (to < stretches.length - 1 && bottom + stretches[to].room < top + innerHeight + reach) {
      bottom += stretches[to].room;
      if (bottom <= top) seen = to + 1;
      to += 1;
    }
    seen = Math.max(seen, from);
    if (from !== first || to !== last) show(from, to);
    const now = start + Math.min(edge, MOST_ROOM_PX) + top - edge;
    if (top > 0 && Math.abs(now - scrollY) > 1) scrollTo({ top: now, behavior: "instant" });
    clearTimeout(wanted);
    wanted = setTimeout(() => { refill(); remember(seen); }, CALM);
  }

  function show(from, to) {
    for (let i = first; i <= last; i += 1) {
      if (i >= from && i <= to) continue;
      stretches[i].element.remove();
      stretches[i].element = null;
    }
    let behind = above;
    for (let i = from; i <= to; i += 1) {
      const stretch = stretches[i];
      if (stretch.element === null) {
        stretch.element = document.createElement("section");
        stretch.element.className = "absent";
        stretch.element.style.height = `${stretch.room}px`;
        behind.after(stretch.element);
      }
      behind = stretch.element;
    }
    [first, last] = [from, to];
    above.style.height = `${Math.min(sum(0, first), MOST_ROOM_PX)}px`;
    below.style.height = `${Math.min(sum(last + 1, stretches.length), MOST_ROOM_PX)}px`;
  }

  function refill() {
    for (let i = first; i <= last; i += 1) {
      if (stretches[i].element.classList.contains("absent") && !stretches[i].fetching) fetchAgain(stretches[i]);
    }
  }

  async function fetchAgain(stretch) {
    stretch.fetching = true;
    try {
      const answer = await fetch(stretch.address, { headers: { "HX-Request": "true", Accept: "text/html" } });
      if (!answer.ok) throw new Error(answer.statusText);
      const holder = document.createElement("template");
      holder.innerHTML = await answer.text();
      const fresh = holder.content.querySelector(".stretch");
      if (!stretch.element?.classList.contains("absent")) return;
      if (!fresh) { stretch.element.replaceChildren(); return; }
      fresh.dataset.known = "";
      stretch.element.replaceWith(fresh);
      stretch.element = fresh;
      localise(fresh);
    } catch (error) {
      dashplate.say(error.message);
    } finally {
      stretch.fetching = false;
    }
  }

  const begun = location.href;
  /** The address leads back to what is seen. */
  function remember(seen) {
    if (!gallery.hasAttribute("data-remembers")) return;
    history.replaceState(null, "", seen > 0 ? stretches[seen].address : begun);
  }

  gallery.prepend(above);
  adopt();
  addEventListener("scroll", plan, { passive: true });
  addEventListener("resize", () => {
    roomOf = measures();
    for (const stretch of stretches) {
      stretch.room = roomOf(stretch.count);
      if (stretch.element?.classList.contains("absent")) stretch.element.style.height = `${stretch.room}px`;
    }
    show(first, last);
    plan();
  });
  document.addEventListener("htmx:afterSwap", (event) => { if (gallery.isConnected && event.target !== document) adopt(); });
  gallery.addEventListener("click", (event) => {
    const card = event.target.closest(".sighting");
    const stretch = card && stretches.find((one) => one.element === card.parentElement);
    // Whoever goes back comes to the card, not to the newest.
    if (stretch && gallery.hasAttribute("data-remembers")) history.replaceState(null, "", `${stretch.address}#${card.id}`);
  }, true);
})();
