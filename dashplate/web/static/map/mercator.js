// Web Mercator, and how places and lengths are written. The world is a square of 256 units, x to the east from 180° W,
// y to the south; at zoom z a unit is 2^z pixels of the page.

export const WORLD = 256;
/** Where the square ends in the north and in the south. */
export const MOST_LAT = 85.0511;
/** Length of the equator, metres. */
const EQUATOR_M = 40_075_017;

export function toWorld(lat, lon) {
  const sine = Math.sin((Math.min(Math.max(lat, -MOST_LAT), MOST_LAT) * Math.PI) / 180);
  return [WORLD * (lon / 360 + 0.5), WORLD * (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI))];
}

export function toPlace(x, y) {
  const turned = Math.PI * (1 - (2 * y) / WORLD);
  return [(Math.atan(Math.sinh(turned)) * 180) / Math.PI, 360 * (x / WORLD - 0.5)];
}

/** Metres of a unit at a latitude. */
export function metresOfUnit(lat) {
  return (EQUATOR_M * Math.cos((lat * Math.PI) / 180)) / WORLD;
}

/** Longitude within 180° of either side. */
export function wrapped(lon) {
  return ((((lon + 180) % 360) + 360) % 360) - 180;
}

/** The smallest of 1, 2 and 5 times a power of ten that is no less. */
export function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((by) => by * power).find((step) => step >= least * 0.9999);
}

/** The largest of them that is no more. */
export function niceLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((by) => by * power).find((length) => length <= most * 1.0001);
}

/** A parallel or meridian as the grid names it, with as many decimals as its step needs. */
export function named(degrees, step, [positive, negative]) {
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const size = Math.abs(degrees).toFixed(decimals);
  return Number(size) === 0 ? "0°" : `${size}° ${degrees > 0 ? positive : negative}`;
}

export const NORTH_SOUTH = ["N", "S"];
export const EAST_WEST = ["E", "W"];

export function lengthOf(metres) {
  return metres >= 1000 ? `${+(metres / 1000).toPrecision(3)} km` : `${+metres.toPrecision(3)} m`;
}
