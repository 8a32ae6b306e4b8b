"""Where to look: frames of a video as a whole now and then, and closely around plates in between.

Nearly all looks at whole frames find nothing new. So whole frames are looked at `WHOLE_EVERY_S` apart, and the frames
between two of them only where those leave something open: around a plate that came or went, and along the way of one
that moved fast. A plate that both of them show at one place is followed without a look.

What is looked at depends on a frame's neighbours and its time alone, not on how the video was cut; a segment's first
and last frames are looked at as a whole.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pipeline.detection.tracker import FIRST_GATE_WIDTHS, nearest_pairs, widths_apart
from pipeline.detection.yolo import Detector, merge_overlapping
from pipeline.records import Box, Detection, Frame, Image

#: Time between two whole looks: a plate that shows for longer is seen by one of them at least.
WHOLE_EVERY_S = 0.3
#: A plate that two whole looks show with this overlap has hardly moved between them.
STILL_IOU = 0.5
#: A box that comes or goes is looked for in the frames beside it if it scores this: fainter ones flicker.
WORTH_A_SEARCH = 0.30
#: Side of the square window around a plate, in widths of the plate, and the least in pixels: a plate is as large in the
#: network's input as it is in a whole look. Enlarged, signs look like plates.
WINDOW_WIDTHS, LEAST_WINDOW_PX = 8.0, 320
#: More windows of one frame than this cost what the whole frame does.
MOST_WINDOWS = 2
#: A box this near to a window's edge may go on beyond it, pixels.
_EDGE_PX = 2.0


@runtime_checkable
class CloseDetector(Detector, Protocol):
    """A detector that can also look at a part of a picture as closely as that deserves."""

    def detect_close(self, windows: Sequence[Image]) -> list[list[Detection]]:
        """Plates per window, best first; boxes in pixels of the window (BGR, square but at the edges of its frame)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """A sampled frame and the plates that were found in it; none where nobody looked."""

    frame: Frame
    found: list[Detection]


def batches(
    frames: Iterable[Frame], size: int, most_pixels: int, *, sparse: bool
) -> Iterator[list[tuple[Frame, bool]]]:
    """Frames with whether they are looked at as a whole, in portions of at most `size` such looks.

    The pictures of those are made here already. Not `sparse`: every frame is looked at as a whole.
    """
    batch: list[tuple[Frame, bool]] = []
    pixels, cell = 0, None
    for frame, is_last in _with_end(frames):
        before, cell = cell, math.floor(frame.time_s / WHOLE_EVERY_S + 1e-6)
        whole = not sparse or is_last or cell != before
        batch.append((frame, whole))
        pixels += frame.image.shape[0] * frame.image.shape[1] if whole else 0
        if whole and (sum(w for _, w in batch) == size or pixels >= most_pixels):
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def _with_end(frames: Iterable[Frame]) -> Iterator[tuple[Frame, bool]]:
    """Each frame with whether it is the last."""
    for frame, following in itertools.pairwise(itertools.chain(frames, [None])):
        assert frame is not None
        yield frame, following is None


class Watch:
    """Takes the portions of a video, in order, and looks at their frames."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        #: The last frame that was looked at as a whole: the next portion begins with the frames behind it.
        self._before: Looked | None = None

    def at(self, batch: Sequence[tuple[Frame, bool]]) -> list[Looked]:
        """Every frame of a portion, the last of which is a whole one, with what was found in it."""
        whole = iter(self._detector.detect([frame.image for frame, is_whole in batch if is_whole]))
        looked = [Looked(frame, next(whole) if is_whole else []) for frame, is_whole in batch]
        if isinstance(self._detector, CloseDetector):
            chain = looked if self._before is None else [self._before, *looked]
            places = [i for i, one in enumerate(chain) if one is self._before or batch[i - len(chain) + len(batch)][1]]
            searches = [s for a, b in itertools.pairwise(places) for s in _searches(chain[a : b + 1])]
            _Between(self._detector).pursue(searches)
        self._before = looked[-1]
        return looked


@dataclass(slots=True)
class _Search:
    """A plate to be looked for in one frame after the other, until it is not found."""

    frames: list[Looked]
    #: Where it should be in the first of them.
    expected: Box


def _searches(gap: Sequence[Looked]) -> Iterator[_Search]:
    """What two whole looks, the first and the last of `gap`, leave open about the frames between them."""
    first, last, between = gap[0].found, gap[-1].found, list(gap[1:-1])
    if not between:
        return
    pairs = _pairs(first, last)
    for a, b in pairs:
        if first[a].box.iou(last[b].box) < STILL_IOU:
            for number, looked in enumerate(between, 1):
                yield _Search([looked], _on_the_way(first[a].box, last[b].box, number / len(gap)))
    for a in set(range(len(first))) - {a for a, _ in pairs}:
        if first[a].confidence >= WORTH_A_SEARCH:
            yield _Search(list(between), first[a].box)
    for b in set(range(len(last))) - {b for _, b in pairs}:
        if last[b].confidence >= WORTH_A_SEARCH:
            yield _Search(between[::-1], last[b].box)


def _pairs(first: Sequence[Detection], last: Sequence[Detection]) -> list[tuple[int, int]]:
    """Which boxes of two whole looks are one plate, nearest first."""
    near = [
        (distance, a, b)
        for a, one in enumerate(first)
        for b, other in enumerate(last)
        if (distance := _distance(one.box, other.box)) is not None
    ]
    return nearest_pairs(near)


def _distance(a: Box, b: Box) -> float | None:
    """Between two boxes, in plate widths; None where they cannot be one plate, whose velocity is not known."""
    distance = widths_apart(a, b)
    return distance if distance is not None and distance <= FIRST_GATE_WIDTHS else None


def _on_the_way(a: Box, b: Box, share: float) -> Box:
    values = zip(a.as_tuple(), b.as_tuple(), strict=True)
    return Box(*(x + share * (y - x) for x, y in values))


class _Between:
    """Watch at the frames between whole looks, all searches abreast, so that their windows share calls."""

    def __init__(self, detector: CloseDetector) -> None:
        self._detector = detector
        self._whole: set[int] = set()

    def pursue(self, searches: Sequence[_Search]) -> None:
        """Add what is found to the frames of the searches."""
        while searches:
            by_frame: dict[int, list[_Search]] = defaultdict(list)
            for search in searches:
                by_frame[id(search.frames[0])].append(search)
            crowded = [own[0].frames[0] for own in by_frame.values() if len(own) > MOST_WINDOWS]
            self._look_whole([looked for looked in crowded if id(looked) not in self._whole])
            self._look_close([s for s in searches if id(s.frames[0]) not in self._whole])
            searches = [went_on for search in searches if (went_on := _next(search)) is not None]

    def _look_whole(self, frames: Sequence[Looked]) -> None:
        found = self._detector.detect([looked.frame.image for looked in frames]) if frames else []
        for looked, own in zip(frames, found, strict=True):
            looked.found[:] = own
            self._whole.add(id(looked))

    def _look_close(self, searches: Sequence[_Search]) -> None:
        windows = [_window(search.expected, search.frames[0].frame.image) for search in searches]
        pixels = [
            search.frames[0].frame.image[int(w.y1) : int(w.y2), int(w.x1) : int(w.x2)]
            for search, w in zip(searches, windows, strict=True)
        ]
        seen = self._detector.detect_close(pixels) if pixels else []
        for search, window, own in zip(searches, windows, seen, strict=True):
            looked = search.frames[0]
            whole = [d for d in own if _is_whole(d.box, window, looked.frame.image)]
            placed = [Detection(d.box.shifted(window.x1, window.y1), d.confidence) for d in whole]
            looked.found[:] = merge_overlapping([*looked.found, *placed])


def _window(box: Box, image: Image) -> Box:
    """A square around a plate, in whole pixels, as far as the frame reaches."""
    height, width = image.shape[:2]
    half = max(WINDOW_WIDTHS * box.width, LEAST_WINDOW_PX) / 2
    x, y = box.centre
    # The centre of what is hardly in the frame any more may lie outside of it.
    x, y = min(max(x, 0.0), width), min(max(y, 0.0), height)
    around = Box(x - half, y - half, x + half, y + half).clipped(width, height)
    return Box(math.floor(around.x1), math.floor(around.y1), math.ceil(around.x2), math.ceil(around.y2))


def _is_whole(box: Box, window: Box, image: Image) -> bool:
    """Whether a box (pixels of the window) does not touch an edge of the window inside the frame."""
    height, width = image.shape[:2]
    return (
        (box.x1 > _EDGE_PX or window.x1 <= 0)
        and (box.y1 > _EDGE_PX or window.y1 <= 0)
        and (box.x2 < window.width - _EDGE_PX or window.x2 >= width)
        and (box.y2 < window.height - _EDGE_PX or window.y2 >= height)
    )


def _next(search: _Search) -> _Search | None:
    """The search in the frame behind the one just looked at; None where there is none, or the plate is gone."""
    here = [
        (d, box)
        for box in (one.box for one in search.frames[0].found)
        if (d := _distance(search.expected, box)) is not None
    ]
    if len(search.frames) == 1 or not here:
        return None
    return _Search(search.frames[1:], min(here, key=lambda pair: pair[0])[1])
