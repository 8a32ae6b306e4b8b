"""The recogniser: pictures of one line of plate text in, probabilities per step over the plate alphabet out."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UsageError
from pipeline.formats.alphabet import Posterior, folding
from pipeline.reading.recognizers.engines import Engine, LoadedModel, load_model
from pipeline.reading.recognizers.model_folder import BUNDLED_MODEL
from pipeline.records import Image

__all__ = [
    "BUNDLED_MODEL",
    "DEFAULT_ENGINE",
    "Engine",
    "PlateRecognizer",
    "Recognizer",
    "engine_named",
    "load_recognizer",
]

#: Milliseconds a plate on two busy cores: OpenVINO 7, ONNX Runtime 22, PaddleOCR's own `predict` 36.
DEFAULT_ENGINE = Engine.OPENVINO

#: Input widths are multiples of this, so that few shapes are ever compiled.
BUCKET_PX = 32
#: Narrowest and widest input that a line's own proportions give. PaddleOCR pads to 320 at least; at 192 the shipped
#: reader reads every plate of the development split that it reads at 256, at three quarters of the time.
MIN_WIDTH_PX, MAX_WIDTH_PX = 96, 192
#: Crops in one call of the network, the most that there are; few sizes, so that few shapes are ever compiled.
BATCHES = (8, 4, 2, 1)


class Recognizer(Protocol):
    """Anything that reads one line of plate text."""

    def probabilities(self, images: Sequence[Image], min_width_px: int = MIN_WIDTH_PX) -> list[Posterior]:
        """One matrix (steps, `alphabet.CLASSES`) per picture (BGR uint8, any size, the line fills it).

        A line is stretched to `min_width_px` of network input where its own proportions, up to MAX_WIDTH_PX, give less.
        """
        ...


def load_recognizer(name: str, engine: str, cache_dir: Path, threads: int | None = None) -> PlateRecognizer:
    """A PaddleOCR recogniser by model name or folder, run by one of `Engine`.

    `cache_dir` keeps the prepared folder of the bundled model; `threads` None leaves their number to the engine.
    Raises UsageError for an unknown engine, ModelError where the model cannot run, MissingDependency where a package
    is not installed.
    """
    return PlateRecognizer(load_model(name, engine_named(engine), cache_dir, threads))


def engine_named(name: str) -> Engine:
    """The engine of that name; raises UsageError where there is none."""
    if name not in list(Engine):
        raise UsageError(f"The reader cannot run on {name}; choose one of {', '.join(Engine)}.")
    return Engine(name)


class PlateRecognizer:
    """A loaded PaddleOCR recogniser, reduced to the plate alphabet."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self._fold = folding(model.charset)

    @property
    def name(self) -> str:
        return self._model.name

    def probabilities(self, images: Sequence[Image], min_width_px: int = MIN_WIDTH_PX) -> list[Posterior]:
        """See `Recognizer`; crops of like width share a call of the network."""
        lines = [self._line(image, min_width_px) for image in images]
        found: dict[int, Posterior] = {}
        for indices in _batches(lines):
            batch = np.zeros((len(indices), 3, lines[0].shape[0], _bucket(lines[indices[0]])), dtype=np.float32)
            for row, index in enumerate(indices):
                batch[row, :, :, : lines[index].shape[1]] = lines[index].transpose(2, 0, 1)
            for index, matrix in zip(indices, self._fold(self._model.network(batch)), strict=True):
                found[index] = _without_padding(matrix, lines[index].shape[1], batch.shape[3])
        return [found[index] for index in range(len(lines))]

    def _line(self, image: Image, min_width_px: int) -> NDArray[np.float32]:
        height = self._model.input_height_px
        natural = math.ceil(height * image.shape[1] / max(1, image.shape[0]))
        width = max(min_width_px, min(MAX_WIDTH_PX, natural))
        scaled = cv2.resize(image, (width, height))
        if self._model.wants_rgb:
            scaled = cv2.cvtColor(scaled, cv2.COLOR_BGR2RGB)
        return scaled.astype(np.float32) / 127.5 - 1.0


def _bucket(line: NDArray[np.float32]) -> int:
    line_px = int(line.shape[1])
    return max(MIN_WIDTH_PX, math.ceil(line_px / BUCKET_PX) * BUCKET_PX)


def _batches(lines: Sequence[NDArray[np.float32]]) -> Iterator[list[int]]:
    by_width: dict[int, list[int]] = defaultdict(list)
    for index, line in enumerate(lines):
        by_width[_bucket(line)].append(index)
    for indices in by_width.values():
        while indices:
            size = next(size for size in BATCHES if size <= len(indices))
            yield indices[:size]
            indices = indices[size:]


def _without_padding(matrix: Posterior, line_px: int, input_px: int) -> Posterior:
    steps = math.ceil(matrix.shape[0] * line_px / input_px) + 1
    return np.ascontiguousarray(matrix[:steps])
