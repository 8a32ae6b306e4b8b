"""Looks at pictures with a detector as the pipeline does, and keeps the faint boxes that average precision needs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2

import models
from dashplate.evaluation.truth import Picture
from pipeline.detect import (
    PHOTO_INPUTS_PX,
    PHOTO_THRESHOLD,
    Detector,
    DetectorOptions,
    PhotoDetector,
    YoloDetector,
    merge_overlapping,
)
from pipeline.errors import DashplateError, ModelError, UsageError
from pipeline.media import read_photo
from pipeline.records import Detection, Image
from pipeline.second_look import look_twice

#: Boxes scored lower are not seen at all: average precision hardly changes below.
FLOOR = 0.01
#: Pictures that wait for others of their shape, at most: decoded ones are large.
_MOST_WAITING = 64


@dataclass(frozen=True, slots=True)
class Look:
    """How pictures are looked at."""

    weights: Path
    #: Longer side of the network's input in pixels; several are joined as `PhotoDetector` does.
    inputs_px: tuple[int, ...]
    #: Boxes scored lower are dropped.
    threshold: float
    #: Pictures per call of the network.
    batch: int
    #: Margin in pixels of a second look at unsure boxes; None: there is none.
    second_look_px: int | None = None

    def detectors(self, threshold: float) -> list[Detector]:
        """One detector per input size. Raises ModelError where the weights are missing."""
        return [self._detector(DetectorOptions(self.weights, px, threshold, self.batch)) for px in self.inputs_px]

    def _detector(self, options: DetectorOptions) -> Detector:
        return YoloDetector(options) if self.second_look_px is None else look_twice(options, self.second_look_px)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a detector said of one picture; boxes in pixels of the upright picture."""

    #: Everything down to `FLOOR`, surest first: of overlapping boxes the surest.
    ranked: tuple[Detection, ...]
    #: What the pipeline keeps at the threshold.
    kept: tuple[Detection, ...]
    #: Mean brightness of the picture, 0 to 255.
    luma: float
    #: Milliseconds of its batch, a picture.
    ms: float


def video_look(
    weights: Path | None, threshold: float | None, input_px: int | None, second_look_px: int | None = None
) -> Look:
    """The look at a video's frames; None stands for the pipeline's own."""
    own = DetectorOptions(weights or models.plate_detector_openvino())
    return Look(own.weights, (input_px or own.input_px,), threshold or own.threshold, own.batch, second_look_px)


def photo_look(weights: Path | None, threshold: float | None) -> Look:
    """The look at photographs, one by one in several sizes; None stands for the pipeline's own."""
    return Look(weights or models.plate_detector_openvino(), PHOTO_INPUTS_PX, threshold or PHOTO_THRESHOLD, 1)


def look_at(pictures: Iterable[Picture], look: Look) -> Iterator[tuple[Picture, Seen]]:
    """Look at every picture, in batches of equal shape; they come out of order.

    Raises UsageError where a file is no picture or a plate lies outside of it, ModelError where the weights are none.
    """
    detectors: list[Detector] = []
    for batch in _batches(pictures, look.batch):
        images = [image for _, image in batch]
        detectors = detectors or _warm(look, images)
        started = time.perf_counter()
        sizes = [detector.detect(images) for detector in detectors]
        ms = (time.perf_counter() - started) / len(images) * 1000
        for (picture, image), per_size in zip(batch, zip(*sizes, strict=True), strict=True):
            luma = float(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).mean())
            yield picture, Seen(_ranked(per_size), _kept(per_size, look.threshold), luma, ms)


def open_picture(picture: Picture) -> Image:
    """The picture, upright, BGR. Raises UsageError where the file holds none, or not the plates that it should."""
    photo = read_photo(picture.path)
    if photo is None:
        raise UsageError(f"{picture.path} is no picture that can be decoded.")
    height, width = photo.image.shape[:2]
    outside = (picture.plates[:, :2] >= (width, height)).any() or (picture.plates[:, 2:] <= 0).any()
    if outside:
        raise UsageError(f"{picture.name} is {width}x{height} pixels, and a plate of it is said to lie outside.")
    return photo.image


def _warm(look: Look, images: Sequence[Image]) -> list[Detector]:
    """Detectors that have looked once: the first call loads the network, and the clock shall not see that."""
    try:
        detectors = look.detectors(min(FLOOR, look.threshold))
        for detector in detectors:
            detector.detect(images)
    except DashplateError:
        raise
    except Exception as error:
        # Ultralytics raises whatever the file's format makes it stumble over.
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(f"{look.weights} holds no detector that Ultralytics can run: {reason}") from error
    return detectors


def _batches(pictures: Iterable[Picture], size: int) -> Iterator[list[tuple[Picture, Image]]]:
    waiting: dict[tuple[int, ...], list[tuple[Picture, Image]]] = {}
    for picture in pictures:
        image = open_picture(picture)
        group = waiting.setdefault(image.shape, [])
        group.append((picture, image))
        if len(group) == size:
            yield waiting.pop(image.shape)
        elif sum(map(len, waiting.values())) >= _MOST_WAITING:
            yield waiting.pop(max(waiting, key=lambda shape: len(waiting[shape])))
    yield from waiting.values()


def _ranked(per_size: Sequence[Sequence[Detection]]) -> tuple[Detection, ...]:
    return tuple(merge_overlapping(list(chain.from_iterable(per_size))))


def _kept(per_size: Sequence[Sequence[Detection]], threshold: float) -> tuple[Detection, ...]:
    """What `PhotoDetector` keeps; with one size, what passes the threshold."""
    joined = PhotoDetector([_Taken([d for d in found if d.confidence >= threshold]) for found in per_size])
    return tuple(joined.detect([])[0])


@dataclass(frozen=True, slots=True)
class _Taken:
    """Stands in for a detector that has looked at its one picture already."""

    found: list[Detection]

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        return [self.found]
