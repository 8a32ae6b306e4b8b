// The map of all sightings: areas are counted for what is in view; one that is chosen, or a box or circle that is drawn,
// leads to the gallery.

import { metresOfUnit, toWorld } from "../map/mercator.js";

/** Pixels of an area's side, about; and areas that are told beside the map. */
const AREA_PX = 26, TOLD = 8;

const page = document.querySelector("[data-heat]"), map = page.querySelector("dash-map");
const counted = page.querySelector(".counted"), busiest = page.querySelector(".busiest");
const inView = page.querySelector(".in-view"), inDrawn = page.querySelector(".in-drawn");
let asked = 0;

/** An address with a field more, in place of other areas. */
function narrowed(address, field, numbers) {
  const url = new URL(address, location.href);
  for (const other of ["near", "box", "along", "place"]) url.searchParams.delete(other);
  url.searchParams.set(field, numbers.map((number) => +number.toFixed(6)).join(","));
  return url.pathname + url.search;
}

async function count() {
  const bounds = map.bounds(), number = ++asked;
  inView.href = narrowed(page.dataset.gallery, "box", bounds);
  const url = new URL(page.dataset.heat, location.href);
  url.searchParams.set("seen", bounds.map((side) => side.toFixed(6)).join(","));
  url.searchParams.set("across", Math.min(96, Math.max(1, Math.ceil(map.view.wide / AREA_PX))));
  try {
    const { areas } = await dashplate.call("GET", url.pathname + url.search);
    // The map has moved on meanwhile.
    if (number !== asked) return;
    map.areas = areas.sort((a, b) => b[4] - a[4]);
    map.plan();
    tell(areas);
  } catch (problem) {
    if (number === asked) dashplate.say(problem.message);
  }
}

function tell(areas) {
  const all = areas.reduce((sum, area) => sum + area[4], 0);
  counted.textContent = all ? page.dataset.count.replace("{count}", all.toLocaleString()) : page.dataset.none;
  busiest.parentElement.hidden = all === 0;
  busiest.replaceChildren(...areas.slice(0, TOLD).map((area) => {
    const line = document.createElement("li"), link = document.createElement("a");
    const [south, west, north, east, number] = area;
    link.href = narrowed(page.dataset.gallery, "box", area.slice(0, 4));
    link.textContent = page.dataset.area.replace("{count}", number.toLocaleString())
      .replace("{place}", `${((south + north) / 2).toFixed(4)}, ${((west + east) / 2).toFixed(4)}`);
    line.append(link);
    return line;
  }));
}

/** The area that holds a place. */
function areaAt({ lat, lon }) {
  return (map.areas || []).find(([south, west, north, east]) => lat >= south && lat < north && ((lon - west + 360) % 360) < east - west);
}

// What is drawn

function draw(kind) {
  for (const button of page.querySelectorAll("[data-draws]")) button.setAttribute("aria-pressed", String(button.dataset.draws === kind));
  map.drawing(kind);
}

function drawn(what) {
  map.drawn = what;
  map.plan();
  inDrawn.hidden = false;
  inDrawn.href = what.radius_m
    ? narrowed(page.dataset.gallery, "near", [what.lat, turned(what.lon), Math.max(1, Math.ceil(what.radius_m))])
    : narrowed(page.dataset.gallery, "box", [what.south, turned(what.west), what.north, turned(what.east)]);
}

function turned(lon) { return ((((lon + 180) % 360) + 360) % 360) - 180; }

/** A name for the circle that was drawn, else for what lies in the middle of the view. */
function name() {
  const circle = map.drawn?.radius_m ? map.drawn : middle();
  const fields = document.querySelector("#name-place form").elements;
  fields.lat.value = circle.lat.toFixed(6);
  fields.lon.value = turned(circle.lon).toFixed(6);
  fields.radius_m.value = Math.min(100_000, Math.max(1, Math.round(circle.radius_m)));
  document.getElementById("name-place").showModal();
}

function middle() {
  const { wide, high, scale } = map.view, [lat, lon] = map.view.place(wide / 2, high / 2);
  return { lat, lon, radius_m: (Math.min(wide, high) / 4 / scale) * metresOfUnit(lat) };
}

page.addEventListener("click", (event) => {
  const button = event.target.closest("[data-draws]");
  if (button) draw(button.getAttribute("aria-pressed") === "true" ? null : button.dataset.draws);
  if (event.target.closest(".name-it")) name();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-goes]");
  if (!button) return;
  const [lat, lon] = button.dataset.goes.split(",").map(Number), [x, y] = toWorld(lat, lon), around = 2e-3;
  map.view.fit({ west: x - around, east: x + around, north: y - around, south: y + around });
  map.moved();
  map.scrollIntoView({ block: "center" });
});
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-names]");
  if (!form) return;
  event.preventDefault();
  const { name, lat, lon, radius_m } = form.elements;
  const circle = { lat: Number(lat.value), lon: Number(lon.value), radius_m: Number(radius_m.value) };
  dashplate.attempt(form, async () => {
    await dashplate.call("PUT", `/v1/places/${encodeURIComponent(name.value.trim())}`, circle);
    location.reload();
  });
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.target.closest("[data-forgets]") && event.detail.successful) location.reload();
});
map.addEventListener("drawn", (event) => { draw(null); drawn(event.detail); });
map.addEventListener("moved", count);
map.addEventListener("spot", (event) => {
  const area = areaAt(event.detail);
  if (area) location.assign(narrowed(page.dataset.gallery, "box", area.slice(0, 4)));
});

/** Begin where something is asked for, else where the newest tracks are. */
function begin() {
  const wanted = JSON.parse(page.dataset.drawn), where = page.dataset.where ? JSON.parse(page.dataset.where) : null;
  if (wanted) drawn(wanted);
  const box = wanted ? boxOf(wanted) : where;
  if (box) {
    const [west, north] = toWorld(box[2], box[1]), [east, south] = toWorld(box[0], box[3] < box[1] ? box[3] + 360 : box[3]);
    map.home = { west, east, north, south };
    map.showAll();
  }
  map.moved();
}

function boxOf(wanted) {
  if (!wanted.radius_m) return [wanted.south, wanted.west, wanted.north, wanted.east];
  const high = wanted.radius_m / 111_000, wide = high / Math.max(0.01, Math.cos((wanted.lat * Math.PI) / 180));
  return [wanted.lat - high, wanted.lon - wide, wanted.lat + high, wanted.lon + wide];
}

if (map.isReady) begin(); else map.addEventListener("ready", begin, { once: true });
