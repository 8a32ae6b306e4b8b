"""Finds and reads any text in pictures, such as the clock that a camera burns in: PP-OCRv6's small networks.

The reader of plates knows no separators. Of 120 rendered date lines (nine forms, nine typefaces, 12 to 38 pixels high,
on real frames) it has the digits and letters of 65% right, because slashes become 7 or 1; the general recogniser has
97%. The text detector finds all of them, in 0.05 s a strip of 1280 x 90. Both come with the `rapidocr` wheel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.reading.ctc import BLANK
from pipeline.reading.recognizers.engines import Engine, LoadedModel, Network, load_model, load_network
from pipeline.reading.recognizers.model_folder import BUNDLED_MODEL, file_in_wheel
from pipeline.records import Box, Image

_DETECTOR_FILE = "models/PP-OCRv6_det_small.onnx"
#: ImageNet's colours, as PaddleOCR publishes its detectors; BGR.
_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
#: Wider pictures are made smaller to be searched: text of 12 pixels in 720 lines is found at this width.
SEARCHED_PX = 1280
#: The detector's input is a multiple of this.
_STEP_PX = 32
#: Of text, by PaddleOCR: probability of its pixels, their mean in a line, and by how much the line is larger than its
#: core, over the core's area per circumference.
_PIXEL, _LINE, _GROWN = 0.3, 0.5, 1.5
#: Cores of text are at least so large.
_LEAST_WIDTH_PX, _LEAST_HEIGHT_PX = 6, 3
#: Widest line that is read as it is, in pixels of the recogniser's input; wider ones are squeezed.
_WIDEST_PX, _NARROWEST_PX, _BUCKET_PX = 2048, 48, 32


class ScreenReader:
    """Reads any text; see `pipeline.camera.on_screen.TextReader`."""

    def __init__(self, recognizer: LoadedModel, detector: Network) -> None:
        self._recognizer = recognizer
        self._detector = detector

    def find(self, image: Image) -> list[Box]:
        """The lines of text in a BGR picture, upright boxes in its pixels."""
        height, width = image.shape[:2]
        scale = min(1.0, SEARCHED_PX / width)
        size = _steps(width * scale), _steps(height * scale)
        pixels = (cv2.resize(image, size, interpolation=cv2.INTER_AREA) / np.float32(255) - _MEAN) / _DEVIATION
        likely = self._detector(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32))[0, 0]
        boxes = [_scaled(box, width / size[0], height / size[1]) for box in _cores(likely)]
        return [box.clipped(width, height) for box in boxes]

    def read(self, lines: Sequence[Image]) -> list[str]:
        """The texts of BGR pictures of one line each, as they are written, as far as the network knows the signs."""
        return [self._text(line) for line in lines]

    def _text(self, line: Image) -> str:
        if not line.size:
            return ""
        height = self._recognizer.input_height_px
        natural = math.ceil(line.shape[1] * height / line.shape[0] / _BUCKET_PX) * _BUCKET_PX
        scaled = cv2.resize(line, (min(_WIDEST_PX, max(_NARROWEST_PX, natural)), height))
        if self._recognizer.wants_rgb:
            scaled = cv2.cvtColor(scaled, cv2.COLOR_BGR2RGB)
        batch = (scaled.astype(np.float32) / 127.5 - 1.0).transpose(2, 0, 1)[None]
        best = self._recognizer.network(np.ascontiguousarray(batch))[0].argmax(axis=1)
        changes = np.flatnonzero(np.diff(best, prepend=BLANK))
        return "".join(self._recognizer.charset[one] for one in best[changes] if one != BLANK)


def load_screen_reader(cache_dir: Path, threads: int | None = None) -> ScreenReader:
    """The reader, run by OpenVINO; loading takes 0.8 s of the processor.

    Raises MissingDependency without the wheel or OpenVINO, ModelError where a file is not what it should be.
    """
    recognizer = load_model(BUNDLED_MODEL, Engine.OPENVINO, cache_dir, threads)
    return ScreenReader(recognizer, load_network(file_in_wheel(_DETECTOR_FILE), threads))


def _steps(length: float) -> int:
    return max(1, round(length / _STEP_PX)) * _STEP_PX


def _cores(likely: NDArray[np.float32]) -> list[Box]:
    """Boxes around the parts of a map (height, width) of probabilities that are text, grown from core to line."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((likely > _PIXEL).astype(np.uint8))
    sums = np.bincount(labels.ravel(), weights=likely.ravel())
    boxes: list[Box] = []
    for (x, y, width, height, area), whole in zip(stats[1:].tolist(), sums[1:].tolist(), strict=True):
        if width >= _LEAST_WIDTH_PX and height >= _LEAST_HEIGHT_PX and whole >= _LINE * area:
            margin = _GROWN * area / (2 * (width + height))
            boxes.append(Box(x, y, x + width, y + height).grown(margin, margin))
    return boxes


def _scaled(box: Box, x: float, y: float) -> Box:
    return Box(box.x1 * x, box.y1 * y, box.x2 * x, box.y2 * y)
