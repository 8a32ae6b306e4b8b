"""Condensed letters drawn from strokes, as stamped plates and road signs carry them.

No font file is needed anywhere.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Stroke = list[tuple[float, float]]

#: Width of a plain glyph over its height, as on condensed plate lettering.
GLYPH_ASPECT = 0.56
#: Drawn this many times larger than asked for, then averaged down.
_SUPERSAMPLE = 4
_STEP_DEG = 12.0


def _arc(cx: float, cy: float, rx: float, ry: float, start_deg: float, end_deg: float) -> Stroke:
    """Return points on an ellipse; angles grow clockwise from the right, as y points down."""
    count = max(3, round(abs(end_deg - start_deg) / _STEP_DEG))
    angles = np.radians(np.linspace(start_deg, end_deg, count + 1))
    return [(cx + rx * float(np.cos(a)), cy + ry * float(np.sin(a))) for a in angles]


def _turned(strokes: list[Stroke]) -> list[Stroke]:
    return [[(1 - x, 1 - y) for x, y in stroke] for stroke in strokes]


_RING = [[*_arc(0.5, 0.25, 0.5, 0.25, 180, 360), *_arc(0.5, 0.75, 0.5, 0.25, 0, 180), (0.0, 0.25)]]
_SIX = [_arc(0.5, 0.7, 0.5, 0.3, 0, 360), [(0.0, 0.7), (0.05, 0.5), (0.2, 0.28), (0.74, 0.0)]]
_PEE = [[(0.0, 1.0), (0.0, 0.0), (0.5, 0.0), *_arc(0.5, 0.27, 0.5, 0.27, -90, 90), (0.0, 0.54)]]

#: Centre lines of every glyph in a unit box, x right and y down, and the box's width over the plain width.
_GLYPHS: dict[str, tuple[list[Stroke], float]] = {
    "0": (_RING, 0.97),
    "1": ([[(0.1, 0.24), (0.65, 0.0), (0.65, 1.0)]], 0.7),
    "2": ([[*_arc(0.5, 0.25, 0.5, 0.25, 185, 400), (0.0, 1.0), (1.0, 1.0)]], 1.0),
    "3": ([_arc(0.48, 0.25, 0.48, 0.25, 195, 450), _arc(0.48, 0.74, 0.52, 0.26, 270, 530)], 1.0),
    "4": ([[(0.6, 0.0), (0.0, 0.7), (1.0, 0.7)], [(0.72, 0.42), (0.72, 1.0)]], 1.0),
    "5": ([[(0.92, 0.0), (0.1, 0.0), (0.05, 0.45), *_arc(0.48, 0.68, 0.52, 0.32, 218, 515)]], 1.0),
    "6": (_SIX, 1.0),
    "7": ([[(0.0, 0.0), (1.0, 0.0), (0.35, 1.0)]], 1.0),
    "8": ([_arc(0.5, 0.24, 0.43, 0.24, 0, 360), _arc(0.5, 0.74, 0.5, 0.26, 0, 360)], 1.0),
    "9": (_turned(_SIX), 1.0),
    "A": ([[(0.0, 1.0), (0.5, 0.0), (1.0, 1.0)], [(0.18, 0.68), (0.82, 0.68)]], 1.12),
    "B": (
        [
            [(0.0, 0.48), (0.0, 0.0), (0.5, 0.0), *_arc(0.5, 0.24, 0.42, 0.24, -90, 90), (0.0, 0.48)],
            [(0.0, 0.48), (0.5, 0.48), *_arc(0.5, 0.74, 0.5, 0.26, -90, 90), (0.0, 1.0), (0.0, 0.48)],
        ],
        1.02,
    ),
    "C": ([[*_arc(0.5, 0.25, 0.5, 0.25, 345, 180), *_arc(0.5, 0.75, 0.5, 0.25, 180, 15)]], 1.0),
    "D": ([[(0.0, 0.0), (0.45, 0.0), *_arc(0.45, 0.28, 0.55, 0.28, -90, 0), *_arc(0.45, 0.72, 0.55, 0.28, 0,
    90),
            (0.0, 1.0), (0.0, 0.0)]], 1.04),
    "E": ([[(1.0, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, 1.0)], [(0.0, 0.49), (0.86, 0.49)]], 0.9),
    "F": ([[(1.0, 0.0), (0.0, 0.0), (0.0, 1.0)], [(0.0, 0.5), (0.84, 0.5)]], 0.88),
    "G": ([[*_arc(0.5, 0.25, 0.5, 0.25, 345, 180), *_arc(0.5, 0.75, 0.5, 0.25, 180, 0), (1.0, 0.54), (0.56,
    0.54)]], 1.04),
    "H": ([[(0.0, 0.0), (0.0, 1.0)], [(1.0, 0.0), (1.0, 1.0)], [(0.0, 0.49), (1.0, 0.49)]], 1.02),
    "I": ([[(0.5, 0.0), (0.5, 1.0)]], 0.3),
    "J": ([[(0.95, 0.0), (0.95, 0.75), *_arc(0.45, 0.75, 0.5, 0.25, 0, 170)]], 0.9),
    "K": ([[(0.0, 0.0), (0.0, 1.0)], [(0.97, 0.0), (0.0, 0.6)], [(0.34, 0.4), (1.0, 1.0)]], 1.05),
    "L": ([[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]], 0.86),
    "M": ([[(0.0, 1.0), (0.0, 0.0), (0.5, 0.62), (1.0, 0.0), (1.0, 1.0)]], 1.22),
    "N": ([[(0.0, 1.0), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0)]], 1.06),
    "O": (_RING, 1.16),
    "P": (_PEE, 0.98),
    "Q": ([*_RING, [(0.6, 0.74), (1.02, 1.02)]], 1.16),
    "R": ([*_PEE, [(0.45, 0.54), (1.0, 1.0)]], 1.02),
    "S": ([[*_arc(0.5, 0.25, 0.5, 0.25, 340, 90), *_arc(0.5, 0.75, 0.5, 0.25, 270, 520)]], 1.0),
    "T": ([[(0.0, 0.0), (1.0, 0.0)], [(0.5, 0.0), (0.5, 1.0)]], 0.96),
    "U": ([[(0.0, 0.0), (0.0, 0.75), *_arc(0.5, 0.75, 0.5, 0.25, 180, 0), (1.0, 0.0)]], 1.02),
    "V": ([[(0.0, 0.0), (0.5, 1.0), (1.0, 0.0)]], 1.08),
    "W": ([[(0.0, 0.0), (0.24, 1.0), (0.5, 0.25), (0.76, 1.0), (1.0, 0.0)]], 1.36),
    "X": ([[(0.0, 0.0), (1.0, 1.0)], [(1.0, 0.0), (0.0, 1.0)]], 1.06),
    "Y": ([[(0.0, 0.0), (0.5, 0.52), (1.0, 0.0)], [(0.5, 0.52), (0.5, 1.0)]], 1.06),
    "Z": ([[(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]], 1.0),
    "-": ([[(0.1, 0.5), (0.9, 0.5)]], 0.55),
    ".": ([[(0.5, 0.97), (0.5, 1.0)]], 0.28),
    ":": ([[(0.5, 0.28), (0.5, 0.31)], [(0.5, 0.76), (0.5, 0.79)]], 0.3),
    "/": ([[(0.0, 1.0), (1.0, 0.0)]], 0.7),
    "·": ([[(0.5, 0.5), (0.5, 0.52)]], 0.28),
    " ": ([], 0.5),
}  # fmt: skip


@lru_cache(maxsize=512)
def _glyph(character: str, height_px: int, stroke: float, aspect: float) -> Mask:
    strokes, share = _GLYPHS[character]
    scale = _SUPERSAMPLE
    pen = max(1, round(stroke * height_px * scale))
    width, height = max(pen + 1, round(height_px * aspect * share * scale)), height_px * scale
    canvas = np.zeros((height, -(-width // scale) * scale), np.uint8)
    for line in strokes:
        points = np.array([(pen / 2 + x * (width - pen), pen / 2 + y * (height - pen)) for x, y in line])
        cv2.polylines(canvas, [np.round(points * 16).astype(np.int32)], False, 255, pen, cv2.LINE_AA, 4)
    size = (canvas.shape[1] // scale, height_px)
    return np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA), np.uint8)


def text_mask(
    text: str, height_px: int, *, stroke: float = 0.13, gap: float = 0.13, aspect: float = GLYPH_ASPECT
) -> Mask:
    """Return the coverage, 0 to 255, of a line of capitals, digits and ``- . : / ·``, trimmed to its box.

    ``stroke`` and ``gap`` are in glyph heights. Raises ``KeyError`` for a character that has no glyph.
    """
    space = np.zeros((height_px, max(1, round(gap * height_px))), np.uint8)
    parts: list[Mask] = []
    for character in text:
        parts += [_glyph(character, height_px, stroke, aspect), space]
    return np.hstack(parts[:-1]) if parts else np.zeros((height_px, 1), np.uint8)


def fitted_mask(text: str, width_px: int, height_px: int, *, stroke: float = 0.13, gap: float = 0.13) -> Mask:
    """Return `text_mask` no wider than ``width_px``, its letters made narrower where they must be."""
    mask = text_mask(text, height_px, stroke=stroke, gap=gap)
    if mask.shape[1] <= width_px:
        return mask
    return np.asarray(cv2.resize(mask, (max(1, width_px), height_px), interpolation=cv2.INTER_AREA), np.uint8)
