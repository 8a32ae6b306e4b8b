// <dash-map>: tracks, sightings, areas and named places on a ground that needs no internet.
//
// What it shows stands in `data-shown`, as `dashplate/web/mapped.py` writes it, or at the address `data-from`. It tells
// of `ready`; of `moved`, once it rests; of `spot`, a click on its ground; of `mark`, one that was chosen; and of
// `drawn`, a box or a circle.

import { land } from "./coast.js";
import { drawGround, drawInset, drawScale, Tiles } from "./ground.js";
import { drawAreas, drawDrawn, drawPlaces, drawRound, drawTrack, laid } from "./layers.js";
import { Marks } from "./marks.js";
import { metresOfUnit, toPlace, toWorld, wrapped } from "./mercator.js";
import { Hands, View } from "./view.js";

/** A view that has not moved for so long rests, milliseconds. */
const REST_MS = 250;
/** Nearer to the edge than this the position that is followed is brought back to the middle, pixels. */
const EDGE_PX = 40;
const COLOURS = ["ground", "sea", "land", "shore", "grid", "word", "rim", "track", "doubted", "place", "area", "now"];
const EMPTY = { track: [], doubted: [], marks: [], places: [] };

class DashMap extends HTMLElement {
  connectedCallback() {
    this.field = this.querySelector(".map-field");
    this.canvas = this.querySelector("canvas");
    this.here = this.querySelector(".map-here");
    this.view = new View();
    this.lines = null;
    this.areas = null;
    this.drawn = null;
    /** What all of it is, where that is more than what it was given. */
    this.home = null;
    this.told = laid(EMPTY);
    this.marks = new Marks(this.querySelector(".map-marks"), (event, group) => this.chosen(event, group));
    this.hands = new Hands(this.field, this.view, () => this.moved(), (pixel) => this.spot(pixel));
    this.tiles = this.dataset.tiles ? new Tiles(this.dataset.tiles, () => this.plan()) : null;
    for (const [name, act] of [["closer", () => this.view.zoomBy(1)], ["wider", () => this.view.zoomBy(-1)], ["all", () => this.showAll()]]) {
      this.querySelector(`.${name}`).addEventListener("click", () => { act(); this.moved(); });
    }
    this.addEventListener("keydown", (event) => { if (event.key === "Escape") this.list([]); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.colours = null; this.plan(); });
    new ResizeObserver(() => this.resized()).observe(this.field);
    land(this.dataset.coast).then((lines) => { this.lines = lines; this.plan(); }, (problem) => dashplate.say(problem.message));
    this.begin();
  }

  /** Show what the page says, or have it fetched. */
  async begin() {
    if (this.dataset.shown) this.show(JSON.parse(this.dataset.shown));
    if (!this.dataset.from) return;
    try {
      this.show(await dashplate.call("GET", this.dataset.from));
    } catch (problem) {
      dashplate.say(problem.message);
    }
  }

  /** Show something else, all of it in view. */
  show(shown) {
    this.told = laid({ ...EMPTY, ...shown });
    this.marks.set(this.told.marks);
    this.showAll();
    this.isReady = true;
    this.dispatchEvent(new CustomEvent("ready"));
    this.plan();
  }

  showAll() {
    const box = this.home || this.told.box;
    if (box) this.view.fit(box);
    else this.view.zoomBy(-30);
  }

  resized() {
    const isFirst = this.view.wide <= 1, scale = window.devicePixelRatio || 1;
    this.view.resize(this.field.clientWidth, this.field.clientHeight);
    [this.canvas.width, this.canvas.height] = [Math.round(this.view.wide * scale), Math.round(this.view.high * scale)];
    if (isFirst) this.showAll();
    // A canvas that was resized is empty; at once, so that nobody sees that.
    this.draw();
    this.rest();
  }

  moved() {
    this.plan();
    this.rest();
  }

  rest() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.dispatchEvent(new CustomEvent("moved")), REST_MS);
  }

  plan() {
    this.planned ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.planned = null;
    const { view, told } = this, pen = this.canvas.getContext("2d"), scale = window.devicePixelRatio || 1;
    this.colours ??= this.palette();
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    drawGround(pen, view, this.lines, this.tiles, this.colours);
    if (this.areas) drawAreas(pen, view, this.areas, this.colours);
    drawPlaces(pen, view, told.places, this.colours);
    drawTrack(pen, view, told, this.colours);
    drawRound(pen, view, told.marks, this.colours);
    if (this.drawn) drawDrawn(pen, view, this.drawn, this.colours);
    drawScale(pen, view, this.colours);
    drawInset(pen, view, this.lines, this.colours);
    this.marks.place(view);
    this.placeHere();
  }

  palette() {
    const style = getComputedStyle(this);
    return Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--map-${name}`).trim()]));
  }

  // Where the camera is

  /** Show where the camera was; nothing where that is null. `follows` keeps it in view. */
  stand(fix, follows) {
    this.fix = fix && { ...fix, world: toWorld(fix.lat, fix.lon) };
    if (fix && follows && this.hands.pointers.size === 0) {
      const [x, y] = this.pixelOf(fix);
      if (x < EDGE_PX || y < EDGE_PX || x > this.view.wide - EDGE_PX || y > this.view.high - EDGE_PX) {
        [this.view.x, this.view.y] = this.fix.world;
        this.view.keep();
        this.plan();
      }
    }
    this.placeHere();
  }

  placeHere() {
    this.here.hidden = !this.fix;
    if (!this.fix) return;
    const [x, y] = this.pixelOf(this.fix), turns = this.fix.bearing !== null;
    this.here.classList.toggle("turned", turns);
    this.here.style.transform = `translate(${x}px, ${y}px)${turns ? ` rotate(${this.fix.bearing}deg)` : ""}`;
  }

  /** Where a place is on the map, pixels; the nearest of its worlds. */
  pixelOf({ lat, lon }) {
    const [x, y] = toWorld(lat, lon);
    return this.view.pixel(x + Math.round((this.view.x - x) / 256) * 256, y);
  }

  // What is chosen

  spot(pixel) {
    this.list([]);
    const [lat, lon] = this.view.place(...pixel);
    this.dispatchEvent(new CustomEvent("spot", { detail: { lat, lon: wrapped(lon) } }));
  }

  /** One of several comes closer, until they part; those that do not are listed. */
  chosen(event, group) {
    if (group.marks.length === 1) {
      const told = new CustomEvent("mark", { detail: group.marks[0], cancelable: true });
      if (!this.dispatchEvent(told)) event.preventDefault();
      return;
    }
    const xs = group.marks.map((mark) => mark.x), ys = group.marks.map((mark) => mark.y);
    const box = { west: Math.min(...xs), east: Math.max(...xs), north: Math.min(...ys), south: Math.max(...ys) };
    const before = this.view.zoom;
    const spread = Math.max(box.east - box.west, box.south - box.north) * metresOfUnit(toPlace(group.x, group.y)[0]);
    if (spread < 15 || before >= 18) {
      this.list(group.marks);
      return;
    }
    this.view.fit(box, 19);
    if (this.view.zoom < before + 0.5) this.view.zoomBy(before + 1 - this.view.zoom);
    this.moved();
  }

  /** List marks that lie on one spot. */
  list(marks) {
    const list = this.querySelector(".map-listed");
    list.hidden = marks.length === 0;
    list.replaceChildren(...marks.map((mark) => {
      const line = document.createElement("li"), one = document.createElement(mark.address ? "a" : "button");
      if (mark.address) one.href = mark.address; else [one.type, one.className] = ["button", "plain"];
      one.textContent = mark.text;
      one.addEventListener("click", (event) => {
        if (!this.dispatchEvent(new CustomEvent("mark", { detail: mark, cancelable: true }))) event.preventDefault();
      });
      line.append(one);
      return line;
    }));
    list.querySelector("a, button")?.focus();
  }

  // What is drawn on it

  /** Let a box or a circle be drawn with a pointer; null ends it. */
  drawing(kind) {
    this.field.classList.toggle("drawing", kind !== null);
    this.hands.draws = kind && ((from, to, isDone) => {
      const [lat, lon] = this.view.place(...from), [otherLat, otherLon] = this.view.place(...to);
      const perUnit = metresOfUnit(lat) / this.view.scale;
      const drawn = kind === "box"
        ? { south: Math.min(lat, otherLat), west: Math.min(lon, otherLon), north: Math.max(lat, otherLat), east: Math.max(lon, otherLon) }
        : { lat, lon, radius_m: Math.hypot(to[0] - from[0], to[1] - from[1]) * perUnit };
      this.drawn = drawn;
      this.plan();
      if (isDone) this.dispatchEvent(new CustomEvent("drawn", { detail: drawn }));
    });
  }

  /** What is seen: south, west, north, east, the whole way round at most. */
  bounds() {
    const [north, west] = this.view.place(0, 0), [south, east] = this.view.place(this.view.wide, this.view.high);
    return east - west >= 360 ? [south, -180, north, 180] : [south, wrapped(west), north, wrapped(east)];
  }
}

customElements.define("dash-map", DashMap);
