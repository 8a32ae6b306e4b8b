"""The ground: asphalt, lane markings, kerbs, pavement and grass, one texture that repeats along the road."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.camera import LENS_HEIGHT_M, View
from synthesis.drawing.raster import HAZE_BGR, HAZE_M

Image = NDArray[np.uint8]

LANE_M = 3.0
#: Outer edge of the parking bays, of the kerb and of the pavement, metres from the centre line.
BAY_M, KERB_M, PAVEMENT_M = 5.15, 5.4, 7.3
#: The texture's length along the road and its reach to either side, metres.
_PERIOD_M, _REACH_M = 36.0, 14.4
_PX_PER_M = 50
_SHUTTER_BLUR_M = 0.06
_DEEPEST = 6


def _noise(rng: np.random.Generator, shape: tuple[int, int], cell: int, strength: float) -> NDArray[np.float32]:
    """Return smooth noise that repeats from the last row to the first."""
    rows, columns = max(2, shape[0] // cell), max(2, shape[1] // cell)
    coarse = rng.normal(0, strength, (rows, columns)).astype(np.float32)
    wrapped = cv2.copyMakeBorder(coarse, 4, 4, 0, 0, cv2.BORDER_WRAP)
    fine = cv2.resize(wrapped, (shape[1], shape[0] * (rows + 8) // rows), interpolation=cv2.INTER_CUBIC)
    margin = (fine.shape[0] - shape[0]) // 2
    return np.asarray(fine[margin : margin + shape[0]], np.float32)


def _texture(rng: np.random.Generator) -> Image:
    shape = (int(_PERIOD_M * _PX_PER_M), int(2 * _REACH_M * _PX_PER_M))
    u = (np.arange(shape[1]) + 0.5) / _PX_PER_M - _REACH_M
    s = (np.arange(shape[0]) + 0.5) / _PX_PER_M
    ground = np.empty((*shape, 3), np.float32)
    ground[:] = (52, 104, 92)
    ground += (_noise(rng, shape, 40, 9) + _noise(rng, shape, 8, 7))[..., None] * np.array([0.7, 1.0, 1.0], np.float32)
    _pave(ground, u, s, rng)
    _asphalt(ground, u, rng)
    _mark(ground, u, s, rng)
    ground += rng.normal(0, 5, shape).astype(np.float32)[..., None]
    return np.clip(ground, 0, 255).astype(np.uint8)


def _pave(
    ground: NDArray[np.float32], u: NDArray[np.float64], s: NDArray[np.float64], rng: np.random.Generator
) -> None:
    """Lay pavement slabs and the kerb on both sides."""
    slabs = rng.normal(0, 4, (int(_PERIOD_M / 0.6), int(_REACH_M * 2 / 0.6))).astype(np.float32)
    tone = slabs[(s / 0.6).astype(int)[:, None] % slabs.shape[0], ((u + _REACH_M) / 0.6).astype(int) % slabs.shape[1]]
    joints = ((s % 0.6 < 0.03)[:, None] | ((u + _REACH_M) % 0.6 < 0.03)[None, :]) * -18.0
    paved = np.abs(u) < PAVEMENT_M
    ground[:, paved] = np.array([150, 154, 156], np.float32) + (tone + joints)[:, paved, None]
    kerb = np.abs(u) < KERB_M
    ground[:, kerb] = np.array([172, 174, 174], np.float32) + ((s % 1.0 < 0.03)[:, None, None] * -45.0)


def _asphalt(ground: NDArray[np.float32], u: NDArray[np.float64], rng: np.random.Generator) -> None:
    road = np.abs(u) < BAY_M
    shape = ground.shape[0], int(road.sum())
    tone = _noise(rng, shape, 60, 4) + _noise(rng, shape, 6, 4)
    for centre in (-LANE_M / 2, LANE_M / 2):
        for track in (-0.75, 0.75):
            tone -= (7 * np.exp(-(((u[road] - centre - track) / 0.3) ** 2))).astype(np.float32)
        tone -= (5 * np.exp(-(((u[road] - centre) / 0.18) ** 2))).astype(np.float32)
    tone -= (np.abs(u[road]) > LANE_M + 0.15) * np.float32(9)
    ground[:, road] = np.array([100, 98, 97], np.float32) + tone[..., None]
    for _ in range(9):
        _patch(ground, rng)


def _patch(ground: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Darken a repaired rectangle, or draw a crack sealed with tar."""
    x, y = int((rng.uniform(-2.7, 2.2) + _REACH_M) * _PX_PER_M), int(rng.integers(0, ground.shape[0] - 300))
    if rng.random() < 0.4:
        ground[y : y + int(rng.integers(60, 220)), x : x + int(rng.integers(30, 70))] *= 0.88
        return
    points = np.cumsum(rng.normal(0, 9, (16, 2)) + (0, 14), axis=0) + (x, y)
    cv2.polylines(ground, [points.astype(np.int32)], False, (58, 56, 56), 3, cv2.LINE_AA)


def _mark(
    ground: NDArray[np.float32], u: NDArray[np.float64], s: NDArray[np.float64], rng: np.random.Generator
) -> None:
    """Paint the dashed centre line, the bay lines and the bays' ends, worn in places."""
    paint = np.zeros(ground.shape[:2], np.float32)
    paint[np.ix_(s % 9.0 < 3.6, np.abs(u) < 0.075)] = 1
    edge = np.abs(np.abs(u) - LANE_M - 0.1) < 0.06
    paint[np.ix_(s % 1.5 < 0.8, edge)] = 1
    paint[np.ix_(s % 6.0 < 0.1, (np.abs(u) > LANE_M + 0.1) & (np.abs(u) < BAY_M))] = 1
    wear = np.clip(0.86 + _noise(rng, (ground.shape[0], ground.shape[1]), 10, 0.12), 0.35, 1)
    share = (paint * wear)[..., None]
    ground[:] = ground * (1 - share) + np.array([214, 218, 218], np.float32) * share


class Ground:
    """Draws the ground below the horizon."""

    def __init__(self, rng: np.random.Generator) -> None:
        base = _texture(rng)
        self._levels: dict[tuple[int, int], Image] = {(0, 0): base}

    def _level(self, across: int, along: int) -> Image:
        key = (across, along)
        if key not in self._levels:
            base = self._levels[0, 0]
            size = (max(8, base.shape[1] >> across), max(8, base.shape[0] >> along))
            self._levels[key] = np.asarray(cv2.resize(base, size, interpolation=cv2.INTER_AREA), np.uint8)
        return self._levels[key]

    def draw(self, canvas: Image, view: View) -> None:
        """Fill every row below the horizon in place."""
        cy = view.centre[1]
        first = max(0, int(np.floor(cy)) + 2)
        rows = np.arange(first, view.height)
        ahead = np.asarray(view.focal * LENS_HEIGHT_M / (rows + 0.5 - cy), np.float64)
        along = ahead**2 / (view.focal * LENS_HEIGHT_M) + _SHUTTER_BLUR_M
        levels_along = np.clip(np.round(np.log2(along * _PX_PER_M) - 0.2), 0, _DEEPEST).astype(int)
        levels_across = np.clip(np.round(np.log2(ahead / view.focal * _PX_PER_M) - 0.2), 0, 4).astype(int)
        keys = levels_along * 16 + levels_across
        for key in np.unique(keys):
            chosen = np.flatnonzero(keys == key)
            block = slice(int(chosen[0]), int(chosen[-1]) + 1)
            self._band(canvas, view, rows[block], ahead[block], (int(key) % 16, int(key) // 16))
        self._haze(canvas[first:], ahead)
        canvas[max(0, first - 4) : first] = canvas[first]

    def _band(
        self,
        canvas: Image,
        view: View,
        rows: NDArray[np.int64],
        ahead: NDArray[np.float64],
        level: tuple[int, int],
    ) -> None:
        texture = self._level(*level)
        x = np.arange(view.width, dtype=np.float32) + 0.5 - view.centre[0]
        scale = ahead[:, None] / view.focal
        u = x[None, :] * scale + view.u - view.drift(ahead)[:, None]
        map_x = ((u + _REACH_M) * (texture.shape[1] / (2 * _REACH_M)) - 0.5).astype(np.float32)
        v = ((view.s + ahead) % _PERIOD_M) * (texture.shape[0] / _PERIOD_M) - 0.5
        map_y = np.repeat(v.astype(np.float32)[:, None], view.width, axis=1)
        np.clip(map_x, 0, texture.shape[1] - 1, out=map_x)
        drawn = cv2.remap(texture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        canvas[rows[0] : rows[-1] + 1] = drawn

    def _haze(self, below: Image, ahead: NDArray[np.float64]) -> None:
        count = int((ahead > 20).sum())
        share = (1 - np.exp(-ahead[:count] / HAZE_M)).astype(np.float32)[:, None, None]
        below[:count] = (below[:count] * (1 - share) + np.array(HAZE_BGR, np.float32) * share).astype(np.uint8)
