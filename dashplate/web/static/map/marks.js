// Marks on a map, as links and buttons: of those that would cover each other one stands for all, with their number.

import { WORLD } from "./mercator.js";

/** Marks nearer than this are one, pixels. */
const TOGETHER_PX = 22;
/** So many of a view can be reached by the tab key one by one; where there are more, it leads past them. */
const MOST_STOPS = 40;

/** Those that stand together at a zoom, each with its middle; marks hold `x` and `y` in units of the world. */
export function gathered(marks, scale) {
  const reach = TOGETHER_PX / scale, cells = new Map(), groups = [];
  for (const mark of marks) {
    const column = Math.floor(mark.x / reach), row = Math.floor(mark.y / reach);
    let group = null;
    for (let i = -1; i <= 1 && !group; i += 1) {
      for (let j = -1; j <= 1 && !group; j += 1) {
        group = (cells.get(`${column + i} ${row + j}`) || []).find((one) => Math.hypot(one.x - mark.x, one.y - mark.y) < reach);
      }
    }
    if (group) {
      group.marks.push(mark);
      continue;
    }
    group = { x: mark.x, y: mark.y, marks: [mark], element: null };
    groups.push(group);
    const key = `${column} ${row}`;
    if (cells.has(key)) cells.get(key).push(group); else cells.set(key, [group]);
  }
  return groups;
}

/** Keeps the marks of a map where they belong. */
export class Marks {
  constructor(layer, chosen) {
    this.layer = layer;
    this.chosen = chosen;
    this.marks = [];
    this.groups = [];
    this.scale = 0;
  }

  set(marks) {
    this.marks = marks;
    this.scale = 0;
  }

  /** Put them where the view has them; they are gathered anew where the zoom is another. */
  place(view) {
    if (view.scale !== this.scale) {
      this.scale = view.scale;
      for (const group of this.groups) group.element?.remove();
      this.groups = gathered(this.marks, view.scale);
    }
    const seen = [];
    for (const group of this.groups) {
      const world = Math.round((view.x - group.x) / WORLD) * WORLD;
      const [x, y] = view.pixel(group.x + world, group.y);
      if (x < -20 || y < -20 || x > view.wide + 20 || y > view.high + 20) {
        group.element?.remove();
        group.element = null;
        continue;
      }
      group.element ??= this.made(group);
      group.element.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`;
      if (!group.element.parentElement) this.layer.append(group.element);
      seen.push(group.element);
    }
    for (const element of seen) element.tabIndex = seen.length > MOST_STOPS ? -1 : 0;
  }

  made(group) {
    const [first] = group.marks, alone = group.marks.length === 1;
    const element = document.createElement(alone && first.address ? "a" : "button");
    if (element.tagName === "A") element.href = first.address; else element.type = "button";
    element.className = alone ? "map-mark" : "map-mark several";
    if (!alone) element.textContent = group.marks.length.toLocaleString();
    element.title = group.marks.slice(0, 8).map((mark) => mark.text).join("\n") + (group.marks.length > 8 ? "\n…" : "");
    element.setAttribute("aria-label", group.marks.length > 1 ? `${group.marks.length}: ${first.text} …` : first.text);
    element.addEventListener("click", (event) => this.chosen(event, group));
    return element;
  }
}
