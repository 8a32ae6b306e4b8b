// What of the world a map shows, and how hands move it: pointers, wheel, fingers, keys.

import { WORLD, toPlace } from "./mercator.js";

const MOST_ZOOM = 19;
/** A place alone is shown from no nearer. */
const PLACE_ZOOM = 17;
/** Of a wheel's pixels, for a zoom of one; of keys, pixels and zoom. */
const WHEEL_PX = 350, KEY_PX = 80, KEY_ZOOM = 1;
/** A pointer that moves less has clicked, pixels. */
const CLICK_PX = 5;

export class View {
  constructor() {
    [this.x, this.y, this.zoom, this.wide, this.high] = [WORLD / 2, WORLD / 2, 0, 1, 1];
  }

  /** Pixels of a unit. */
  get scale() { return 2 ** this.zoom; }

  /** What is seen, in units of the world; beyond its edges in the west and in the east it begins anew. */
  box() {
    const halfWide = this.wide / 2 / this.scale, halfHigh = this.high / 2 / this.scale;
    return { west: this.x - halfWide, east: this.x + halfWide, north: this.y - halfHigh, south: this.y + halfHigh };
  }

  pixel(x, y) {
    return [this.wide / 2 + (x - this.x) * this.scale, this.high / 2 + (y - this.y) * this.scale];
  }

  world(left, top) {
    return [this.x + (left - this.wide / 2) / this.scale, this.y + (top - this.high / 2) / this.scale];
  }

  /** Latitude and longitude of a pixel; the longitude goes on beyond 180°. */
  place(left, top) { return toPlace(...this.world(left, top)); }

  resize(wide, high) {
    [this.wide, this.high] = [Math.max(1, wide), Math.max(1, high)];
    this.keep();
  }

  move(right, down) {
    this.x -= right / this.scale;
    this.y -= down / this.scale;
    this.keep();
  }

  /** Zoom by so much, the pixel staying where it is. */
  zoomBy(by, left = this.wide / 2, top = this.high / 2) {
    const [x, y] = this.world(left, top);
    this.zoom += by;
    this.keep();
    const [nowX, nowY] = this.world(left, top);
    this.x += x - nowX;
    this.y += y - nowY;
    this.keep();
  }

  /** Show a box, with room around it. */
  fit(box, mostZoom = PLACE_ZOOM, room = 46) {
    const wide = Math.max(1, this.wide - 2 * room), high = Math.max(1, this.high - 2 * room);
    const zoom = Math.log2(Math.min(wide / Math.max(1e-9, box.east - box.west), high / Math.max(1e-9, box.south - box.north)));
    this.zoom = Math.min(mostZoom, zoom);
    [this.x, this.y] = [(box.west + box.east) / 2, (box.north + box.south) / 2];
    this.keep();
  }

  /** Neither beyond the poles nor so far away that the world is smaller than the map. */
  keep() {
    const least = Math.log2(Math.max(this.wide, this.high) / WORLD);
    this.zoom = Math.min(MOST_ZOOM, Math.max(least, this.zoom));
    const half = this.high / 2 / this.scale;
    this.y = Math.min(WORLD - half, Math.max(half, this.y));
    this.x = ((this.x % WORLD) + WORLD) % WORLD;
  }
}

/** Moves a view by what is done to an element; calls `moved` after each, `clicked` with the pixel of a click. */
export class Hands {
  constructor(element, view, moved, clicked) {
    [this.element, this.view, this.moved, this.clicked] = [element, view, moved, clicked];
    this.pointers = new Map();
    this.dragged = false;
    /** Takes over a pointer's way from its first pixel to its last, where somebody draws. */
    this.draws = null;
    element.addEventListener("pointerdown", (event) => this.down(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, (event) => this.up(event));
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    element.addEventListener("keydown", (event) => this.key(event));
    // What was dragged was not clicked.
    element.addEventListener("click", (event) => {
      if (this.dragged) { event.stopPropagation(); event.preventDefault(); }
    }, true);
    element.addEventListener("dblclick", (event) => this.done(() => view.zoomBy(1, ...this.at(event))));
  }

  at(event) {
    const around = this.element.getBoundingClientRect();
    return [event.clientX - around.left, event.clientY - around.top];
  }

  done(act) {
    act();
    this.moved();
  }

  down(event) {
    if (event.button !== 0) return;
    this.pointers.set(event.pointerId, this.at(event));
    if (this.pointers.size === 1) [this.dragged, this.from] = [false, this.at(event)];
    if (this.draws) this.element.setPointerCapture(event.pointerId);
  }

  move(event) {
    const before = this.pointers.get(event.pointerId), now = this.at(event);
    if (!before) return;
    if (!this.dragged && Math.hypot(now[0] - this.from[0], now[1] - this.from[1]) < CLICK_PX) return;
    if (!this.dragged) this.element.setPointerCapture(event.pointerId);
    this.dragged = true;
    this.pointers.set(event.pointerId, now);
    if (this.draws) this.draws(this.from, now, false);
    else if (this.pointers.size === 1) this.done(() => this.view.move(now[0] - before[0], now[1] - before[1]));
    else this.pinch(event.pointerId, before, now);
  }

  /** Two fingers: the middle between them stays below them, and their distance is the zoom. */
  pinch(id, before, now) {
    const [, other] = [...this.pointers].find(([one]) => one !== id);
    const apart = (one) => Math.max(1, Math.hypot(one[0] - other[0], one[1] - other[1]));
    this.done(() => {
      this.view.move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
      this.view.zoomBy(Math.log2(apart(now) / apart(before)), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    });
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId) || event.type === "pointercancel") return;
    if (this.dragged && this.draws) this.draws(this.from, this.at(event), true);
    else if (!this.dragged && event.target.closest("a, button") === null) this.clicked(this.at(event));
  }

  wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 30 : 1);
    this.done(() => this.view.zoomBy(-Math.max(-1, Math.min(1, pixels / WHEEL_PX)), ...this.at(event)));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [KEY_PX, 0], ArrowRight: [-KEY_PX, 0], ArrowUp: [0, KEY_PX], ArrowDown: [0, -KEY_PX] };
    const zooms = { "+": KEY_ZOOM, "=": KEY_ZOOM, "-": -KEY_ZOOM };
    if (moves[event.key]) this.done(() => this.view.move(...moves[event.key]));
    else if (zooms[event.key]) this.done(() => this.view.zoomBy(zooms[event.key]));
    else return;
    event.preventDefault();
  }
}
