"""Finds stored tracklets again: of each, only some observations are stored, and detection once more gives all."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.records import Observation, Tracklet

#: Boxes of one plate in one frame, where models and libraries may have changed since, share at least this much.
_SAME_IOU = 0.5
#: A tracklet is the same where at least this share of the stored observations is among its own.
_SAME_SHARE = 0.5


def whole_path(stored: Sequence[Observation], found: Sequence[Tracklet]) -> tuple[Observation, ...]:
    """All observations of a stored tracklet, of which `stored` are some; those alone where it is not found again.

    `found` are the tracklets that its segment gave this time.
    """
    shares = [(_share(stored, one.observations), number) for number, one in enumerate(found)]
    best, number = max(shares, default=(0.0, -1))
    return found[number].observations if best >= _SAME_SHARE else tuple(stored)


def _share(stored: Sequence[Observation], seen: Sequence[Observation]) -> float:
    """How much of what is stored was seen again at the same place."""
    by_time = {one.pts: one.box for one in seen}
    again = [one for one in stored if one.pts in by_time and by_time[one.pts].iou(one.box) >= _SAME_IOU]
    return len(again) / len(stored)
