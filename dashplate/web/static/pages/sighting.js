// One sighting: its frame zooms, its clip plays once it is asked for, and what a person says of it is sent.
"use strict";

const words = document.getElementById("words").dataset;

/** The frame: `scale` 1 shows all of it; (x, y) is its corner in pixels of the view. */
(() => {
  const figure = document.querySelector("[data-zoom]");
  if (!figure) return;
  const view = figure.querySelector(".view"), sheet = figure.querySelector(".sheet");
  const MOST = 16;
  let scale = 1, x = 0, y = 0;

  function draw() {
    x = Math.min(0, Math.max(view.clientWidth * (1 - scale), x));
    y = Math.min(0, Math.max(view.clientHeight * (1 - scale), y));
    sheet.style.setProperty("--zoom", scale);
    sheet.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
  }
  /** Zoom so that what is at (atX, atY) of the view stays there. */
  function zoom(by, atX = view.clientWidth / 2, atY = view.clientHeight / 2) {
    const next = Math.min(MOST, Math.max(1, scale * by)), ratio = next / scale;
    [x, y, scale] = [atX - (atX - x) * ratio, atY - (atY - y) * ratio, next];
    draw();
  }
  function all() { [scale, x, y] = [1, 0, 0]; draw(); }
  function plate() {
    const svg = sheet.querySelector("svg"), [x1, y1, x2, y2] = svg.dataset.box.split(" ").map(Number);
    const px = view.clientWidth / svg.viewBox.baseVal.width;
    scale = Math.min(MOST, Math.max(1, (0.4 * view.clientWidth) / ((x2 - x1) * px)));
    x = view.clientWidth / 2 - ((x1 + x2) / 2) * px * scale;
    y = view.clientHeight / 2 - ((y1 + y2) / 2) * px * scale;
    draw();
  }
  const place = (event) => { const at = view.getBoundingClientRect(); return [event.clientX - at.left, event.clientY - at.top]; };

  view.addEventListener("wheel", (event) => {
    // The page scrolls on where there is nothing left to zoom.
    if (event.deltaY > 0 && scale === 1) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 300), ...place(event));
  }, { passive: false });
  const fingers = new Map();
  view.addEventListener("pointerdown", (event) => { fingers.set(event.pointerId, place(event)); view.setPointerCapture(event.pointerId); });
  for (const gone of ["pointerup", "pointercancel"]) view.addEventListener(gone, (event) => fingers.delete(event.pointerId));
  view.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = place(event), other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const far = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]) || 1;
      zoom(far(now) / far(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else if (scale > 1) {
      x += now[0] - before[0];
      y += now[1] - before[1];
      draw();
    } else if (event.pointerType === "touch") scrollBy(0, before[1] - now[1]);
    fingers.set(event.pointerId, now);
  });
  view.addEventListener("dblclick", (event) => zoom(2, ...place(event)));
  view.addEventListener("keydown", (event) => {
    const step = 60, moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
    if (event.key === "+" || event.key === "=") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else if (event.key === "0") all();
    else if (moves && scale > 1) { x += moves[0]; y += moves[1]; draw(); }
    else return;
    event.preventDefault();
  });
  figure.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.zoomBy) zoom(Number(button.dataset.zoomBy));
    else if ("zoomPlate" in button.dataset) plate();
    else all();
  });
  addEventListener("resize", draw);
})();

document.querySelector("[data-clip] button")?.addEventListener("click", async (event) => {
  const holder = event.target.closest("[data-clip]"), address = holder.dataset.clip;
  const hint = holder.querySelector(".hint");
  event.target.disabled = true;
  hint.textContent = words.clipWaits;
  const video = document.createElement("video");
  [video.controls, video.autoplay, video.loop, video.muted, video.playsInline] = [true, true, true, true, true];
  video.addEventListener("loadeddata", () => { hint.remove(); event.target.remove(); });
  video.addEventListener("error", async () => {
    video.remove();
    event.target.disabled = false;
    // The player keeps the reason to itself; the service tells it.
    hint.textContent = await dashplate.call("GET", address).then(() => words.clipFailed, (error) => error.message);
  });
  video.src = address;
  holder.prepend(video);
});

const correction = document.querySelector("[data-correction]");
function correct(plate) {
  const note = correction.elements.note?.value.trim();
  const body = note ? { plate, note } : { plate };
  dashplate.attempt(correction, async () => {
    await dashplate.call("POST", `/v1/sightings/${correction.dataset.correction}/correction`, body);
    location.reload();
  });
}
correction?.addEventListener("submit", (event) => { event.preventDefault(); correct(correction.elements.plate.value); });
correction?.querySelector("[data-no-plate]").addEventListener("click", () => correct(null));
document.querySelector("[data-take-back]")?.addEventListener("click", (event) => {
  const address = `/v1/sightings/${event.target.dataset.takeBack}/correction`;
  dashplate.call("DELETE", address).then(() => location.reload(), (error) => dashplate.say(error.message));
});
