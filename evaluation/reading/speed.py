"""How long a plate takes to read, against PaddleOCR's own `TextRecognition` on the same pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from evaluation.readers import Readers, read_one
from evaluation.reading.truth import LabelledPlate, open_plates
from evaluation.timing import by_turns, on_few_threads
from pipeline.crops.select import CropOptions
from pipeline.crops.text_lines import plate_image
from pipeline.errors import UsageError
from pipeline.reading.reader import Reader
from pipeline.reading.recognizers import BUNDLED_MODEL
from pipeline.reading.recognizers.model_folder import bundled_folder
from pipeline.records import Box, Crop, Image, Observation
from workers.settings import settings

#: Plates that are timed, and rounds in which all take turns with them.
_PLATES, _ROUNDS = 16, 5
#: Pictures of a tracklet: as many as the detect stage keeps of a plate.
TRACKLET = CropOptions().per_tracklet
#: From picture to picture of a made-up tracklet, the plate moves by this part of a pixel and blurs by so much more.
_SHIFT_PX, _BLUR_PX = 0.4, 0.25


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds of one reader and of PaddleOCR on two threads: medians over the rounds."""

    reader: str
    #: From a plate's picture to its reading.
    crop_ms: float
    #: From several pictures of a plate to one reading.
    tracklet_ms: float
    #: PaddleOCR with the bundled base model and its defaults, which reads pictures one by one: of one picture ...
    paddleocr_crop_ms: float
    #: ... and of a tracklet's.
    paddleocr_tracklet_ms: float

    @property
    def crop_ratio(self) -> float:
        """The reader's time for a picture in times of PaddleOCR."""
        return self.crop_ms / self.paddleocr_crop_ms

    @property
    def tracklet_ratio(self) -> float:
        """The reader's time for a tracklet in times of PaddleOCR."""
        return self.tracklet_ms / self.paddleocr_tracklet_ms


def compare_speed(readers: Readers, plates: Sequence[LabelledPlate]) -> list[Speed]:
    """Time all readers and PaddleOCR on plates from all over the selection, by turns.

    Raises UsageError where none of them is large enough to be cut out.
    """
    step = -(-len(plates) // _PLATES)
    found: list[Image | Crop] = [shown for _, shown in open_plates(plates[::step]) if shown is not None]
    if not found:
        raise UsageError("None of these plates is large enough to be cut out, so there is nothing to time.")
    return on_few_threads(_timed, readers, found)


def _timed(readers: Readers, plates: list[Image | Crop]) -> list[Speed]:
    loaded, theirs = readers.load(), _text_recognition()
    images = [_image(plate) for plate in plates]
    tracklets = [_tracklet(image) for image in images]
    pictures = [[crop.image for crop in crops] for crops in tracklets]
    calls: list[Callable[[], object]] = [lambda: [theirs.predict(image) for image in images]]
    calls.append(lambda: [theirs.predict(some) for some in pictures])
    for reader in loaded.values():
        calls += [_reading_one_by_one(reader, plates), _reading_tracklets(reader, tracklets)]
    crop_ms, tracklet_ms, *ours = (ms / len(plates) for ms in by_turns(calls, _ROUNDS))
    pairs = zip(loaded, ours[::2], ours[1::2], strict=True)
    return [Speed(name, one, several, crop_ms, tracklet_ms) for name, one, several in pairs]


def _reading_one_by_one(reader: Reader, plates: Sequence[Image | Crop]) -> Callable[[], object]:
    return lambda: [read_one(reader, plate) for plate in plates]


def _reading_tracklets(reader: Reader, tracklets: Sequence[Sequence[Crop]]) -> Callable[[], object]:
    return lambda: [reader.read_tracklet(crops) for crops in tracklets]


def _text_recognition() -> Any:
    """PaddleOCR's reader with the base model; the engine is the one that runs the file in the wheel."""
    from paddleocr import TextRecognition

    folder = bundled_folder(settings().models.cache_dir)
    return TextRecognition(model_name=BUNDLED_MODEL, model_dir=str(folder), engine="onnxruntime", device="cpu")


def _image(plate: Image | Crop) -> Image:
    return plate_image(plate) if isinstance(plate, Crop) else plate


def _tracklet(image: Image) -> list[Crop]:
    """Pictures of a plate that moves and blurs a little: equal ones would spare the fusion its work."""
    return [_moved(image, step) for step in range(TRACKLET)]


def _moved(image: Image, step: int) -> Crop:
    height, width = image.shape[:2]
    shift = np.array([[1, 0, step * _SHIFT_PX], [0, 1, 0]], np.float32)
    moved = cv2.warpAffine(image, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
    if step:
        moved = cv2.GaussianBlur(moved, (0, 0), step * _BLUR_PX)
    box = Box(0.0, 0.0, float(width), float(height))
    return Crop(Observation(step, step / 10, box, 1.0), box, 1.0, np.asarray(moved, np.uint8))
