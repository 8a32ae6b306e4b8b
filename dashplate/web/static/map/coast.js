// Land, as `bench/coastlines.py` packed it: of each line how many points it has, then longitude and latitude of each less
// those of the one before, in steps of 1/200 degree, as variable-length integers with the sign in the lowest bit.

import { MOST_LAT, toWorld } from "./mercator.js";

const STEPS_A_DEGREE = 200;
/** Lines that are smaller on the screen are not drawn, pixels. */
const LEAST_PX = 1.5;

let wanted = null;

/** Have the land fetched, once for all maps of a page. */
export function land(address) {
  wanted ??= fetch(address).then(async (answer) => {
    if (!answer.ok) throw new Error(answer.statusText);
    return unpack(new Uint8Array(await answer.arrayBuffer()));
  });
  return wanted;
}

/** Each line as paths of its area and of its shore, with its box in units of the world. */
export function unpack(bytes) {
  const lines = [];
  let at = 0;
  const next = () => {
    let value = 0, shift = 1, byte;
    do {
      byte = bytes[at++];
      value += (byte & 0x7f) * shift;
      shift *= 128;
    } while (byte & 0x80);
    return value;
  };
  const signed = () => { const value = next(); return value & 1 ? -(value + 1) / 2 : value / 2; };
  while (at < bytes.length) {
    const points = [];
    let lon = 0, lat = 0;
    for (let left = next(); left > 0; left -= 1) {
      lon += signed();
      lat += signed();
      points.push([lat / STEPS_A_DEGREE, lon / STEPS_A_DEGREE]);
    }
    lines.push(pathOf(points));
  }
  return lines;
}

/** Lines that cross 180° go on beyond it; Antarctica is closed below the map's edge, where there is no shore. */
function pathOf(points) {
  const path = new Path2D(), shore = new Path2D();
  let west = Infinity, north = Infinity, east = -Infinity, south = -Infinity, before = null;
  for (const [lat, lon] of [...points, points[0]]) {
    const [x, y] = toWorld(lat, lon);
    if (before === null) path.moveTo(x, y); else path.lineTo(x, y);
    if (before === null || Math.min(lat, before) < -MOST_LAT) shore.moveTo(x, y); else shore.lineTo(x, y);
    before = lat;
    [west, east, north, south] = [Math.min(west, x), Math.max(east, x), Math.min(north, y), Math.max(south, y)];
  }
  return { path, shore, west, north, east, south };
}

/** Draw the land of a view: `box` is what it shows in units of the world, `scale` pixels a unit. */
export function drawLand(pen, lines, box, scale, colours) {
  const least = LEAST_PX / scale, all = new Path2D(), shores = new Path2D();
  for (const line of lines) {
    if (line.east < box.west || line.west > box.east || line.south < box.north || line.north > box.south) continue;
    if (line.east - line.west < least && line.south - line.north < least) continue;
    all.addPath(line.path);
    shores.addPath(line.shore);
  }
  pen.fillStyle = colours.land;
  pen.fill(all, "evenodd");
  pen.lineWidth = 1 / scale;
  pen.lineJoin = "round";
  pen.strokeStyle = colours.shore;
  pen.stroke(shores);
}
