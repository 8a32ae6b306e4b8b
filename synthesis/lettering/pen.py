"""The pen: centre lines into coverage masks, with round or square ends, bridges, serifs and a trembling hand."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.lettering.glyphs import strokes_of
from synthesis.lettering.strokes import Point, Stroke
from synthesis.lettering.typeface import Typeface

Mask = NDArray[np.uint8]
Rng = np.random.Generator

#: Drawn this many times larger than asked for, then averaged down.
_SUPERSAMPLE = 3
#: Bits behind the point of OpenCV's coordinates.
_SHIFT = 4
#: Corners that turn less than this are parts of a round, degrees.
_ROUND_BELOW = 50.0
#: Glyphs with a counter, which a stencil's sheet would drop.
_WITH_COUNTER = frozenset("0468ABDOPQR9")


def glyph_mask(face: Typeface, character: str, height_px: int, width_px: int, rng: Rng | None = None) -> Mask:
    """Return the coverage, 0 to 255, of a glyph that fills ``height_px`` by ``width_px``.

    A face that trembles draws each glyph anew where ``rng`` is given. Raises KeyError for an unknown character.
    """
    if rng is None or not face.tremble:
        return _steady(face, character, height_px, width_px)
    return _draw(face, _trembling(strokes_of(character, face.shape), face.tremble, rng), character, height_px, width_px)


@lru_cache(maxsize=512)
def _steady(face: Typeface, character: str, height_px: int, width_px: int) -> Mask:
    return _draw(face, strokes_of(character, face.shape), character, height_px, width_px)


def _draw(face: Typeface, strokes: list[Stroke], character: str, height_px: int, width_px: int) -> Mask:
    # Upright strokes get thicker than level ones because the whole is drawn narrower and then pulled wide.
    size = (max(2, round(width_px * _SUPERSAMPLE / face.contrast)), height_px * _SUPERSAMPLE)
    pen = max(1, min(round(face.weight * size[1]), size[0], size[1]))
    canvas = np.zeros((size[1], size[0]), np.uint8)
    serif = face.serif * size[1] / face.contrast
    scale = (size[0] - pen - 2 * serif * 0.4, size[1] - pen)
    lean = face.slant * size[1]
    for stroke in strokes:
        points = [
            (
                pen / 2 + serif * 0.4 + x * (scale[0] - abs(lean)) + lean * (1 - y) - min(0.0, lean),
                pen / 2 + y * scale[1],
            )
            for x, y in stroke
        ]
        _polyline(canvas, points, pen)
        if face.square:
            _square(canvas, points, pen)
        if serif:
            _serifs(canvas, stroke, points, pen, serif)
    if face.bridge and character in _WITH_COUNTER:
        half = max(1, round(face.bridge * size[1] / 2))
        canvas[:, max(0, size[0] // 2 - half) : size[0] // 2 + half] = 0
    return np.asarray(cv2.resize(canvas, (width_px, height_px), interpolation=cv2.INTER_AREA), np.uint8)


def _polyline(canvas: Mask, points: Stroke, pen: int) -> None:
    fixed = np.round(np.array(points) * (1 << _SHIFT)).astype(np.int32)
    cv2.polylines(canvas, [fixed], False, 255, pen, cv2.LINE_8, _SHIFT)


def _fill(canvas: Mask, corners: list[Point]) -> None:
    fixed = np.round(np.array(corners) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillConvexPoly(canvas, fixed, 255, cv2.LINE_8, _SHIFT)


def _square(canvas: Mask, points: Stroke, pen: int) -> None:
    """Make the ends of a line square and its corners pointed; what sticks out of the box is cut by the canvas."""
    closed = math.dist(points[0], points[-1]) < 1
    if not closed:
        _end(canvas, points[1], points[0], pen)
        _end(canvas, points[-2], points[-1], pen)
    corners = [points[-2], *points] if closed else points
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        _corner(canvas, before, corner, after, pen)


def _end(canvas: Mask, before: Point, end: Point, pen: int) -> None:
    """Lengthen a stroke by half a pen; a slanting one that meets the box's top or bottom until both edges reach it."""
    way = math.dist(before, end)
    if way < 1e-6:
        return
    across, down = (end[0] - before[0]) / way, (end[1] - before[1]) / way
    meets = end[1] < pen or end[1] > canvas.shape[0] - pen
    reach = pen / 2 * (min(2.0, (1 + abs(across)) / max(abs(down), 0.3)) if meets and abs(down) > 0.5 else 1.0)
    side = (-down * pen / 2, across * pen / 2)
    far = (end[0] + across * reach, end[1] + down * reach)
    _fill(canvas, [
        (end[0] + side[0], end[1] + side[1]), (far[0] + side[0], far[1] + side[1]),
        (far[0] - side[0], far[1] - side[1]), (end[0] - side[0], end[1] - side[1]),
    ])  # fmt: skip


def _corner(canvas: Mask, before: Point, corner: Point, after: Point, pen: int) -> None:
    """Fill the outside of a sharp corner up to its mitre."""
    came = math.atan2(corner[1] - before[1], corner[0] - before[0])
    goes = math.atan2(after[1] - corner[1], after[0] - corner[0])
    turn = (goes - came + math.pi) % (2 * math.pi) - math.pi
    if not _ROUND_BELOW < math.degrees(abs(turn)) < 150:
        return
    outside = -math.copysign(math.pi / 2, turn)
    reach = min(pen / 2 / max(math.cos(turn / 2), 0.3), pen)
    middle = came + turn / 2 + outside
    ends = [
        (corner[0] + pen / 2 * math.cos(a + outside), corner[1] + pen / 2 * math.sin(a + outside)) for a in (came, goes)
    ]
    tip = (corner[0] + reach * math.cos(middle), corner[1] + reach * math.sin(middle))
    _fill(canvas, [corner, ends[0], tip, ends[1]])


def _serifs(canvas: Mask, stroke: Stroke, points: Stroke, pen: int, length: float) -> None:
    """Set a short level stroke across every upright end at the top or bottom."""
    for at, inner in ((0, 1), (-1, -2)):
        level = stroke[at][1]
        steep = abs(points[at][1] - points[inner][1]) > abs(points[at][0] - points[inner][0]) * 0.8
        if level in (0.0, 1.0) and steep:
            x, y = points[at]
            thin = max(1, round(pen * 0.7))
            y += (pen - thin) / 2 * (1 if level else -1)
            _polyline(canvas, [(x - length, y), (x + length, y)], thin)


def _trembling(strokes: list[Stroke], tremble: float, rng: Rng) -> list[Stroke]:
    """Return strokes as a hand would repeat them: every point strays, and the glyph leans a little."""
    lean, lift = rng.normal(0, tremble, 2)
    moved = []
    for stroke in strokes:
        fine = _finer(stroke)
        stray = rng.normal(0, tremble, (len(fine), 2))
        stray = (stray + np.roll(stray, 1, 0) + np.roll(stray, -1, 0)) / 2
        moved.append([
            (
                min(1.0, max(0.0, x + float(dx) + lean * (0.5 - y))),
                min(1.0, max(0.0, y + float(dy) * 0.6 + lift * (x - 0.5))),
            )
            for (x, y), (dx, dy) in zip(fine, stray, strict=True)
        ])  # fmt: skip
    return moved


def _finer(stroke: Stroke) -> Stroke:
    """Return a line with points between its points wherever they are far apart."""
    fine = [stroke[0]]
    for start, end in pairwise(stroke):
        pieces = max(1, math.ceil(math.dist(start, end) / 0.3))
        fine += [
            (start[0] + (end[0] - start[0]) * n / pieces, start[1] + (end[1] - start[1]) * n / pieces)
            for n in range(1, pieces + 1)
        ]
    return fine
