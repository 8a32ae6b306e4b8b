"""Painted things that stand beside a road: houses, shops, trees, lamps, signs, hedges and rails."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.drawing.brush import Brush, Colour, shade
from synthesis.drawing.raster import Sprite

WALLS: tuple[Colour, ...] = (
    (188, 206, 216), (150, 178, 206), (206, 210, 208), (128, 146, 182), (170, 196, 226), (188, 186, 178),
    (110, 124, 160),
)  # fmt: skip
ROOFS: tuple[Colour, ...] = ((52, 60, 112), (66, 66, 74), (58, 78, 122))
#: Shop signs: words that a reader must not take for plates.
SHOPS = (
    "HOTEL ROYAL",
    "CAFE 24",
    "AUTO PARTS 1987",
    "PIZZA 2 GO",
    "BAR 21",
    "BAKERY",
    "TYRES 4 U",
    "PHARMACY",
)
_DIRECTIONS = (("CENTRE 2", "AIRPORT A4"), ("M25 NORTH", "HARBOUR 7"), ("OLD TOWN", "STADIUM 3"))
_PX_PER_M = 34.0


def facade(length: float, height: float, wall: Colour, rng: np.random.Generator, shop: str | None) -> Sprite:
    """Return a street front: windows in rows, a door, and a shop window with its sign where it is a shop."""
    brush = Brush(length, height, _PX_PER_M, wall)
    brush.grain(rng, 5)
    brush.box(0, 0, length, 0.5, shade(wall, 0.72))
    brush.light([(0, 0.82), (0.3, 0.96), (0.95, 1.04), (1, 0.8)])
    count = max(2, int(length / 2.7))
    door = int(rng.integers(count))
    for floor in range(int(height // 2.8)):
        for column in range(count):
            x, y = (column + 0.5) * length / count, floor * 2.8 + 1.0
            if floor == 0 and column == door:
                _door(brush, x, rng)
            elif floor > 0 or shop is None:
                _window(brush, x, y, rng)
    if shop is not None:
        brush.box(0.4, 0.55, length - 0.4, 2.3, (60, 52, 46))
        brush.polygon([(0.4, 0.55), (length * 0.4, 0.55), (length * 0.6, 2.3), (0.4, 2.3)], (92, 84, 76))
        board: Colour = ((40, 60, 150), (96, 60, 24), (44, 92, 40), (36, 36, 40))[int(rng.integers(4))]
        brush.box(0.3, 2.35, length - 0.3, 3.15, board)
        brush.text(shop, length / 2, 2.75, 0.52, (236, 240, 240), length - 1.2)
    return brush.sprite()


def _window(brush: Brush, x: float, y: float, rng: np.random.Generator) -> None:
    brush.box(x - 0.62, y - 0.08, x + 0.62, y + 1.46, (222, 224, 224))
    tone = float(rng.uniform(0.7, 1.3))
    brush.box(x - 0.53, y, x + 0.53, y + 1.38, shade((92, 78, 64), tone))
    brush.polygon([(x - 0.53, y + 0.7), (x + 0.53, y + 1.1), (x + 0.53, y + 1.38), (x - 0.53, y + 1.38)],
                  shade((150, 132, 112), tone))  # fmt: skip
    brush.box(x - 0.03, y, x + 0.03, y + 1.38, (222, 224, 224))
    brush.box(x - 0.72, y - 0.16, x + 0.72, y - 0.06, (176, 178, 180))


def _door(brush: Brush, x: float, rng: np.random.Generator) -> None:
    paint: Colour = ((44, 60, 96), (92, 52, 36), (54, 84, 44))[int(rng.integers(3))]
    brush.box(x - 0.6, 0, x + 0.6, 2.35, (214, 216, 216))
    brush.box(x - 0.5, 0, x + 0.5, 2.25, paint)
    brush.text(str(int(rng.integers(1, 140))), x, 2.0, 0.16, (230, 230, 230))


def gable(depth: float, height: float, ridge: float, wall: Colour, rng: np.random.Generator) -> Sprite:
    """Return an end wall with the triangle under the roof."""
    brush = Brush(depth, height + ridge, _PX_PER_M * 0.6)
    brush.polygon([(0, 0), (depth, 0), (depth, height), (depth / 2, height + ridge), (0, height)], shade(wall, 0.8))
    _window(brush, depth / 2, 3.6, rng)
    brush.grain(rng, 4)
    return brush.sprite()


def roof(length: float, rise: float, tiles: Colour, rng: np.random.Generator) -> Sprite:
    """Return a slope of tiles."""
    brush = Brush(length, rise, 24, tiles)
    for row in np.arange(0, rise, 0.35):
        brush.line([(0, float(row)), (length, float(row))], 0.05, shade(tiles, 0.75))
    brush.grain(rng, 7)
    brush.light([(0, 0.85), (1, 1.15)])
    return brush.sprite()


def tree(rng: np.random.Generator, height: float, width: float) -> Sprite:
    """Return a broad-leaved tree: many leaf clusters, lit from above."""
    brush = Brush(width, height, 40)
    middle = width / 2
    brush.polygon([(middle - 0.17, 0), (middle + 0.17, 0), (middle + 0.1, height * 0.6),
                   (middle - 0.1, height * 0.6)],
                  (50, 66, 82))  # fmt: skip
    for side in (-1, 1):
        brush.line([(middle, height * 0.36), (middle + side * width * 0.2, height * 0.58)], 0.12, (48, 62, 78))
    leaf: Colour = ((38, 92, 62), (44, 104, 84), (50, 88, 52))[int(rng.integers(3))]
    for share in np.linspace(0, 1, 260):
        angle, reach = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random())
        x = middle + float(np.cos(angle) * reach) * width * 0.4
        y = height * 0.64 + float(np.sin(angle) * reach) * height * 0.27
        lit = 0.5 + 0.75 * (y / height - 0.3) + 0.3 * share + float(rng.normal(0, 0.12))
        brush.disc(
            x,
            y,
            float(rng.uniform(0.12, 0.34)) * width * 0.22,
            shade(leaf, lit),
            float(rng.uniform(0.6, 0.9)),
        )
    return brush.sprite()


def lamp() -> Sprite:
    """Return a street lamp, its arm reaching left over the road; 2.4 by 8 m."""
    brush = Brush(2.4, 8.0, 40)
    brush.polygon([(2.12, 0), (2.3, 0), (2.25, 7.6), (2.17, 7.6)], (112, 112, 110))
    brush.line([(2.21, 7.5), (1.9, 7.85), (0.7, 7.9)], 0.08, (112, 112, 110))
    brush.polygon([(0.15, 7.82), (0.8, 7.8), (0.75, 7.98), (0.25, 7.95)], (190, 196, 196))
    return brush.sprite()


def _post(width: float, height: float) -> Brush:
    brush = Brush(width, height, 90)
    brush.box(width / 2 - 0.04, 0, width / 2 + 0.04, height - 0.1, (138, 138, 136))
    return brush


def signs() -> list[tuple[Sprite, float, float]]:
    """Return road signs on posts, each with its width and height in metres."""
    made = [
        (_limit("30"), 0.8, 3.0),
        (_limit("50"), 0.8, 3.0),
        (_parking(), 0.8, 3.0),
        (_warning(), 0.9, 3.0),
    ]
    return made + [(_direction(lines), 2.4, 3.6) for lines in _DIRECTIONS]


def _limit(number: str) -> Sprite:
    brush = _post(0.8, 3.0)
    for radius, colour in ((0.38, (36, 32, 190)), (0.29, (240, 240, 240))):
        brush.disc(0.4, 2.6, radius, colour)
    brush.text(number, 0.4, 2.6, 0.27, (24, 24, 24))
    return brush.sprite()


def _parking() -> Sprite:
    brush = _post(0.8, 3.0)
    brush.box(0.05, 2.25, 0.75, 2.95, (170, 90, 20), 0.05)
    brush.text("P", 0.4, 2.6, 0.46, (240, 240, 240))
    return brush.sprite()


def _warning() -> Sprite:
    brush = _post(0.9, 3.0)
    brush.polygon([(0.02, 2.2), (0.88, 2.2), (0.45, 2.98)], (36, 32, 190))
    brush.polygon([(0.16, 2.29), (0.74, 2.29), (0.45, 2.8)], (240, 240, 240))
    brush.box(0.42, 2.42, 0.48, 2.66, (24, 24, 24))
    brush.disc(0.45, 2.36, 0.035, (24, 24, 24))
    return brush.sprite()


def _direction(lines: tuple[str, str]) -> Sprite:
    brush = Brush(2.4, 3.6, 70)
    for x in (0.4, 2.0):
        brush.box(x - 0.05, 0, x + 0.05, 3.0, (138, 138, 136))
    brush.box(0.02, 2.3, 2.38, 3.55, (240, 240, 240), 0.08)
    brush.box(0.06, 2.34, 2.34, 3.51, (150, 76, 16), 0.06)
    for line, y in zip(lines, (3.2, 2.65), strict=True):
        brush.text(line, 1.2, y, 0.28, (240, 240, 240), 2.1)
    return brush.sprite()


def hedge(rng: np.random.Generator) -> Sprite:
    """Return 12 m of clipped hedge."""
    brush = Brush(12.0, 1.3, 36)
    brush.box(0, 0, 12, 1.15, (36, 72, 50))
    for _ in range(840):
        x, y = float(rng.uniform(0, 12)), float(rng.uniform(0.05, 1.18))
        lit = 0.55 + 0.6 * y + float(rng.normal(0, 0.12))
        brush.disc(x, y, float(rng.uniform(0.04, 0.12)), shade((42, 94, 66), lit))
    return brush.sprite()


def rail() -> Sprite:
    """Return 12 m of crash barrier."""
    brush = Brush(12.0, 0.8, 50)
    for x in (1.0, 3.0, 5.0, 7.0, 9.0, 11.0):
        brush.box(x - 0.06, 0, x + 0.06, 0.7, (116, 118, 118))
    for bottom, top, colour in (
        (0.42, 0.5, 150),
        (0.5, 0.56, 196),
        (0.56, 0.62, 128),
        (0.62, 0.7, 186),
        (0.7, 0.76, 212),
    ):
        brush.box(0, bottom, 12, top, (colour, colour, colour))
    return brush.sprite()


def patch_of_shade(rng: np.random.Generator) -> Sprite:
    """Return the soft shadow that a tree throws on the ground; 5 by 5 m."""
    cover = np.zeros((100, 100), np.uint8)
    for _ in range(60):
        x, y = rng.normal(50, 15, 2)
        cv2.circle(cover, (int(x), int(y)), int(rng.integers(4, 12)), 120, -1, cv2.LINE_AA)
    soft: NDArray[np.uint8] = np.asarray(cv2.GaussianBlur(cover, (0, 0), 2.5), np.uint8)
    return Sprite(np.dstack([np.full((100, 100, 3), 20, np.uint8), soft]))
