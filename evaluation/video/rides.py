"""Rides that are kept as pictures: their frames in time order, the plates they show, and what counts neither way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from evaluation.detection.look import open_picture
from evaluation.detection.truth import Picture
from evaluation.video.processing import Models, Pace, Processed, process_frames
from evaluation.video.uniques import CLEAR, TruePlate, unique_true
from pipeline.detection.yolo import mostly_inside
from pipeline.errors import UsageError
from pipeline.records import Box, Frame, Image, Observation, Sighting
from pipeline.video.keyframes import SAMPLED_KEYFRAMES
from pipeline.video.overlays import find_overlays
from training.detector.measuring.measure import IGNORED_IOU

#: `ro_dayride_type1_001_01054`: the ride, and the number of the frame in it.
_NAME = re.compile(r"(?P<ride>.*\D)(?P<number>\d+)")
#: A box that overlaps a plate's by this share of their union was read off that plate. Less than what detection is
#: measured with: a reading needs no exact box.
ON_PLATE_IOU = 0.3


@dataclass(frozen=True, slots=True)
class RideFrame:
    """A picture at its time."""

    #: The number in its name.
    number: int
    #: Seconds since the ride's first frame.
    time_s: float
    picture: Picture


@dataclass(frozen=True, slots=True)
class Ride:
    """The frames of one ride, in order."""

    #: What the names of its pictures have in common.
    name: str
    frames: tuple[RideFrame, ...]
    #: The unique plates that it shows.
    plates: tuple[TruePlate, ...]

    @property
    def duration_s(self) -> float:
        return self.frames[-1].time_s

    def decoded(self) -> Iterator[Frame]:
        """The frames as a decoder gives them, `pts` the number; one is held at a time.

        Raises UsageError where a file is no picture.
        """
        for frame in self.frames:
            yield Frame(frame.number, frame.time_s, open_picture(frame.picture))

    def at(self, number: int) -> Picture:
        return next(frame.picture for frame in self.frames if frame.number == number)

    def process(self, models: Models) -> Processed:
        """Run the road over the frames. Raises UsageError where a file is no picture."""
        return process_frames(self.decoded(), self.pace(), models)

    def pace(self) -> Pace:
        """How the frames stand for a video; standing text is looked for as in a video."""
        steps = [b.time_s - a.time_s for a, b in pairwise(self.frames)]
        keyframes = [Frame(0, f.time_s, open_picture(f.picture)) for f in self._spread()]
        shape = keyframes[0].image.shape
        overlays = find_overlays(keyframes) if all(frame.image.shape == shape for frame in keyframes) else ()
        return Pace(shape, min(steps, default=0.0), self.duration_s, overlays)

    def is_unjudged(self, sighting: Sighting) -> bool:
        """Whether nobody can say if what was read there is right: see `is_unjudged`."""
        return is_unjudged(self.at(sighting.best.pts), sighting.best.box)

    def image_at(self, observation: Observation) -> Image:
        return open_picture(self.at(observation.pts))

    def look_of(self, plate: TruePlate) -> tuple[Image, Box | None, float]:
        """The frame that shows the plate largest, clear where it ever is; its place there; and the second."""
        looks = [
            (word == CLEAR, float(row[2] - row[0]), frame, _box(row))
            for frame in self.frames
            for row, text, word in _labelled(frame.picture)
            if text == plate.text
        ]
        *_, frame, place = max(looks, key=lambda look: look[:2])
        return open_picture(frame.picture), place, frame.time_s

    def _spread(self) -> list[RideFrame]:
        count = min(SAMPLED_KEYFRAMES, len(self.frames))
        return [self.frames[i * (len(self.frames) - 1) // max(1, count - 1)] for i in range(count)]


def load_rides(pictures: Sequence[Picture], fps: float) -> list[Ride]:
    """The rides of the pictures, by name; `fps` is how many numbers a second has.

    The number that a picture's name ends with is its place in the ride; what stands before it names the ride. Raises
    UsageError for a name without number, and for two pictures at one place.
    """
    rides: dict[str, dict[int, Picture]] = {}
    for picture in pictures:
        name, number = _place(picture)
        if number in rides.setdefault(name, {}):
            other = rides[name][number].name
            raise UsageError(f"{picture.name} and {other} are the same frame of one ride; leave one out.")
        rides[name][number] = picture
    return [_ride(name, numbered, fps) for name, numbered in sorted(rides.items())]


def is_unjudged(picture: Picture, box: Box) -> bool:
    """Whether a reading there counts neither way, unless it is right.

    So it does at a plate without text, at an ignored place, and where plates may have no box. A plate whose text is
    known is judged wherever it is.
    """
    for row, text in zip(picture.plates, picture.texts, strict=True):
        if _reads(box, _box(row)):
            return not text
    places = [*picture.plates, *picture.ignored]
    return not picture.every_plate_boxed or any(box.iou(_box(place)) >= IGNORED_IOU for place in places)


def plate_at(picture: Picture, box: Box) -> int | None:
    """Which of a picture's plates a box shows, if any."""
    overlaps = [box.iou(_box(row)) for row in picture.plates]
    best = max(range(len(overlaps)), key=overlaps.__getitem__, default=None)
    return best if best is not None and _reads(box, _box(picture.plates[best])) else None


def _place(picture: Picture) -> tuple[str, int]:
    found = _NAME.fullmatch(picture.path.stem)
    if found is None:
        raise UsageError(
            f"{picture.name} is no frame of a ride: the name has to end with its number; --match chooses names."
        )
    return found["ride"].rstrip("_- "), int(found["number"])


def _ride(name: str, numbered: dict[int, Picture], fps: float) -> Ride:
    first = min(numbered)
    frames = tuple(RideFrame(number, (number - first) / fps, numbered[number]) for number in sorted(numbered))
    return Ride(name, frames, _plates(frames))


def _plates(frames: Sequence[RideFrame]) -> tuple[TruePlate, ...]:
    return unique_true(
        TruePlate(text, word == CLEAR, (frame.time_s, frame.time_s), (frame.time_s, frame.time_s))
        for frame in frames
        for _, text, word in _labelled(frame.picture)
        if text
    )


def _labelled(picture: Picture) -> Iterator[tuple[NDArray[np.float32], str, str]]:
    """Each plate's box, text and legibility."""
    return zip(picture.plates, picture.texts, picture.legibility, strict=True)


def _reads(box: Box, plate: Box) -> bool:
    return box.iou(plate) >= ON_PLATE_IOU or mostly_inside(box, plate)


def _box(row: Iterable[float]) -> Box:
    return Box(*(float(v) for v in row))
