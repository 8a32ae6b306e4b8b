// Where a camera was at a second of its video: between two fixes of one stretch, and nowhere in between two stretches.

/** After its last fix a stretch goes on for so long, as fixes come once a second. */
const REACH_S = 1;

/** `{lat, lon, speed, bearing}` in SI units and degrees, the last two null where they are not known; null in a gap.
 *  Fixes are `[lat, lon, second, speed, bearing]`, as `dashplate/web/mapped.py` has them. */
export function placeAt(track, second) {
  for (const stretch of track) {
    const last = stretch.length - 1;
    if (stretch[0][2] === null || second < stretch[0][2] - REACH_S || second > stretch[last][2] + REACH_S) continue;
    if (second <= stretch[0][2]) return fixOf(stretch, 0);
    if (second >= stretch[last][2]) return fixOf(stretch, last);
    let low = 0, high = last;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (stretch[middle][2] <= second) low = middle; else high = middle;
    }
    return between(fixOf(stretch, low), fixOf(stretch, high), (second - stretch[low][2]) / Math.max(1e-6, stretch[high][2] - stretch[low][2]));
  }
  return null;
}

function fixOf(stretch, at) {
  const [lat, lon, , speed, bearing] = stretch[at];
  if (bearing !== null) return { lat, lon, speed, bearing };
  const from = stretch[Math.max(0, at - 1)], to = stretch[Math.min(stretch.length - 1, at + 1)];
  return { lat, lon, speed, bearing: direction(from, to) };
}

/** Which way two places lie from each other; null where they are the same, but for what a receiver is off. */
function direction([lat, lon], [otherLat, otherLon]) {
  const north = otherLat - lat, east = turn(lon, otherLon) * Math.cos((lat * Math.PI) / 180);
  if (Math.hypot(north, east) < 3e-5) return null;
  return ((Math.atan2(east, north) * 180) / Math.PI + 360) % 360;
}

/** Degrees from one to the other, the shorter way. */
function turn(from, to) { return ((to - from + 540) % 360) - 180; }

function between(before, after, share) {
  const even = (name) => before[name] === null || after[name] === null ? before[name] ?? after[name] : before[name] + share * (after[name] - before[name]);
  const bearing = before.bearing === null || after.bearing === null ? before.bearing ?? after.bearing : (before.bearing + share * turn(before.bearing, after.bearing) + 360) % 360;
  return { lat: even("lat"), lon: before.lon + share * turn(before.lon, after.lon), speed: even("speed"), bearing };
}
