// One unsure sighting at a time. What a person says is sent while the next one is looked at already.
"use strict";

const review = {
  box: document.getElementById("review"),
  /** Numbers that are still to be fetched, and articles that are here. */
  waiting: [],
  here: [],
  shown: null,
  /** What was said, the latest last; `sent` is its call. */
  past: [],
  /** Those that are still on their way. */
  underway: 0,
  fetching: null,
  tally: { right: 0, typed: 0, wrong: 0, skipped: 0 },

  start() {
    this.here = [...this.box.querySelectorAll("article")];
    for (const article of this.here) article.remove();
    const given = this.box.dataset.waiting.split(",").filter(Boolean);
    this.waiting = given.slice(Number(this.box.dataset.atOnce));
    this.more = this.box.dataset.more !== "";
    if (this.here.length || this.waiting.length) this.next();
  },

  /** Show the next one, and have the one behind it ready. */
  async next() {
    if (this.here.length === 0 && this.waiting.length) {
      this.show(null);
      await this.fetch();
      if (this.shown) return;
    }
    this.show(this.here.shift() || null);
    if (this.here.length < Number(this.box.dataset.atOnce) / 2) this.fetch();
    this.prepare();
  },

  /** Fetch the pictures of the next ones once those that are looked at are there. */
  async prepare() {
    const shown = this.shown;
    if (!shown) return;
    await Promise.allSettled([...shown.querySelectorAll("img")].map((picture) => picture.decode()));
    if (this.shown === shown) for (const article of this.here.slice(0, 2)) this.load(article);
  },

  show(article) {
    if (this.shown) this.shown.remove();
    this.shown = article;
    document.getElementById("done").hidden = article !== null || this.waiting.length > 0;
    if (article) {
      this.load(article);
      article.hidden = false;
      this.box.append(article);
      article.querySelector('[data-do="undo"]').disabled = this.past.length === 0;
      article.querySelector(".reading").focus({ preventScroll: true });
    }
    this.count();
  },

  load(article) {
    for (const picture of article.querySelectorAll("img[data-src]")) {
      picture.src = picture.dataset.src;
      picture.removeAttribute("data-src");
    }
  },

  fetch() {
    if (this.fetching || this.waiting.length === 0) return this.fetching;
    const ids = this.waiting.splice(0, Number(this.box.dataset.atOnce));
    this.fetching = this.fetched(ids).finally(() => { this.fetching = null; });
    return this.fetching;
  },

  async fetched(ids) {
    const address = "/review/sightings?" + ids.map((id) => "ids=" + id).join("&");
    try {
      const answer = await fetch(address, { headers: { "HX-Request": "true" } });
      if (!answer.ok) throw new Error(answer.statusText);
      const part = new DOMParser().parseFromString(await answer.text(), "text/html");
      // Somebody else may have judged some of them meanwhile.
      this.here.push(...[...part.querySelectorAll("article")].map((article) => document.importNode(article, true)));
    } catch (problem) {
      this.waiting.unshift(...ids);
      dashplate.say(problem.message);
    }
    if (!this.shown && this.here.length) this.next();
    else this.count();
  },

  count() {
    const line = document.getElementById("left");
    if (!line) return;
    const left = this.here.length + this.waiting.length + (this.shown ? 1 : 0);
    const number = left.toLocaleString() + (this.more ? "+" : "");
    line.textContent = line.dataset.left.replace("{number}", number);
    document.getElementById("tally").hidden = this.past.length === 0;
    for (const kind of Object.keys(this.tally)) {
      document.querySelector(`[data-tally="${kind}"]`).textContent = this.tally[kind].toLocaleString();
    }
    document.querySelector('#done [data-do="undo"]').hidden = this.past.length === 0;
  },

  /** Say of the shown one what it is; `plate` undefined where it is left as it is, null where it is no plate. */
  say(kind, plate) {
    const article = this.shown;
    if (!article) return;
    const one = { article, kind, sent: Promise.resolve() };
    if (plate !== undefined) one.sent = this.send(one, "POST", { plate });
    this.past.push(one);
    this.tally[kind] += 1;
    this.told(kind, plate || article.dataset.read);
    this.next();
  },

  async send(one, method, body) {
    this.underway += 1;
    try {
      await dashplate.call(method, `/v1/sightings/${one.article.dataset.sighting}/correction`, body);
    } catch (problem) {
      dashplate.say(problem.message);
      // It was not stored: it is asked for again.
      if (method === "POST") this.back(one);
    } finally {
      this.underway -= 1;
    }
  },

  async undo() {
    const one = this.past.at(-1);
    if (!one) return dashplate.say(this.box.dataset.nothing);
    this.back(one);
    this.told("undone", one.article.dataset.read);
    await one.sent;
    if (one.kind !== "skipped") await this.send(one, "DELETE");
  },

  /** Show one again that was left already. */
  back(one) {
    const place = this.past.indexOf(one);
    if (place < 0) return;
    this.past.splice(place, 1);
    this.tally[one.kind] -= 1;
    if (this.shown) this.here.unshift(this.shown);
    this.show(one.article);
  },

  /** Tell a screen reader; the eye sees the next one. */
  told(kind, plate) {
    document.getElementById("told").textContent = this.box.dataset[kind].replace("{plate}", plate);
  },

  act(button) {
    const article = this.shown;
    const kind = button.dataset.do;
    if (kind === "undo") this.undo();
    else if (kind === "right") this.say("right", article.dataset.read);
    else if (kind === "wrong") this.say("wrong", null);
    else if (kind === "skip") this.say("skipped");
    else if (kind === "typed") this.say("typed", button.dataset.plate);
    else if (kind === "focus") article.querySelector("input").select();
  },
};

if (review.box) {
  review.box.closest("main").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-do]");
    if (button && !button.disabled) review.act(button);
  });
  review.box.addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = event.target.elements.plate.value.trim();
    if (typed) review.say(typed === review.shown.dataset.read ? "right" : "typed", typed);
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "y" && review.shown && !document.querySelector("dialog[open]")) review.say("right", review.shown.dataset.read);
  });
  // A page that is left must not lose what is on its way.
  window.addEventListener("beforeunload", (event) => { if (review.underway) event.preventDefault(); });
  document.querySelector("#filters select").addEventListener("change", (event) => event.target.form.submit());
  review.start();
}
