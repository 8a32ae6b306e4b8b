"""Whether confidences mean what they say: of readings that are 80% sure, 80% ought to be right.

After Guo et al. 2017, "On Calibration of Modern Neural Networks": readings are put into ten bins of equal width by
their confidence, and in each bin the mean confidence is held against the share that is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Readings of like confidence, from `low` up to but without `high`; the last bin holds 1 too."""

    low: float
    high: float
    readings: int
    #: Mean over the readings; 0 where there are none.
    confidence: float
    #: Share of the readings that are right; 0 where there are none.
    right: float


def bins_of(readings: Sequence[tuple[float, bool]]) -> list[Bin]:
    """The ten bins of readings, each given by its confidence and whether it is right."""
    members: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for confidence, right in readings:
        members[min(BINS - 1, int(confidence * BINS))].append((confidence, right))
    return [_bin(index, some) for index, some in enumerate(members)]


def expected_error(bins: Sequence[Bin]) -> float | None:
    """ECE: how far confidence and share of right readings are apart in a bin, averaged over the readings.

    Right is meant with O and 0, I and 1 taken for the same. Plates that a reader left unread have no confidence and
    are not in it. 0 is perfect; it says nothing about how many plates are read right. None where nothing was read.
    """
    total = sum(b.readings for b in bins)
    return sum(b.readings * abs(b.confidence - b.right) for b in bins) / total if total else None


def _bin(index: int, members: Sequence[tuple[float, bool]]) -> Bin:
    count = len(members)
    confidence = sum(c for c, _ in members) / count if count else 0.0
    right = sum(r for _, r in members) / count if count else 0.0
    return Bin(index / BINS, (index + 1) / BINS, count, confidence, right)
