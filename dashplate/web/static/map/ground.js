// What lies below everything on a map: land with its shores, the grid of latitude and longitude, a scale, and tiles where
// the service names a server of such. Without one nothing is fetched from anywhere else.

import { drawLand } from "./coast.js";
import { EAST_WEST, NORTH_SOUTH, WORLD, lengthOf, metresOfUnit, named, niceLength, niceStep, toPlace, toWorld, wrapped } from "./mercator.js";
import { View } from "./view.js";

/** From here on shores, which are some kilometres off, would say more than is known of them. */
const LAND_UNTIL_ZOOM = 10.5;
/** Least pixels between two lines of the grid, and most of the scale. */
const GRID_PX = 90, SCALE_PX = 110;
/** The small map of the surroundings: its size and margin in pixels, its zoom less than the view's, and its most. */
const INSET_PX = [104, 76], INSET_MARGIN_PX = 10, INSET_ZOOM = 3.2;
/** What the credit takes of the lower edge, pixels. */
const CREDIT_PX = 190;
const TILE_PX = 256, MOST_TILE_ZOOM = 19;
/** Tiles that are kept; a view of a large screen has some sixty. */
const MOST_TILES = 256;

/** Draw the ground of a view, with the grid and its names above it. */
export function drawGround(pen, view, lines, tiles, colours) {
  pen.fillStyle = view.zoom < LAND_UNTIL_ZOOM && lines ? colours.sea : colours.ground;
  pen.fillRect(0, 0, view.wide, view.high);
  if (lines && view.zoom < LAND_UNTIL_ZOOM) drawWorld(pen, view, lines, colours);
  if (tiles) tiles.draw(pen, view);
  drawGrid(pen, view, colours);
}

/** The land, once more for each world beside that reaches into the view; land that crosses 180° does from further off. */
function drawWorld(pen, view, lines, colours) {
  const box = view.box();
  for (let world = Math.floor(box.west / WORLD) - 1; world <= Math.floor(box.east / WORLD) + 1; world += 1) {
    pen.save();
    pen.translate(view.wide / 2, view.high / 2);
    pen.scale(view.scale, view.scale);
    pen.translate(world * WORLD - view.x, -view.y);
    drawLand(pen, lines, { ...box, west: box.west - world * WORLD, east: box.east - world * WORLD }, view.scale, colours);
    pen.restore();
  }
}

function drawGrid(pen, view, colours) {
  const box = view.box();
  const [north, west] = toPlace(box.west, box.north), [south, east] = toPlace(box.east, box.south);
  const [middle] = toPlace(view.x, view.y);
  const step = Math.min(30, niceStep((GRID_PX / view.scale / WORLD) * 360));
  // Parallels lie further apart than meridians.
  const stepLat = Math.min(30, niceStep(step * Math.cos((middle * Math.PI) / 180) * 0.7));
  pen.lineWidth = 1;
  pen.strokeStyle = colours.grid;
  pen.beginPath();
  const labels = [];
  for (let at = Math.ceil(west / step); at * step <= east; at += 1) {
    const x = Math.round(view.pixel(toWorld(0, at * step)[0], 0)[0]) + 0.5;
    pen.moveTo(x, 0);
    pen.lineTo(x, view.high);
    labels.push([named(wrapped(at * step), step, EAST_WEST), x + 4, view.high - 5]);
  }
  for (let at = Math.ceil(south / stepLat); at * stepLat <= north; at += 1) {
    const y = Math.round(view.pixel(0, toWorld(at * stepLat, 0)[1])[1]) + 0.5;
    pen.moveTo(0, y);
    pen.lineTo(view.wide, y);
    labels.push([named(at * stepLat, stepLat, NORTH_SOUTH), 5, y - 4]);
  }
  pen.stroke();
  for (const [text, x, y] of labels) {
    if (y < 12 || (x > view.wide - CREDIT_PX && y > view.high - 18) || (x < 70 && y > view.high - 18 && text.match(/[EW]/))) continue;
    write(pen, text, x, y, colours);
  }
}

/** A word with a rim of the ground's colour, so that it is read on anything. */
function write(pen, text, x, y, colours) {
  pen.font = "11px system-ui, 'Liberation Sans', sans-serif";
  pen.lineWidth = 3;
  pen.lineJoin = "round";
  pen.strokeStyle = colours.rim;
  pen.strokeText(text, x, y);
  pen.fillStyle = colours.word;
  pen.fillText(text, x, y);
}

/** The scale, at the latitude of the view's middle, and which way is north: to the right below, above the meridians' names. */
export function drawScale(pen, view, colours) {
  const [lat] = toPlace(view.x, view.y), metresOfPixel = metresOfUnit(lat) / view.scale;
  const metres = niceLength(metresOfPixel * SCALE_PX);
  const wide = metres / metresOfPixel, right = view.wide - 12, y = view.high - 24;
  for (const [width, colour] of [[5, colours.rim], [2, colours.word]]) {
    pen.lineWidth = width;
    pen.strokeStyle = colour;
    pen.beginPath();
    pen.moveTo(right - wide, y - 5);
    pen.lineTo(right - wide, y);
    pen.lineTo(right, y);
    pen.lineTo(right, y - 5);
    pen.stroke();
  }
  write(pen, lengthOf(metres), right - wide + 4, y - 6, colours);
  write(pen, "N ↑", right - wide - 30, y, colours);
}

/** The surroundings, small, in the upper left: where on earth this is. */
export function drawInset(pen, view, lines, colours) {
  if (!lines || view.zoom < LAND_UNTIL_ZOOM - 2 || view.wide < 3 * INSET_PX[0]) return;
  const [wide, high] = INSET_PX, around = new View();
  Object.assign(around, { x: view.x, y: view.y, zoom: INSET_ZOOM, wide, high });
  pen.save();
  pen.translate(INSET_MARGIN_PX, INSET_MARGIN_PX);
  pen.beginPath();
  pen.rect(0, 0, wide, high);
  pen.clip();
  pen.fillStyle = colours.sea;
  pen.fillRect(0, 0, wide, high);
  drawWorld(pen, around, lines, colours);
  pen.strokeStyle = colours.word;
  pen.lineWidth = 1;
  pen.strokeRect(0.5, 0.5, wide - 1, high - 1);
  pen.strokeStyle = colours.track;
  pen.lineWidth = 2;
  pen.strokeRect(wide / 2 - 4, high / 2 - 4, 8, 8);
  pen.restore();
}

/** Pictures of a tile server, fetched as they come into view and kept for a while. */
export class Tiles {
  constructor(template, arrived) {
    this.template = template;
    this.arrived = arrived;
    this.kept = new Map();
  }

  draw(pen, view) {
    const zoom = Math.min(MOST_TILE_ZOOM, Math.max(0, Math.round(view.zoom))), count = 2 ** zoom;
    const side = WORLD / count, box = view.box();
    for (let row = Math.max(0, Math.floor(box.north / side)); row <= Math.min(count - 1, Math.floor(box.south / side)); row += 1) {
      for (let column = Math.floor(box.west / side); column <= Math.floor(box.east / side); column += 1) {
        const picture = this.tile(zoom, ((column % count) + count) % count, row);
        if (!picture.complete || !picture.naturalWidth) continue;
        const [x, y] = view.pixel(column * side, row * side), [right, bottom] = view.pixel((column + 1) * side, (row + 1) * side);
        // Whole pixels leave no seams.
        pen.drawImage(picture, Math.floor(x), Math.floor(y), Math.ceil(right) - Math.floor(x), Math.ceil(bottom) - Math.floor(y));
      }
    }
  }

  tile(zoom, column, row) {
    const address = this.template.replace("{z}", zoom).replace("{x}", column).replace("{y}", row);
    let picture = this.kept.get(address);
    if (!picture) {
      picture = new Image(TILE_PX, TILE_PX);
      // Tile servers want to know who asks; which page of it is nobody's business.
      picture.referrerPolicy = "origin";
      picture.addEventListener("load", this.arrived);
      picture.src = address;
      if (this.kept.size >= MOST_TILES) this.kept.delete(this.kept.keys().next().value);
    }
    // The last that was wanted goes last.
    this.kept.delete(address);
    this.kept.set(address, picture);
    return picture;
  }
}
