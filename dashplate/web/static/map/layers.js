// What lies on a map's ground: tracks, circles, areas and what somebody draws.

import { WORLD, metresOfUnit, toWorld } from "./mercator.js";

/** Length of a mark's arrow, pixels. */
const ARROW_PX = 30;
/** Circles that are smaller are not drawn, pixels. */
const LEAST_RADIUS_PX = 5;
/** A longer name is cut. */
const NAME_CHARS = 28;

/** What is to be shown, in units of the world, with the box of all of it; null where there is nothing.
 *  `way` is the track as it was sent. */
export function laid(shown) {
  let box = null, lastX = null;
  const placed = (lat, lon, radius = 0) => {
    let [x, y] = toWorld(lat, lon);
    // Whoever crosses 180° goes on beyond it.
    if (lastX !== null) x += Math.round((lastX - x) / WORLD) * WORLD;
    lastX = x;
    box ??= { west: x, east: x, north: y, south: y };
    box = { west: Math.min(box.west, x - radius), east: Math.max(box.east, x + radius), north: Math.min(box.north, y - radius), south: Math.max(box.south, y + radius) };
    return { x, y };
  };
  const track = shown.track.map((stretch) => stretch.map(([lat, lon]) => placed(lat, lon)));
  const marks = shown.marks.map((mark) => ({ ...mark, ...placed(mark.lat, mark.lon, (mark.error_m || 0) / metresOfUnit(mark.lat)) }));
  const before = box;
  const doubted = shown.doubted.map(([lat, lon]) => placed(lat, lon));
  const places = shown.places.map((one) => ({ ...one, ...placed(one.lat, one.lon, one.radius_m / metresOfUnit(one.lat)) }));
  // Neither where nobody believes that it was, nor places elsewhere, unless there is nothing else.
  return { track, marks, doubted, places, way: shown.track, box: before || box };
}

export function drawTrack(pen, view, { track, doubted }, colours) {
  pen.lineJoin = pen.lineCap = "round";
  for (const [width, colour] of [[7, colours.rim], [4, colours.track]]) {
    pen.lineWidth = width;
    pen.strokeStyle = colour;
    for (const stretch of track) {
      const world = worldOf(view, stretch[0].x);
      pen.beginPath();
      for (const { x, y } of stretch) pen.lineTo(...view.pixel(x + world, y));
      // One fix alone is a dot.
      if (stretch.length === 1) pen.lineTo(...view.pixel(stretch[0].x + world, stretch[0].y));
      pen.stroke();
    }
  }
  pen.lineWidth = 2;
  pen.strokeStyle = colours.doubted;
  pen.beginPath();
  for (const { x, y } of doubted) {
    const [left, top] = near(view, x, y);
    pen.moveTo(left - 4, top - 4);
    pen.lineTo(left + 4, top + 4);
    pen.moveTo(left - 4, top + 4);
    pen.lineTo(left + 4, top - 4);
  }
  pen.stroke();
}

/** Around marks how far off they may be, and where to the camera went. */
export function drawRound(pen, view, marks, colours) {
  for (const mark of marks) {
    const [x, y] = near(view, mark.x, mark.y);
    if (mark.error_m) circle(pen, x, y, radiusOf(view, mark.lat, mark.error_m), colours.track);
    if (mark.bearing_deg === null || mark.bearing_deg === undefined) continue;
    const turned = (mark.bearing_deg * Math.PI) / 180, [right, down] = [Math.sin(turned), -Math.cos(turned)];
    const [tipX, tipY] = [x + right * ARROW_PX, y + down * ARROW_PX];
    for (const [width, colour] of [[6, colours.rim], [3, colours.track]]) {
      pen.lineWidth = width;
      pen.strokeStyle = colour;
      pen.lineCap = pen.lineJoin = "round";
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(tipX, tipY);
      pen.moveTo(tipX - 9 * right + 6 * down, tipY - 9 * down - 6 * right);
      pen.lineTo(tipX, tipY);
      pen.lineTo(tipX - 9 * right - 6 * down, tipY - 9 * down + 6 * right);
      pen.stroke();
    }
  }
}

/** Places that people named: a circle with its name, where that covers no other's. */
export function drawPlaces(pen, view, places, colours) {
  const taken = [];
  pen.textAlign = "center";
  pen.font = "600 12px system-ui, 'Liberation Sans', sans-serif";
  for (const one of places) {
    const [x, y] = near(view, one.x, one.y), radius = Math.max(LEAST_RADIUS_PX, radiusOf(view, one.lat, one.radius_m));
    if (x < -radius || y < -radius || x > view.wide + radius || y > view.high + radius) continue;
    circle(pen, x, y, radius, colours.place);
    const name = one.name.length > NAME_CHARS ? `${one.name.slice(0, NAME_CHARS)}…` : one.name;
    const half = pen.measureText(name).width / 2, line = y - radius - 6;
    if (taken.some((other) => Math.abs(other.line - line) < 14 && Math.abs(other.x - x) < half + other.half + 4)) continue;
    taken.push({ x, line, half });
    pen.lineWidth = 3.5;
    pen.strokeStyle = colours.rim;
    pen.strokeText(name, x, line);
    pen.fillStyle = colours.place;
    pen.fillText(name, x, line);
  }
  pen.textAlign = "start";
}

/** Areas by how many sightings they hold: `[south, west, north, east, count]` each. */
export function drawAreas(pen, view, areas, colours) {
  const most = Math.log(1 + Math.max(1, ...areas.map((area) => area[4])));
  pen.fillStyle = colours.area;
  for (const [south, west, north, east, count] of areas) {
    const [left, top, right, bottom] = sides(view, south, west, north, east);
    pen.globalAlpha = 0.2 + (0.65 * Math.log(1 + count)) / most;
    pen.fillRect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1);
  }
  pen.globalAlpha = 1;
}

/** A box or a circle that somebody draws. */
export function drawDrawn(pen, view, drawn, colours) {
  if (drawn.radius_m) {
    const [x, y] = near(view, ...toWorld(drawn.lat, drawn.lon));
    circle(pen, x, y, radiusOf(view, drawn.lat, drawn.radius_m), colours.now);
    return;
  }
  const [left, top, right, bottom] = sides(view, drawn.south, drawn.west, drawn.north, drawn.east);
  pen.fillStyle = pen.strokeStyle = colours.now;
  pen.lineWidth = 2;
  pen.globalAlpha = 0.14;
  pen.fillRect(left, top, right - left, bottom - top);
  pen.globalAlpha = 1;
  pen.strokeRect(left, top, right - left, bottom - top);
}

function circle(pen, x, y, radius, colour) {
  if (radius < LEAST_RADIUS_PX) return;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = pen.strokeStyle = colour;
  pen.globalAlpha = 0.16;
  pen.fill();
  pen.globalAlpha = 1;
  pen.lineWidth = 1.5;
  pen.stroke();
}

function radiusOf(view, lat, metres) {
  return (metres / metresOfUnit(lat)) * view.scale;
}

/** Pixels of a box; one that crosses 180° goes on beyond it. */
function sides(view, south, west, north, east) {
  const [x, y] = toWorld(north, west), [otherX, otherY] = toWorld(south, east < west ? east + 360 : east);
  const world = worldOf(view, (x + otherX) / 2);
  return [...view.pixel(x + world, y), ...view.pixel(otherX + world, otherY)];
}

/** Pixels of the nearest of a place's worlds. */
function near(view, x, y) { return view.pixel(x + worldOf(view, x), y); }

/** How far off the nearest of a place's worlds is. */
export function worldOf(view, x) { return Math.round((view.x - x) / WORLD) * WORLD; }
