"""Centre lines of glyphs: points in a unit box, x right and y down; and what all glyphs of a face share."""

from __future__ import annotations

import math
from dataclasses import dataclass

Point = tuple[float, float]
Stroke = list[Point]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the skeletons of one face have in common."""

    #: Height of the round ends of ``0``, ``C``, ``U`` and the like, a share of the glyph's: 0.5 is an ellipse.
    bow: float = 0.27
    #: Exponent of the rounds: 2 is an ellipse, 4 nearly a box, 1.4 nearly a rhombus.
    power: float = 2.0
    #: Pieces that a quarter of a round is made of: 6 looks round, 1 is a bevelled corner.
    facets: int = 6
    #: Height of the middle bars and waists.
    waist: float = 0.5
    #: How wide ``C``, ``S``, ``3`` and the like stand open, degrees.
    opening: float = 15.0
    #: Width of the flat tip of ``A``, ``V``, ``M`` and ``W``.
    tip: float = 0.0
    #: The variants of single glyphs, as "4 open"; `kinds.KINDS` has them all.
    kinds: frozenset[str] = frozenset()

    def arc(self, cx: float, cy: float, rx: float, ry: float, start_deg: float, end_deg: float) -> Stroke:
        """Return points on a round; angles grow clockwise from the right."""
        count = max(1, round(abs(end_deg - start_deg) / 90 * self.facets))
        return [
            self._on_round(cx, cy, rx, ry, math.radians(start_deg + (end_deg - start_deg) * step / count))
            for step in range(count + 1)
        ]

    def _on_round(self, cx: float, cy: float, rx: float, ry: float, angle: float) -> Point:
        across, down = math.cos(angle), math.sin(angle)
        share = 2 / self.power
        x = math.copysign(abs(across) ** share, across)
        y = math.copysign(abs(down) ** share, down)
        return cx + rx * x, cy + ry * y

    def ring(self, top: float = 0.0, bottom: float = 1.0, left: float = 0.0, right: float = 1.0) -> Stroke:
        """Return a closed round with straight sides, in the given part of the box."""
        bow = self.bow_within(bottom - top)
        x, rx = (left + right) / 2, (right - left) / 2
        upper = self.arc(x, top + bow, rx, bow, 180, 360)
        return [*upper, *self.arc(x, bottom - bow, rx, bow, 0, 180), upper[0]]

    def bow_within(self, height: float) -> float:
        """Return the height of a round end in a part of that height."""
        return min(self.bow, height / 2)


def bend(start: Point, towards: Point, end: Point, pieces: int = 7) -> Stroke:
    """Return points on a quadratic curve that leaves ``start`` towards a point and comes from it to ``end``."""
    steps = [step / pieces for step in range(pieces + 1)]
    return [
        (
            (1 - t) ** 2 * start[0] + 2 * t * (1 - t) * towards[0] + t**2 * end[0],
            (1 - t) ** 2 * start[1] + 2 * t * (1 - t) * towards[1] + t**2 * end[1],
        )
        for t in steps
    ]


def turned(strokes: list[Stroke]) -> list[Stroke]:
    """Return strokes upside down."""
    return [[(1 - x, 1 - y) for x, y in stroke] for stroke in strokes]
