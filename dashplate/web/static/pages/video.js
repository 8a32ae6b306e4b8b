// The player of a video: boxes in step with its frames, a timeline of its sightings, and pieces where a browser cannot
// play the file itself. Seconds are those of the video since its first frame, everywhere but in the media element.
"use strict";

/** Seconds of a piece, and of boxes that are asked for at a time. */
const PIECE_S = 10, BOXES_S = 60;
/** A place is aimed at a little behind a frame's time: just before it, the frame before would be shown. */
const NUDGE_S = 0.002;
/** Width of a thumbnail with its margin, pixels; how often a timeline can be doubled. */
const THUMB_PX = 82, MOST_ZOOM = 64;
/** A sighting this near to the place is the one that is looked at. */
const SAME_S = 0.05;
/** A file that is loaded and whose first frame is not told of within this is taken to begin at its clock's zero. */
const FIRST_FRAME_MS = 1000;
/** A frame that the browser tells nothing of within this of its seek is taken to be that of the media element's clock. */
const UNTOLD_MS = 150;

/** The box between two places `[second, x1, y1, x2, y2]`, as `output/marks.py` has it: a plate that comes nearer evenly
 *  grows as one over its distance. */
function between(before, after, second) {
  const span = after[0] - before[0];
  if (span <= 0) return before.slice(1);
  const even = (second - before[0]) / span;
  const wide = Math.max(1, before[3] - before[1]), later = Math.max(1, after[3] - after[1]);
  const share = (even * wide) / ((1 - even) * later + even * wide);
  return [1, 2, 3, 4].map((side) => before[side] + share * (after[side] - before[side]));
}

/** Where a plate is at a second; null while it is out of sight. */
function placeIn(stretches, second) {
  for (const stretch of stretches) {
    const last = stretch.length - 1;
    // Times are rounded on their way here.
    if (second < stretch[0][0] - 0.001 || second > stretch[last][0] + 0.001) continue;
    let low = 0, high = last;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (stretch[middle][0] <= second) low = middle; else high = middle;
    }
    const within = Math.min(Math.max(second, stretch[low][0]), stretch[high][0]);
    return between(stretch[low], stretch[high], within);
  }
  return null;
}

/** Fetch the first byte of a file; its headers, or the sentence that says why it is not sent. */
async function firstByte(address) {
  const answer = await fetch(address, { headers: { Range: "bytes=0-0", Accept: "application/json" } });
  if (!answer.ok) {
    const told = await answer.json().catch(() => null);
    throw new Error((told && told.detail) || answer.statusText);
  }
  // A body that nobody reads keeps its connection.
  await answer.arrayBuffer();
  return answer.headers;
}

function clockOf(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6), minutes = Math.floor(tenths / 600), hours = Math.floor(minutes / 60);
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Boxes of a video, a minute at a time. */
class Boxes {
  constructor(video) {
    this.address = `/videos/${video}/boxes`;
    this.minutes = new Map();
  }

  /** Have the boxes around a second fetched. */
  async ready(second) {
    const minute = Math.floor(Math.max(0, second) / BOXES_S);
    if (!this.minutes.has(minute)) {
      const asked = dashplate.call("GET", `${this.address}?since=${minute * BOXES_S}&until=${(minute + 1) * BOXES_S}`);
      this.minutes.set(minute, asked.then((told) => told.sightings));
    }
    try {
      this.minutes.set(minute, await this.minutes.get(minute));
    } catch (problem) {
      this.minutes.delete(minute);
      dashplate.say(problem.message);
    }
  }

  /** Those of a second, as far as they are here. */
  at(second) {
    const here = this.minutes.get(Math.floor(Math.max(0, second) / BOXES_S));
    if (!Array.isArray(here)) return [];
    return here.flatMap((one) => {
      const box = placeIn(one.stretches, second);
      return box ? [{ id: one.id, plate: one.plate, sure: one.sure, box }] : [];
    });
  }
}

/** The file itself in a media element, whose clock may begin before the first picture. */
class Whole {
  constructor(player, media) {
    this.player = player;
    this.media = media;
    this.first = 0;
    this.address = `/v1/videos/${player.video}/file`;
    media.src = this.address;
    this.begun = new Promise((resolve) => {
      const patience = media.requestVideoFrameCallback ? FIRST_FRAME_MS : 0;
      media.addEventListener("loadeddata", () => setTimeout(resolve, patience), { once: true });
      media.requestVideoFrameCallback?.((now, frame) => {
        if (media.currentTime === 0) this.first = frame.mediaTime;
        resolve();
      });
    });
  }

  second(mediaTime) { return mediaTime - this.first; }

  async seek(second) {
    await this.begun;
    // Pieces may have taken its place meanwhile.
    if (this.player.source !== this) return;
    this.media.currentTime = Math.min(this.first + second + NUDGE_S, this.media.duration || Infinity);
  }

  ended() { return false; }
}

/** Pieces of a video one after the other in a media element, each cut when it is needed. */
class Pieces {
  constructor(player, media) {
    this.player = player;
    this.media = media;
    this.first = 0;
    this.piece = -1;
  }

  second(mediaTime) { return mediaTime + this.first; }

  address(piece) {
    const until = Math.min((piece + 1) * PIECE_S, Math.max(this.player.duration, piece * PIECE_S + 0.1));
    return `/v1/videos/${this.player.video}/clip?from=${piece * PIECE_S}&to=${until}`;
  }

  /** Have a piece cut, which is kept for a minute; where its first frame is. */
  async cut(piece) {
    return Number((await firstByte(this.address(piece))).get("X-First-Second"));
  }

  async seek(second) {
    const piece = Math.max(0, Math.floor(Math.min(second, this.player.duration - 0.05) / PIECE_S));
    this.wanted = second;
    if (piece !== this.piece) {
      const plays = !this.media.paused;
      this.media.pause();
      this.player.tell(this.player.waits);
      const first = await this.cut(piece);
      // Another place was chosen meanwhile.
      if (this.wanted !== second) return;
      this.player.tell(null);
      this.piece = piece;
      this.first = first;
      this.media.src = this.address(piece);
      await new Promise((resolve) => this.media.addEventListener("loadeddata", resolve, { once: true }));
      if (plays) this.media.play();
      if ((piece + 1) * PIECE_S < this.player.duration) this.cut(piece + 1).catch(() => { /* It is asked for again. */ });
    }
    this.media.currentTime = Math.max(0, second - this.first + NUDGE_S);
  }

  /** Go on with the next piece; whether there is one. */
  ended() {
    const next = (this.piece + 1) * PIECE_S;
    if (this.piece < 0 || next >= this.player.duration) return false;
    this.player.seek(next).then(() => this.media.play());
    return true;
  }
}

class Player extends HTMLElement {
  connectedCallback() {
    this.video = this.dataset.video;
    this.duration = Number(this.dataset.duration);
    this.size = [Number(this.dataset.width), Number(this.dataset.height)];
    this.stage = this.querySelector(".stage");
    this.canvas = this.querySelector("canvas");
    this.told = this.querySelector(".told");
    this.waits = this.told.dataset.waits;
    this.media = this.querySelector("video") || this.querySelector("img");
    this.boxes = new Boxes(this.video);
    this.sightings = [];
    this.shownAt = 0;
    this.button(".boxes", () => this.toggleBoxes());
    this.button(".whole", () => this.toggleWhole());
    if (!this.stage.requestFullscreen) this.querySelector(".whole").hidden = true;
    new ResizeObserver(() => this.draw()).observe(this.stage);
    if (this.dataset.kind === "picture") this.showPicture(); else this.showVideo();
  }

  button(name, act) {
    this.querySelector(name)?.addEventListener("click", act);
  }

  async showPicture() {
    this.media.addEventListener("load", () => this.draw());
    await this.boxes.ready(0);
    this.draw();
  }

  async showVideo() {
    this.source = this.dataset.kind === "whole" ? new Whole(this, this.media) : new Pieces(this, this.media);
    this.range = this.querySelector("input[type=range]");
    this.button(".play", () => this.toggle());
    this.button(".next", () => this.step(1));
    this.button(".previous", () => this.step(-1));
    this.button(".closer", () => this.zoomTo(this.zoom * 2));
    this.button(".wider", () => this.zoomTo(this.zoom / 2));
    this.zoom = 1;
    this.range.addEventListener("input", () => this.seek(Number(this.range.value)));
    this.range.addEventListener("keydown", (event) => {
      const pressed = this.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (pressed && event.key.length === 1) pressed.click();
    });
    this.media.addEventListener("click", () => this.toggle());
    this.media.addEventListener("ended", () => this.source.ended() || this.playing());
    this.media.addEventListener("play", () => this.playing());
    this.media.addEventListener("pause", () => this.playing());
    this.media.addEventListener("error", () => this.failed());
    this.follow();
    await Promise.all([this.loadTimeline(), this.seek(this.wantedAtFirst())]);
  }

  /** The second that the address asks for. */
  wantedAtFirst() {
    const asked = new URLSearchParams(location.search).get("at") || new URLSearchParams(location.hash.slice(1)).get("t");
    const second = Number(asked);
    return Number.isFinite(second) ? Math.min(Math.max(0, second), this.duration) : 0;
  }

  // What is shown

  /** Draw with each frame that is shown, as told by the browser; without that, with each picture of the screen. */
  follow() {
    if (this.media.requestVideoFrameCallback) {
      // Of a frame that takes another's place while the browser tells of that one, it tells nothing.
      let soughtAt = 0, told = true;
      this.media.addEventListener("seeking", () => { soughtAt = performance.now(); told = false; });
      this.media.addEventListener("seeked", () => setTimeout(() => {
        if (!told && !this.media.seeking) this.showAt(this.source.second(this.media.currentTime));
      }, UNTOLD_MS));
      const next = (now, frame) => {
        // What was put on the screen before may be told of late.
        told = told || frame.presentationTime >= soughtAt;
        this.showAt(this.source.second(frame.mediaTime));
        this.media.requestVideoFrameCallback(next);
      };
      this.media.requestVideoFrameCallback(next);
      return;
    }
    const next = () => {
      this.showAt(this.source.second(this.media.currentTime));
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }

  async showAt(second) {
    this.shownAt = second;
    this.dispatchEvent(new CustomEvent("shown"));
    this.draw();
    this.showPlace(second);
    if (!Array.isArray(this.boxes.minutes.get(Math.floor(Math.max(0, second) / BOXES_S)))) {
      await this.boxes.ready(second);
      this.draw();
      this.showPlace(this.shownAt);
    }
    // The next minute before it is needed.
    if (second % BOXES_S > BOXES_S - 10 && second + 10 < this.duration) this.boxes.ready(second + 10);
  }

  /** The boxes that belong on the picture of a second; for whoever wants to compare. */
  boxesAt(second) { return this.boxes.at(second); }

  draw() {
    const canvas = this.canvas, scale = window.devicePixelRatio || 1;
    const wide = canvas.clientWidth, high = canvas.clientHeight;
    canvas.width = Math.round(wide * scale);
    canvas.height = Math.round(high * scale);
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (this.querySelector(".boxes").getAttribute("aria-pressed") !== "true" || !this.size[0]) return;
    // The picture lies in the middle of its element, as large as it can be.
    const media = this.media.getBoundingClientRect(), around = canvas.getBoundingClientRect();
    const fit = Math.min(media.width / this.size[0], media.height / this.size[1]);
    const left = media.left - around.left + (media.width - this.size[0] * fit) / 2;
    const top = media.top - around.top + (media.height - this.size[1] * fit) / 2;
    pen.scale(scale, scale);
    for (const one of this.boxes.at(this.dataset.kind === "picture" ? 0 : this.shownAt)) {
      this.drawBox(pen, one, one.box.map((side, place) => side * fit + (place % 2 ? top : left)));
    }
  }

  drawBox(pen, one, [x1, y1, x2, y2]) {
    const colour = one.sure ? "#3cd264" : "#ffa51f";
    pen.lineWidth = 2;
    pen.strokeStyle = "rgb(0 0 0 / 55%)";
    pen.strokeRect(x1 - 2, y1 - 2, x2 - x1 + 4, y2 - y1 + 4);
    pen.strokeStyle = colour;
    pen.strokeRect(x1 - 1, y1 - 1, x2 - x1 + 2, y2 - y1 + 2);
    pen.font = "600 13px system-ui, 'Liberation Sans', sans-serif";
    const wide = pen.measureText(one.plate).width + 10;
    const x = Math.max(0, Math.min(x1 - 2, this.canvas.clientWidth - wide)), y = y1 - 21 > 0 ? y1 - 21 : y2 + 3;
    pen.fillStyle = colour;
    pen.fillRect(x, y, wide, 18);
    pen.fillStyle = "#000";
    pen.fillText(one.plate, x + 5, y + 13);
  }

  showPlace(second) {
    const at = Math.min(Math.max(0, second), this.duration);
    if (document.activeElement !== this.range || !this.media.paused) this.range.value = at;
    this.range.setAttribute("aria-valuetext", clockOf(at));
    this.querySelector("output").textContent = `${clockOf(at)} / ${clockOf(this.duration)}`;
    const inSight = new Set(this.boxes.at(second).map((one) => one.id));
    this.mark(document.querySelectorAll(".found li[data-sighting]"), inSight);
    this.mark(this.querySelectorAll(".thumb"), inSight);
  }

  mark(items, inSight) {
    for (const item of items) item.classList.toggle("now", inSight.has(Number(item.dataset.sighting)));
  }

  tell(sentence) {
    this.told.textContent = sentence || "";
    this.told.hidden = !sentence;
  }

  // Where it is

  async seek(second) {
    this.aimedAt = second;
    try {
      await this.source.seek(second);
    } catch (problem) {
      this.tell(problem.message);
    }
  }

  /** To the next or the previous sighting. */
  step(by) {
    const now = this.media.paused && this.aimedAt !== undefined ? this.aimedAt : this.shownAt;
    const all = this.sightings;
    let place = this.looked;
    if (place === undefined || Math.abs(all[place][1] - now) > SAME_S) {
      // Between two of them.
      place = all.findIndex((one) => one[1] > now + SAME_S);
      if (place < 0) place = all.length;
      if (by > 0) place -= 1;
    }
    const next = all[place + by];
    if (next) this.look(place + by);
  }

  look(place) {
    this.looked = place;
    this.media.pause();
    this.seek(this.sightings[place][1]);
    const row = document.querySelector(`.found li[data-sighting="${this.sightings[place][0]}"]`);
    const list = row?.closest(".list");
    if (list && list.scrollHeight > list.clientHeight) list.scrollTop = row.offsetTop - list.offsetTop - 60;
    this.placeThumbs();
  }

  toggle() {
    if (this.media.paused) this.media.play().catch((problem) => this.tell(problem.message)); else this.media.pause();
  }

  playing() {
    const play = this.querySelector(".play");
    play.textContent = this.media.paused ? play.dataset.play : play.dataset.pause;
  }

  toggleBoxes() {
    const button = this.querySelector(".boxes");
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    this.draw();
  }

  toggleWhole() {
    if (document.fullscreenElement) document.exitFullscreen(); else this.stage.requestFullscreen();
  }

  /** The browser cannot play the file: why not, or pieces of it. */
  async failed() {
    if (!(this.source instanceof Whole)) {
      if (this.media.error) this.tell(this.media.error.message);
      return;
    }
    try {
      await firstByte(this.source.address);
    } catch (problem) {
      this.tell(problem.message);
      return;
    }
    const second = this.aimedAt || 0;
    this.source = new Pieces(this, this.media);
    await this.seek(second);
  }

  // The timeline

  async loadTimeline() {
    this.lane = this.querySelector(".lane");
    this.placeStretches();
    try {
      this.sightings = (await dashplate.call("GET", `/videos/${this.video}/timeline`)).sightings;
    } catch (problem) {
      dashplate.say(problem.message);
    }
    this.placeTicks();
    this.placeThumbs();
    new ResizeObserver(() => this.placeThumbs()).observe(this.lane);
  }

  placeStretches() {
    this.querySelector(".marks").setAttribute("viewBox", `0 0 ${Math.max(this.duration, 0.1)} 1`);
    for (const one of this.querySelectorAll(".marks rect")) {
      const since = Number(one.dataset.since), until = Number(one.dataset.until);
      one.setAttribute("x", since);
      one.setAttribute("y", 0);
      one.setAttribute("width", Math.max(until - since, this.duration / 400));
      one.setAttribute("height", 1);
    }
  }

  placeTicks() {
    const ticks = this.sightings.map(([, at]) => `M${at} .15V.85`).join("");
    this.querySelector(".ticks").setAttribute("d", ticks);
  }

  /** As many pictures as have room in two rows; the one that is looked at always has. */
  placeThumbs() {
    const wide = this.lane.clientWidth, until = [-Infinity, -Infinity], chosen = [];
    const looked = this.looked;
    this.sightings.forEach((one, place) => {
      if (!one[2]) return;
      const x = (one[1] / this.duration) * wide;
      const row = until.findIndex((end) => x - THUMB_PX / 2 >= end);
      if (row >= 0) {
        until[row] = x + THUMB_PX / 2;
        chosen.push([place, x, row]);
      } else if (place === looked) {
        chosen.push([place, x, 0]);
      }
    });
    const said = chosen.map(([place, , row]) => `${place} ${row}`).join() + wide;
    if (said === this.said) return;
    this.said = said;
    const thumbs = this.querySelector(".thumbs");
    thumbs.replaceChildren(...chosen.map(([place, x, row]) => this.thumb(place, x, row, thumbs.dataset.name)));
    this.showPlace(this.shownAt);
  }

  thumb(place, x, row, name) {
    const [sighting, at, address] = this.sightings[place];
    const thumb = document.createElement("button"), picture = document.createElement("img");
    thumb.type = "button";
    thumb.className = `thumb ${row ? "second-row" : "first-row"}`;
    thumb.dataset.sighting = sighting;
    thumb.style.left = `${x}px`;
    thumb.title = `${name} ${clockOf(at)}`;
    thumb.setAttribute("aria-label", thumb.title);
    picture.src = address;
    picture.alt = "";
    picture.loading = "lazy";
    thumb.append(picture);
    thumb.addEventListener("click", () => this.look(place));
    return thumb;
  }

  zoomTo(zoom) {
    this.zoom = Math.min(Math.max(1, zoom), MOST_ZOOM);
    this.lane.style.width = `${this.zoom * 100}%`;
    this.querySelector(".wider").disabled = this.zoom === 1;
    this.querySelector(".closer").disabled = this.zoom === MOST_ZOOM;
    const timeline = this.querySelector(".timeline");
    timeline.scrollLeft = (this.shownAt / this.duration) * this.lane.clientWidth - timeline.clientWidth / 2;
  }
}

customElements.define("dash-player", Player);

// A row of the list, or a stretch that was given up, leads to its second.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-seek]"), player = document.querySelector("dash-player");
  if (!button || !player || !player.source) return;
  const at = Number(button.dataset.seek), row = button.closest("[data-sighting]");
  const place = row ? player.sightings.findIndex(([id]) => id === Number(row.dataset.sighting)) : -1;
  if (place >= 0) player.look(place); else player.seek(at);
  player.scrollIntoView({ block: "nearest" });
});
