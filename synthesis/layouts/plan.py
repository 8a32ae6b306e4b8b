"""How a plate is divided up: its shape, its margins, its bands, and the strips of small print above and below."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Rng = np.random.Generator

#: Height of a plate of one row, two and three, pixels: more than any training picture shows.
HEIGHTS_PX = {1: 84, 2: 168, 3: 216}
#: Least and largest width over height, log-uniform between them.
_RATIOS = {1: (2.0, 5.4), 2: (1.0, 2.3), 3: (0.75, 1.5)}
#: Chances of small print above and below, of bands, of characters that nearly touch the plate's edge, of a plate that
#: is cut off at a side, and of rows that are spread over the plate's width.
_ABOVE, _BELOW, _LEFT_BAND, _RIGHT_BAND, _CLOSE, _CUT, _SPREAD = 0.26, 0.22, 0.3, 0.06, 0.16, 0.1, 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """Lengths in pixels."""

    height: int
    #: Width over height that is aimed at.
    ratio: float
    #: Heights of the strips for small print.
    above: int
    below: int
    band_left: int
    band_right: int
    #: From each side to the number, bands included.
    left: int
    right: int
    #: From the strips to the first row and the last.
    margin: int
    #: Between rows, a share of a row's height.
    gap: float
    #: Where rows stand in the room that they have: 0 left, 0.5 in the middle, 1 right.
    align: float
    #: Chance that rows are spread over that room.
    spread: float
    #: What is cut off at each side.
    cut_left: int
    cut_right: int

    def row_heights(self, shares: list[float]) -> list[int]:
        """Return the height of each row, given its share of the highest one's."""
        free = self.height - self.above - self.below - 2 * self.margin
        highest = free / (sum(shares) + self.gap * (len(shares) - 1))
        return [max(8, int(share * highest)) for share in shares]

    def tops(self, heights: list[int]) -> list[int]:
        """Return the upper edge of each row."""
        top, bottom = self.above + self.margin, self.height - self.below - self.margin
        spare = max(0, bottom - top - sum(heights))
        if len(heights) == 1:
            return [top + spare // 2]
        between = spare // (len(heights) - 1)
        return [top + sum(heights[:row]) + between * row for row in range(len(heights))]


def a_plan(rows: int, rng: Rng) -> Plan:
    """Divide up a plate with so many rows."""
    height = HEIGHTS_PX[rows]
    strip = (0.14, 0.27) if rows == 1 else (0.08, 0.18)
    above, below = (round(height * rng.uniform(*strip)) if rng.random() < chance else 0 for chance in (_ABOVE, _BELOW))
    close = rng.random() < _CLOSE
    per_row = height / rows
    margin = per_row * (rng.uniform(0.02, 0.07) if close else rng.uniform(0.07, 0.2))
    band_left, band_right = (
        round(per_row * rng.uniform(0.34, 0.6)) if rng.random() < chance else 0 for chance in (_LEFT_BAND, _RIGHT_BAND)
    )
    sides = [
        per_row * (rng.uniform(0.02, 0.06) if rng.random() < 0.3 or close else rng.uniform(0.06, 0.3)) for _ in range(2)
    ]
    left, right = (
        max(2, round(side)) + side_band for side, side_band in zip(sides, (band_left, band_right), strict=True)
    )
    low, high = _RATIOS[rows]
    return Plan(
        height=height,
        ratio=math.exp(rng.uniform(math.log(low), math.log(high))),
        above=above,
        below=below,
        band_left=band_left,
        band_right=band_right,
        left=left,
        right=right,
        margin=max(1, round(margin)),
        gap=float(rng.uniform(0.08, 0.3)),
        align=float(rng.choice([0.5, 0.0, 1.0], p=[0.78, 0.16, 0.06])),
        spread=_SPREAD,
        cut_left=0 if band_left or rng.random() > _CUT else left + round(per_row * rng.uniform(-0.04, 0.03)),
        cut_right=0 if band_right or rng.random() > _CUT else right + round(per_row * rng.uniform(-0.04, 0.03)),
    )
