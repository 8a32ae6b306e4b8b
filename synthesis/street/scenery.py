"""Where the houses, trees, lamps and signs of the street stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthesis.camera import Points, View
from synthesis.drawing.raster import Sprite, draw_quad
from synthesis.street import buildings
from synthesis.street.ground import KERB_M, PAVEMENT_M

Image = NDArray[np.uint8]

#: Farther than this nothing is drawn, metres.
SIGHT_M = 150.0
_HOUSE_DEPTH_M = 8.0
_STRIP_M = 12.0


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that stands still: panels, drawn in order, and how far along the road it begins and ends."""

    panels: tuple[tuple[Sprite, Points], ...]
    start_s: float
    end_s: float

    def seen(self, view: View) -> bool:
        """Whether any of it is ahead and near enough."""
        return self.end_s > view.s + 1 and self.start_s < view.s + SIGHT_M

    def draw(self, canvas: Image, view: View) -> None:
        """Draw it in place."""
        for sprite, corners in self.panels:
            draw_quad(canvas, view, sprite, corners)


def _upright(sprite: Sprite, u: float, s: float, width: float, height: float) -> Thing:
    """Return a flat thing that faces the camera."""
    left, right = u - width / 2, u + width / 2
    corners = np.array([(left, height, s), (right, height, s), (right, 0, s), (left, 0, s)], np.float64)
    return Thing(((sprite, corners),), s, s)


def _along(u: float, start: float, end: float, low: float, high: float) -> Points:
    """Return a wall along the road, its corners in the order that a driver reads it."""
    first, last = (end, start) if u > 0 else (start, end)
    return np.array([(u, high, first), (u, high, last), (u, low, last), (u, low, first)], np.float64)


def _flat(sprite: Sprite, u: float, s: float, size: float) -> Thing:
    half = size / 2
    corners = np.array(
        [(u - half, 0, s + size), (u + half, 0, s + size), (u + half, 0, s), (u - half, 0, s)], np.float64
    )
    return Thing(((sprite, corners),), s, s + size)


def _house(rng: np.random.Generator, side: int, start: float, length: float, shop: str | None) -> Thing:
    u, height = side * float(rng.uniform(10.2, 11.4)), float(rng.choice([5.7, 5.9, 8.5]))
    wall = buildings.WALLS[int(rng.integers(len(buildings.WALLS)))]
    tiles = buildings.ROOFS[int(rng.integers(len(buildings.ROOFS)))]
    ridge, far, end = 2.6, side * _HOUSE_DEPTH_M, start + length
    left, right = min(u, u + far), max(u, u + far)
    top = height + ridge
    wall_end = np.array([(left, top, start), (right, top, start), (right, 0, start), (left, 0, start)], np.float64)
    slope = _along(u, start - 0.3, end + 0.3, height - 0.15, top)
    slope[:2, 0] += far / 2
    slope[2:, 0] -= side * 0.35
    return Thing(
        (
            (buildings.gable(_HOUSE_DEPTH_M, height, ridge, wall, rng), wall_end),
            (buildings.roof(length, 4.0, tiles, rng), slope),
            (buildings.facade(length, height, wall, rng, shop), _along(u, start, end, 0, height)),
        ),
        start,
        end,
    )


class Street:
    """Everything that stands still along ``length_m`` metres of road."""

    def __init__(self, rng: np.random.Generator, length_m: float) -> None:
        self._flat = self._shades(rng, length_m)
        self.things = [*self._houses(rng, length_m), *self._trees(rng, length_m), *self._furniture(length_m)]

    def _houses(self, rng: np.random.Generator, length_m: float) -> list[Thing]:
        models = [
            [(float(rng.uniform(9, 13)), rng.spawn(1)[0]) for _ in range(int(length_m / 14) + 2)] for _ in range(2)
        ]
        shops = list(rng.permutation(buildings.SHOPS))
        made: list[Thing] = []
        for side, row in zip((-1, 1), models, strict=True):
            start = -6.0 - side * 3
            for index, (length, own) in enumerate(row):
                shop = str(shops[(index // 2 + (side > 0) * 3) % len(shops)]) if index % 2 == (side > 0) else None
                made.append(_house(own, side, start, length, shop))
                start += length + float(own.uniform(0.6, 5.0))
        return made

    def _trees(self, rng: np.random.Generator, length_m: float) -> list[Thing]:
        sprites = [buildings.tree(rng, 6.0, 4.6) for _ in range(4)]
        made: list[Thing] = []
        for side in (-1, 1):
            for s in np.arange(4.0 + side * 3, length_m, 19.0):
                scale = float(rng.uniform(0.75, 1.1))
                u = side * (PAVEMENT_M + float(rng.uniform(0.4, 1.0)))
                made.append(
                    _upright(
                        sprites[int(rng.integers(4))],
                        u,
                        float(s + rng.uniform(-4, 4)),
                        4.6 * scale,
                        6 * scale,
                    )
                )
        return made

    def _shades(self, rng: np.random.Generator, length_m: float) -> list[Thing]:
        sprite = buildings.patch_of_shade(rng)
        return [
            _flat(sprite, side * float(rng.uniform(5.2, 7.2)), float(s), 5.0)
            for side in (-1, 1)
            for s in np.arange(6.0 + side * 2, length_m, 14.0)
        ]

    def _furniture(self, length_m: float) -> list[Thing]:
        lamp, hedge, rail = buildings.lamp(), buildings.hedge(np.random.default_rng(11)), buildings.rail()
        signs = buildings.signs()
        made = [_upright(lamp, KERB_M - 0.5, float(s), 2.4, 8.0) for s in np.arange(9.0, length_m, 31.0)]
        for index, s in enumerate(np.arange(17.0, length_m, 27.0)):
            sprite, width, height = signs[index % len(signs)]
            made.append(_upright(sprite, KERB_M + 0.35 + width / 2, float(s), width, height))
        for strip in range(int(length_m / _STRIP_M)):
            start, end = strip * _STRIP_M, (strip + 1) * _STRIP_M
            left = (rail, _along(-KERB_M - 0.25, start, end, 0, 0.8))
            if strip // 4 % 2:
                left = (hedge, _along(-PAVEMENT_M - 0.6, start, end, 0, 1.3))
            right = (hedge, _along(PAVEMENT_M + 1.8, start, end, 0, 1.0))
            made += [Thing((left,), start, end), Thing((right,), start, end)]
        return made

    def draw_flat(self, canvas: Image, view: View) -> None:
        """Draw what lies on the ground."""
        for thing in self._flat:
            if thing.seen(view):
                thing.draw(canvas, view)
