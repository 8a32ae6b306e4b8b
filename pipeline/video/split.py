"""Cuts a video into segments at its keyframes: the pieces that are worked on apart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from pipeline.records import MediaInfo, SegmentSpan

#: Usual length of a segment, and of the first, seconds.
TARGET_S, FIRST_S = 10.0, 4.0


def split(info: MediaInfo, target_s: float = TARGET_S, first_s: float = FIRST_S) -> tuple[SegmentSpan, ...]:
    """Spans of about `target_s` seconds that cover `[start_pts, end_pts)` without gap or overlap.

    Each but the first starts at a keyframe, so it can be decoded without its predecessors. The first is
    about `first_s` long, so that a user sees a result early. A video without a second keyframe is one span.
    """
    starts = [info.start_pts, *_cuts(info, target_s, first_s)]
    ends = [*starts[1:], max(info.end_pts, info.start_pts + 1)]
    return tuple(SegmentSpan(i, start, end) for i, (start, end) in enumerate(zip(starts, ends, strict=True)))


def _cuts(info: MediaInfo, target_s: float, first_s: float) -> Iterator[int]:
    """The keyframes to cut at: the one nearest to each wanted length, counted from the cut before."""
    inner = [pts for pts in info.keyframes if info.start_pts < pts < info.end_pts]
    start, wanted_s = info.start_pts, first_s
    for here, following in pairwise([*inner, info.end_pts]):
        long_if_cut = info.seconds(here) - info.seconds(start)
        long_if_not = info.seconds(following) - info.seconds(start)
        if abs(long_if_cut - wanted_s) <= abs(long_if_not - wanted_s):
            yield here
            start, wanted_s = here, target_s
