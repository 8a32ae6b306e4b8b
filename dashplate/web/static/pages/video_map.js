// The map beside the player: the camera stands where it was in the frame that is shown, and a sighting leads to its second.

import { placeAt } from "../map/along.js";

/** Slower than this is standing: receivers wander. m/s. */
const STANDING_MPS = 0.7;

const map = document.querySelector("dash-map"), player = document.querySelector("dash-player");
const said = document.querySelector(".now-there");

function tell(fix) {
  if (!fix) { said.textContent = said.dataset.none; return; }
  const parts = [`${fix.lat.toFixed(5)}, ${fix.lon.toFixed(5)}`];
  if (fix.speed !== null) parts.unshift(fix.speed < STANDING_MPS ? said.dataset.standing : `${Math.round(3.6 * fix.speed)} km/h`);
  said.textContent = parts.join(" · ");
}

function stand() {
  if (!map.isReady) return;
  const fix = placeAt(map.told.way, player.shownAt || 0);
  map.stand(fix, !player.media.paused);
  tell(fix);
}

if (map && player) {
  player.addEventListener("shown", stand);
  map.addEventListener("ready", stand);
  map.addEventListener("mark", (event) => {
    const place = player.sightings.findIndex(([id]) => id === event.detail.id);
    if (place >= 0) player.look(place); else player.seek(event.detail.at);
  });
}
