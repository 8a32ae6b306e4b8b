"""Finds the four corners of a plate inside its crop, and turns the plate upright.

Detector boxes are axis-aligned; a plate in the next lane or at a gate is not. Its upper and its lower side are the two
lines along which the light changes the same way for nearly all of their length; left and right follow from the lean
under which the strokes of the characters, and the plate's own ends, line up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.records import Box, Image

#: The crop is laid into a canvas of this size, where the plate's box always lies at the same place: width and height
#: have scales of their own, which leaves lines straight.
_WIDTH_PX, _HEIGHT_PX = 128, 80
_LEFT, _TOP, _RIGHT, _BOTTOM = 16, 16, 112, 64
#: Heights at which a side may meet the left and the right of the box, and the columns where its light is sampled.
_ENDS = np.arange(3, 77, 2)
_COLUMNS = np.arange(_LEFT + 3, _RIGHT - 2, 3)
#: Light changes weaker than this share of the mean one, and than so many grey levels, hardly count: a side is told by
#: how much of it agrees, not by how bright it is.
_WEAK_SHARE, _WEAK_LEVELS = 0.6, 4.0
#: Sides looked at in pairs, of each the best.
_BEST = 24
#: The corners of a plate lie on its box: a canvas pixel off costs a side so much agreement, after some pixels for free.
_OFF_THE_BOX, _FREE_PX = 0.031, 3.2
#: What one side brighter outside and one brighter inside are worth: the plate differs from all around it.
_BOTH_OUTWARDS = 0.1
#: The shorter end of a plate has at least this share of the longer one's height, and what a difference costs.
_SHORTEST, _UNEVEN = 0.6, 0.6
#: A plate is at least so high in the canvas, pixels.
_LEAST_HEIGHT_PX = 16
#: Leans tried, and the heights between the two sides, 0 to 1, at which strokes are sampled.
_LEANS = np.tan(np.radians(np.arange(-28, 29, 4)))
_DEPTHS = np.linspace(0.08, 0.92, 12)
#: Weight of the strokes against the two ends, and what a lean of 45 degrees would cost.
_STROKES, _LEANING = 6.0, 0.4
#: As `_OFF_THE_BOX`, for left and right, which must not cut characters off.
_OFF_THE_ENDS, _FREE_ENDS_PX = 0.06, 2.0
#: Upper and lower side agree at least so far along their length, else nothing is believed. Noise reaches it in one
#: picture of ten; at 0.45, of plates turned by up to 25 degrees 1% fewer read.
_SURE = 0.3

#: A plate whose ends differ by more is seen from too near its side, or its corners are wrong: of 113 such pictures
#: .88 read right, of 1,049 others .96, whatever their tilt and lean.
UNEVEN_BELOW = 0.88

_Floats: TypeAlias = NDArray[np.floating[Any]]
_Ints: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Corners:
    """A plate's corners in its crop."""

    #: (4, 2), x and y in pixels of the crop: top left, top right, bottom right, bottom left.
    points: NDArray[np.float32]

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in pixels, each the mean of two sides."""
        top, right, bottom, left = self._sides
        return (top + bottom) / 2, (left + right) / 2

    @property
    def tilt_degrees(self) -> float:
        """How far the lines of text run downhill to the right."""
        a, b, c, d = self.points
        along = b - a + c - d
        return math.degrees(math.atan2(along[1], along[0]))

    @property
    def lean_degrees(self) -> float:
        """How far upright strokes lean to the right."""
        a, b, c, d = self.points
        down = d - a + c - b
        return math.degrees(math.atan2(-down[0], down[1]))

    @property
    def evenness(self) -> float:
        """Height of the shorter end over that of the longer one."""
        _, right, _, left = self._sides
        return min(left, right) / max(left, right)

    @property
    def frontality(self) -> float:
        """What the view leaves of the plate for a reader, 0.6 to 1. Tilt and lean cost nothing once they are undone."""
        return 1.0 if self.evenness >= UNEVEN_BELOW else self.evenness

    @property
    def _sides(self) -> list[float]:
        return [float(side) for side in np.linalg.norm(np.roll(self.points, -1, axis=0) - self.points, axis=1)]


@dataclass(frozen=True, slots=True)
class _Pair:
    """Upper and lower side, each by its heights at the left and the right of the box, canvas pixels."""

    upper: tuple[float, float]
    lower: tuple[float, float]

    def between(self, x: NDArray[Any], depth: _Floats) -> _Floats:
        """Height in the canvas at `x`, `depth` of the way from the upper to the lower side."""
        share = (x - _LEFT) / (_RIGHT - _LEFT)
        upper, lower = (left + (right - left) * share for left, right in (self.upper, self.lower))
        return np.asarray(upper * (1 - depth) + lower * depth)

    @property
    def height(self) -> float:
        return (sum(self.lower) - sum(self.upper)) / 2


def find_corners(image: Image, plate: Box) -> Corners | None:
    """The plate's corners; None where its sides cannot be told.

    `image` is a crop, BGR uint8 (height, width, 3), `plate` the axis-aligned box of the plate in its pixels.
    """
    scale = np.array([(_RIGHT - _LEFT) / max(plate.width, 1.0), (_BOTTOM - _TOP) / max(plate.height, 1.0)])
    origin = np.array([_LEFT - plate.x1 * scale[0], _TOP - plate.y1 * scale[1]])
    canvas = _canvas(image, scale, origin)
    pair = _sides(_agreeing(canvas, 0, 1))
    if pair is None:
        return None
    points = _ends(_agreeing(canvas, 1, 0), pair, float(scale[1] / scale[0]))
    return Corners(((points - origin) / scale).astype(np.float32))


def upright(image: Image, corners: Corners) -> Image:
    """The plate alone, as if seen from the front, BGR; as large as it is in `image`."""
    width, height = (max(2, round(side)) for side in corners.size)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners.points, target)
    flat = cv2.warpPerspective(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, np.uint8)


def _canvas(image: Image, scale: _Floats, origin: _Floats) -> NDArray[np.uint8]:
    """The crop in grey, a little smoothed, laid so that its plate's box fills the middle of the canvas."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    high, wide = grey.shape
    fewer = max(1, math.floor(1 / max(float(scale.max()), 1e-3)))
    if fewer > 1:
        size = (max(1, wide // fewer), max(1, high // fewer))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    by = scale * np.array([wide / grey.shape[1], high / grey.shape[0]])
    matrix = np.array([[by[0], 0, origin[0]], [0, by[1], origin[1]]])
    laid = cv2.warpAffine(grey, matrix, (_WIDTH_PX, _HEIGHT_PX), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.GaussianBlur(laid, (3, 3), 0), np.uint8)


def _agreeing(canvas: NDArray[np.uint8], dx: int, dy: int) -> _Floats:
    """Per pixel of the canvas, flattened: which way the light changes along x or y, -1 to 1; 0 where it hardly does."""
    change = cv2.Sobel(canvas, cv2.CV_32F, dx, dy, ksize=3)
    size = np.abs(change)
    return np.asarray(change / (size + _WEAK_SHARE * float(size.mean()) + _WEAK_LEVELS)).ravel()


def _line_pixels() -> _Ints:
    """(ends, ends, columns): pixels of every line from one end to another."""
    share = (_COLUMNS - _LEFT) / (_RIGHT - _LEFT)
    y = _ENDS[:, None, None] * (1 - share) + _ENDS[None, :, None] * share
    return np.asarray(np.rint(y) * _WIDTH_PX + _COLUMNS, np.intp)


_LINE_PIXELS = _line_pixels()
_AT_LEFT, _AT_RIGHT = (ends.ravel() for ends in np.meshgrid(_ENDS, _ENDS, indexing="ij"))
_UPPER_OFF = _OFF_THE_BOX * np.maximum(np.abs(np.minimum(_AT_LEFT, _AT_RIGHT) - _TOP) - _FREE_PX, 0)
_LOWER_OFF = _OFF_THE_BOX * np.maximum(np.abs(np.maximum(_AT_LEFT, _AT_RIGHT) - _BOTTOM) - _FREE_PX, 0)


def _sides(changes: _Floats) -> _Pair | None:
    """The upper and the lower side: two lines that agree along their length, and with each other and the box."""
    signed = changes[_LINE_PIXELS].mean(axis=2).ravel()
    agreement = np.abs(signed)
    upper, lower = _best(agreement - _UPPER_OFF), _best(agreement - _LOWER_OFF)
    left = _AT_LEFT[lower] - _AT_LEFT[upper, None]
    right = _AT_RIGHT[lower] - _AT_RIGHT[upper, None]
    evenness = np.minimum(left, right) / np.maximum(np.maximum(left, right), 1)
    worth = (agreement - _UPPER_OFF)[upper, None] + (agreement - _LOWER_OFF)[lower]
    worth = worth + _BOTH_OUTWARDS * (signed[upper, None] * signed[lower] < 0) - _UNEVEN * (1 - evenness)
    worth[(np.minimum(left, right) < _LEAST_HEIGHT_PX) | (evenness < _SHORTEST)] = -math.inf
    u, low = np.unravel_index(int(worth.argmax()), worth.shape)
    u, low = upper[u], lower[low]
    if not np.isfinite(worth.max()) or min(agreement[u], agreement[low]) < _SURE:
        return None
    return _Pair((_AT_LEFT[u], _AT_RIGHT[u]), (_AT_LEFT[low], _AT_RIGHT[low]))


def _best(worth: _Floats) -> _Ints:
    return np.argpartition(-worth, _BEST)[:_BEST]


def _ends(changes: _Floats, pair: _Pair, stretch: float) -> _Floats:
    """The four corners in the canvas; `stretch` is the canvas's scale of heights over that of widths."""
    columns = np.arange(_WIDTH_PX)
    run = _LEANS * (pair.height / stretch)
    agreement = _upright_agreement(changes, pair, run)
    strokes = np.square(agreement[:, _LEFT + 8 : _RIGHT - 8]).mean(axis=1)
    half = np.abs(run)[:, None] / 2
    middle = _WIDTH_PX // 2
    left = agreement - _off_the_ends(columns - half - _LEFT)
    right = agreement - _off_the_ends(columns + half - _RIGHT)
    worth = left[:, :middle].max(axis=1) + right[:, middle:].max(axis=1)
    lean = int((worth + _STROKES * strokes - _LEANING * np.abs(_LEANS)).argmax())
    half_run = run[lean] / 2
    at_left, at_right = int(left[lean, :middle].argmax()), middle + int(right[lean, middle:].argmax())
    x = np.array([at_left + half_run, at_right + half_run, at_right - half_run, at_left - half_run])
    return np.column_stack([x, pair.between(x, np.array([0.0, 0.0, 1.0, 1.0]))])


def _off_the_ends(off_px: _Floats) -> _Floats:
    return np.asarray(_OFF_THE_ENDS * np.maximum(np.abs(off_px) - _FREE_ENDS_PX, 0))


def _upright_agreement(changes: _Floats, pair: _Pair, run: _Floats) -> _Floats:
    """(leans, columns): how far the light changes the same way all along an upright line through that column."""
    columns = np.arange(_WIDTH_PX)
    y = np.clip(np.rint(pair.between(columns, _DEPTHS[:, None])), 0, _HEIGHT_PX - 1).astype(np.intp)
    band = changes[y * _WIDTH_PX + columns].ravel()
    shift = np.rint(run[:, None] * (0.5 - _DEPTHS)).astype(np.intp)
    x = np.clip(columns + shift[:, :, None], 0, _WIDTH_PX - 1)
    return np.asarray(np.abs(band[x + np.arange(len(_DEPTHS))[:, None] * _WIDTH_PX].mean(axis=1)))
