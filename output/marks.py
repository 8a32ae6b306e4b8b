"""Marks on the frames of a video: a box and a reading for each sighting, which stay with its plate."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2

from pipeline.records import Box, Image, Observation

#: Between two tracklets of a sighting that are no further apart, the plate was in sight: at a segment's end, or in the
#: step between two frames that are looked at. Through longer gaps it was hidden, and no box is drawn.
IN_SIGHT_S = 1.0
#: BGR.
_CONFIRMED, _SINGLE_READ, _INK = (60, 200, 60), (0, 165, 255), (0, 0, 0)
#: Height of a label's letters, as a share of the frame's longer side, and pixels at least.
_LETTERS, _LEAST_LETTERS_PX = 1 / 58, 12
#: A font of OpenCV's own that has Chinese provinces too.
_FONT = "uni"


@dataclass(frozen=True, slots=True)
class Mark:
    """A sighting: what is written to its box, and where its plate was seen."""

    text: str
    #: False for what only one crop says.
    confirmed: bool
    #: Stretches in which the plate was in sight, each in time order.
    stretches: tuple[tuple[Observation, ...], ...]

    @classmethod
    def of(cls, text: str, confirmed: bool, tracklets: Iterable[Sequence[Observation]]) -> Mark:
        """A sighting of these tracklets, of each some of its observations in any order."""
        stretches: list[list[Observation]] = []
        for seen in sorted((_in_order(one) for one in tracklets if one), key=lambda seen: seen[0].pts):
            last = stretches[-1][-1] if stretches else None
            if last is not None and seen[0].pts - last.pts > 0 and seen[0].time_s - last.time_s <= IN_SIGHT_S:
                stretches[-1] += seen
            else:
                stretches.append(seen)
        return cls(text, confirmed, tuple(tuple(stretch) for stretch in stretches))

    @property
    def first_pts(self) -> int:
        return min(stretch[0].pts for stretch in self.stretches)

    @property
    def last_pts(self) -> int:
        return max(stretch[-1].pts for stretch in self.stretches)

    def box_at(self, pts: int) -> Box | None:
        """Where the plate is then; None while it is not in sight."""
        for stretch in self.stretches:
            if stretch[0].pts <= pts <= stretch[-1].pts:
                return _box_between(stretch, pts)
        return None


class Marks:
    """The marks of a video, drawn onto one frame after the other, in the order of showing."""

    def __init__(self, marks: Iterable[Mark]) -> None:
        #: Last first, so that those to come are taken from the end.
        self._to_come = sorted((mark for mark in marks if mark.stretches), key=lambda mark: -mark.first_pts)
        self._current: list[Mark] = []

    def draw(self, image: Image, pts: int, scale: float) -> None:
        """Draw what is in sight onto a frame whose pixels are `scale` of the original's."""
        while self._to_come and self._to_come[-1].first_pts <= pts:
            self._current.append(self._to_come.pop())
        self._current = [mark for mark in self._current if mark.last_pts >= pts]
        for mark in self._current:
            box = mark.box_at(pts)
            if box is not None:
                corners = Box(*(side * scale for side in box.as_tuple()))
                draw_box(image, corners, mark.text, _CONFIRMED if mark.confirmed else _SINGLE_READ)


def draw_box(image: Image, box: Box, text: str, colour: tuple[int, int, int]) -> None:
    """Draw a box and, above it, a label onto a BGR picture."""
    letters = max(_LEAST_LETTERS_PX, round(max(image.shape[:2]) * _LETTERS))
    thickness = max(1, round(letters / 11))
    x1, y1, x2, y2 = (round(side) for side in box.as_tuple())
    cv2.rectangle(image, (x1, y1), (x2, y2), colour, thickness)
    if text:
        write(image, text, (x1, y1 - thickness), letters, colour)


def write(image: Image, text: str, corner: tuple[int, int], letters: int, paper: tuple[int, int, int]) -> None:
    """Write a line of letters that high in pixels, its lower left corner there or as near as the picture allows."""
    font = _font()
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), font, letters)
    height, margin = round(letters * 1.25), round(letters / 4)
    x = min(max(0, corner[0]), max(0, image.shape[1] - width - 2 * margin))
    y = min(max(height, corner[1]), image.shape[0])
    cv2.rectangle(image, (x, y - height), (x + width + 2 * margin, y), paper, -1)
    cv2.putText(image, text, (x + margin, y - round(letters * 0.25)), _INK, font, letters)


@lru_cache(maxsize=1)
def _font() -> Any:
    return cv2.FontFace(_FONT)


def _in_order(seen: Sequence[Observation]) -> list[Observation]:
    """By time, of one frame once."""
    return [one for _, one in sorted({one.pts: one for one in seen}.items())]


def _box_between(seen: Sequence[Observation], pts: int) -> Box:
    """The box between the two observations around a time.

    Of a plate that comes nearer at a constant speed along a straight line, the width goes with one over the distance,
    and each side of the box with the width: so sides are interpolated by the share of the width, and not of the time.
    """
    place = bisect_right(seen, pts, key=lambda one: one.pts)
    before, after = seen[place - 1], seen[min(place, len(seen) - 1)]
    if after.pts == before.pts:
        return before.box
    share = (pts - before.pts) / (after.pts - before.pts)
    near, far = max(1.0, before.box.width), max(1.0, after.box.width)
    share = share * near / ((1.0 - share) * far + share * near)
    sides = zip(before.box.as_tuple(), after.box.as_tuple(), strict=True)
    return Box(*(a + share * (b - a) for a, b in sides))
