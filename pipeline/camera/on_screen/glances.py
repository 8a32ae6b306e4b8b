"""Looks at frames of a video for date and time: which frames, where in them, and what stands there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from pipeline.camera.on_screen.running import Look
from pipeline.camera.on_screen.text import TextReader
from pipeline.camera.on_screen.written import ShownDate, ShownTime, written
from pipeline.errors import Away, MediaError
from pipeline.records import Box, Frame, Image, MediaInfo, SegmentSpan
from pipeline.video.decode import Decoder
from pipeline.video.keyframes import sample_keyframes

#: Keyframes that are looked at; with fewer than the least, frames of the first seconds as well.
MOST_KEYFRAMES, LEAST_KEYFRAMES = 12, 8
#: How far such seconds are decoded, how many frames of them are looked at at least, and how many a second: not a whole
#: number, so that they fall on other fractions of the clock's second.
DECODED_S, LEAST_FRAMES, FPS, MOST_FPS = 7.0, 8, 1.15, 5.0
#: Clocks stand in these parts of the picture's height at its top and its bottom, or where text is known to stand still.
BAND = 0.15
#: Frames that are searched for text, and how many without date or time end the search: 0.1 s each.
MOST_SEARCHED, MOST_IN_VAIN = 8, 3
#: Lines that are read of one frame, the widest first, and the least that one measures: 3% of the picture's width.
MOST_LINES, LEAST_WIDTH = 8, 0.03
#: Pieces of one line are at most this many of its heights apart.
PIECE_GAP = 2.0
#: Around a place, in its heights: what stands there changes its width with its digits.
MARGIN_X, MARGIN_Y = 0.5, 0.12
#: A place that shares more than this of another one (intersection over union) is the same.
SAME_PLACE = 0.6
#: Places that are kept, the last successful first.
MOST_PLACES = 4


def moments(info: MediaInfo) -> Iterator[Frame]:
    """The frames to look at. A frame that cannot be decoded is left out. Raises `Away` where the file cannot be reached
    now."""
    seen: set[int] = set()
    for frame in sample_keyframes(info, MOST_KEYFRAMES):
        seen.add(frame.pts)
        yield frame
    if len(seen) < LEAST_KEYFRAMES:
        until_s = min(DECODED_S, info.duration_s)
        fps = min(MOST_FPS, max(FPS, LEAST_FRAMES / max(until_s, 0.1)))
        yield from (frame for frame in window(info, 0.0, until_s, fps) if frame.pts not in seen)


def window(info: MediaInfo, from_s: float, until_s: float, fps: float | None = None) -> Iterator[Frame]:
    """The frames of some seconds, on a grid of `fps` or all of them, as far as they can be decoded. Raises `Away`."""
    start, end = (info.start_pts + round(at_s / info.time_base) for at_s in (from_s, until_s))
    try:
        yield from Decoder(info, SegmentSpan(0, start, min(end, info.end_pts)), fps)
    except Away:
        raise
    except MediaError:
        return


#: Pictures of places in one frame.
Cut: TypeAlias = list[tuple[Box, Image]]


class Screen:
    """The places of one video where dates and times stand on screen."""

    def __init__(self, info: MediaInfo, reader: TextReader) -> None:
        self._reader = reader
        self._bands = _bands(info)
        self._least_px = LEAST_WIDTH * info.width
        #: Where a date or a time stood, the last successful first.
        self._places: list[Box] = []
        self._searched = self._in_vain = 0

    @property
    def is_blank(self) -> bool:
        """Whether there is no hope of a clock."""
        return not self._places and self._in_vain >= MOST_IN_VAIN

    def look(self, frame: Frame) -> Look:
        """What the known places say; where they have no time, the frame is searched."""
        look = self.read(frame.time_s, self.cut(frame.image))
        if look.times or self._searched >= MOST_SEARCHED or self.is_blank:
            return look
        self._searched += 1
        found = self._search(frame)
        self._in_vain += not (found.dates or found.times)
        return found

    def cut(self, image: Image) -> Cut:
        """The known places in a frame."""
        return [(place, _crop(image, place)) for place in self._places]

    def read(self, time_s: float, cut: Cut) -> Look:
        """What known places of a frame say, read until there are a date and a time."""
        dates: frozenset[ShownDate] = frozenset()
        times: frozenset[ShownTime] = frozenset()
        for place, crop in cut:
            said = written(self._reader.read([crop])[0])
            dates, times = dates | said.dates, times | said.times
            if said.times and place in self._places:
                self._places.remove(place)
                self._places.insert(0, place)
            if dates and times:
                break
        return Look(time_s, dates, times)

    def _search(self, frame: Frame) -> Look:
        lines = self._lines(frame.image)
        said = [written(text) for text in self._reader.read([_crop(frame.image, line) for line in lines])]
        for line, one in zip(lines, said, strict=True):
            if (one.dates or one.times) and not any(line.iou(place) > SAME_PLACE for place in self._places):
                self._places = [line, *self._places][:MOST_PLACES]
        return Look(
            frame.time_s,
            frozenset(date for one in said for date in one.dates),
            frozenset(time for one in said for time in one.times),
        )

    def _lines(self, image: Image) -> list[Box]:
        """The widest lines of text in the bands, as boxes of the frame."""
        found: list[Box] = []
        for band in self._bands:
            cut = _crop(image, band, margin=False)
            found += [box.shifted(band.x1, band.y1) for box in self._reader.find(cut)]
        wide = [line for line in _joined(found) if line.width >= self._least_px]
        return sorted(wide, key=lambda line: -line.width)[:MOST_LINES]


def _bands(info: MediaInfo) -> tuple[Box, ...]:
    width, height = float(info.width), float(info.height)
    edges = (Box(0, 0, width, round(BAND * height)), Box(0, height - round(BAND * height), width, height))
    inner = [place for place in info.overlays if not any(place.shared(edge) > place.area / 2 for edge in edges)]
    return (*edges, *inner)


def _joined(boxes: Sequence[Box]) -> list[Box]:
    """Pieces of one line in one box."""
    lines: list[Box] = []
    for box in sorted(boxes, key=lambda box: box.x1):
        for index, line in enumerate(lines):
            if _continues(line, box):
                lines[index] = Box(line.x1, min(line.y1, box.y1), max(line.x2, box.x2), max(line.y2, box.y2))
                break
        else:
            lines.append(box)
    return lines


def _continues(line: Box, box: Box) -> bool:
    lower, higher = sorted((line.height, box.height))
    shared = min(line.y2, box.y2) - max(line.y1, box.y1)
    return shared > 0.6 * lower and higher < 1.6 * lower and box.x1 - line.x2 < PIECE_GAP * higher


def _crop(image: Image, box: Box, margin: bool = True) -> Image:
    if margin:
        box = box.grown(MARGIN_X * box.height, MARGIN_Y * box.height)
    box = box.clipped(image.shape[1], image.shape[0])
    return image[int(box.y1) : int(box.y2 + 0.5), int(box.x1) : int(box.x2 + 0.5)].copy()
