"""Looks at pictures with a detector as the pipeline does, and keeps the faint boxes that average precision needs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2

import models
from evaluation.detection.truth import Picture
from evaluation.pictures import open_image
from pipeline.detection.plate_detector import single_look, whole_picture_detector
from pipeline.detection.recheck import RecheckOptions
from pipeline.detection.yolo import (
    FRAMES_PER_CALL,
    INPUT_PX,
    PHOTO_THRESHOLD,
    VIDEO_THRESHOLD,
    Detector,
    DetectorOptions,
)
from pipeline.errors import DashplateError, ModelError, UsageError
from pipeline.records import Detection, Image

#: Boxes scored lower are not seen at all: average precision hardly changes below.
FLOOR = 0.01
#: Pictures that wait for others of their shape, at most: decoded ones are large.
_MOST_WAITING = 64


@dataclass(frozen=True, slots=True)
class Look:
    """How pictures are looked at: as the pipeline does, or with one look at an input size of one's own."""

    options: DetectorOptions
    #: Leave the second scale out: one look, at `options.input_px`.
    one_scale: bool = False
    #: Margin in pixels of a second look at unsure boxes; None: there is none.
    second_look_px: int | None = None

    def detector(self, threshold: float) -> Detector:
        """The detector, at another threshold. Raises ModelError where the weights are missing."""
        options = replace(self.options, threshold=threshold)
        if self.one_scale:
            return single_look(options)
        margin_px = self.second_look_px
        return whole_picture_detector(
            options, None if margin_px is None else RecheckOptions(threshold, margin_px=margin_px)
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What a detector said of one picture; boxes in pixels of the upright picture."""

    #: Everything down to `FLOOR`, surest first: of overlapping boxes the surest.
    ranked: tuple[Detection, ...]
    #: What of it passes the threshold.
    kept: tuple[Detection, ...]
    #: Mean brightness of the picture, 0 to 255.
    luma: float
    #: Milliseconds of its batch, a picture.
    ms: float


def the_look(
    weights: Path | None, threshold: float | None, input_px: int | None, *, photo: bool, second_look_px: int | None
) -> Look:
    """The look at frames or, at `photo`, at photographs; None stands for the pipeline's own weights and input.

    A frame is taken alone here, and has to be surer than in a video, where others follow it.
    """
    options = DetectorOptions(
        weights or models.plate_detector_int8(),
        input_px or INPUT_PX,
        threshold or (PHOTO_THRESHOLD if photo else VIDEO_THRESHOLD),
        1 if photo else FRAMES_PER_CALL,
    )
    return Look(options, one_scale=input_px is not None, second_look_px=second_look_px)


def look_at(pictures: Iterable[Picture], look: Look) -> Iterator[tuple[Picture, Seen]]:
    """Look at every picture, in batches of equal shape; they come out of order.

    Raises UsageError where a file is no picture or a plate lies outside of it, ModelError where the weights are none.
    """
    detector: Detector | None = None
    for batch in _batches(pictures, look.options.batch):
        images = [image for _, image in batch]
        detector = detector or warm_detector(look, min(FLOOR, look.options.threshold), images)
        started = time.perf_counter()
        found = detector.detect(images)
        ms = (time.perf_counter() - started) / len(images) * 1000
        for (picture, image), detections in zip(batch, found, strict=True):
            luma = float(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).mean())
            kept = tuple(d for d in detections if d.confidence >= look.options.threshold)
            yield picture, Seen(tuple(detections), kept, luma, ms)


def open_picture(picture: Picture) -> Image:
    """The picture, upright, BGR. Raises UsageError where the file holds none, or not the plates that it should."""
    image = open_image(picture.path)
    height, width = image.shape[:2]
    outside = (picture.plates[:, :2] >= (width, height)).any() or (picture.plates[:, 2:] <= 0).any()
    if outside:
        raise UsageError(f"{picture.name} is {width}x{height} pixels, and a plate of it is said to lie outside.")
    return image


def warm_detector(look: Look, threshold: float, images: Sequence[Image]) -> Detector:
    """A detector that has looked once: the first call loads the network, and the clock shall not see that.

    Raises ModelError where the weights are missing or none.
    """
    try:
        detector = look.detector(threshold)
        detector.detect(images)
    except DashplateError:
        raise
    except Exception as error:
        # Ultralytics raises whatever the file's format makes it stumble over.
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(f"{look.options.weights} holds no detector that Ultralytics can run: {reason}") from error
    return detector


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
