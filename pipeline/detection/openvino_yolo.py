"""An OpenVINO export of a YOLO network, run as it is: neither Ultralytics nor torch is loaded for it.

Importing both takes longer than most photographs do, and Ultralytics' own way from a frame to its boxes costs as much
as a small network. The numbers are theirs but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.detection.letterbox import Input, Place, letterbox
from pipeline.detection.yolo import NMS_IOU, DetectorOptions, input_shape, merge_overlapping
from pipeline.errors import MissingDependency, ModelError
from pipeline.records import Detection, Image
from pipeline.yaml_text import from_yaml

#: Boxes of one picture before the weaker of overlapping ones are dropped; a full car park has some hundred plates.
_MOST_BOXES = 1000


def runs_directly(weights: Path) -> bool:
    """Whether `OpenVinoDetector` takes these weights: an export folder for any input, with boxes in plain rows."""
    about = weights / "metadata.yaml"
    if not about.is_file() or not any(weights.glob("*.xml")):
        return False
    facts: dict[str, Any] = from_yaml(about.read_text(encoding="utf-8")) or {}
    made_for_any = (facts.get("args") or {}).get("dynamic") is True
    return made_for_any and facts.get("task") == "detect" and not facts.get("end2end", False)


class OpenVinoDetector:
    """YOLO on whole pictures on the CPU, letterboxed to the input size; every class counts as a plate."""

    def __init__(self, options: DetectorOptions) -> None:
        """Raises ModelError where the weights do not load."""
        self._options = options
        file = next(options.weights.glob("*.xml"))
        #: For full batches, and for what is left over, one by one: a network prepares itself anew whenever its input's
        #: shape changes, for what a picture costs.
        self._full = _Network(file)
        self._single = self._full if options.batch == 1 else _Network(file)

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Plates per image, best first; boxes in pixels of the image given (BGR, any size)."""
        found: list[list[Detection]] = []
        size = self._options.batch
        full = len(images) // size * size
        for start in range(0, full, size):
            found.extend(self._looked_at(self._full, images[start : start + size]))
        for image in images[full:]:
            found.extend(self._looked_at(self._single, [image]))
        return found

    def _looked_at(self, network: _Network, images: Sequence[Image]) -> Iterator[list[Detection]]:
        shape = input_shape(images[0], self._options)
        for image, own in zip(images, network.rows(images, shape), strict=True):
            yield _detections(own, image, shape, self._options.threshold)


class _Network:
    """A compiled network, and memory for its input, which the next one takes."""

    def __init__(self, file: Path) -> None:
        self._compiled = _compiled(file)
        self._memory: Input | None = None

    def rows(self, images: Sequence[Image], shape: tuple[int, int]) -> NDArray[np.float32]:
        """What it says of each picture, letterboxed to `shape`."""
        filled = letterbox(images, shape, self._memory)
        if self._memory is None or filled.base is not self._memory:
            self._memory = filled
        return np.asarray(self._compiled(filled)[0])


def _detections(rows: NDArray[np.float32], image: Image, shape: tuple[int, int], threshold: float) -> list[Detection]:
    """From the network's rows, one an anchor's centre x, centre y, width, height and scores, each times anchors."""
    scores = rows[4:].max(axis=0)
    likely = np.flatnonzero(scores > threshold)
    likely = likely[np.argsort(-scores[likely], kind="stable")][:_MOST_BOXES]
    if not len(likely):
        return []
    centres, sizes = rows[:2, likely].T.astype(np.float64), rows[2:4, likely].T.astype(np.float64)
    corners = centres - sizes / 2
    kept = cv2.dnn.NMSBoxes(np.hstack([corners, sizes]).tolist(), scores[likely].tolist(), threshold, NMS_IOU)
    place = Place.of((image.shape[0], image.shape[1]), shape)
    height, width = image.shape[:2]
    boxes = np.hstack([corners, corners + sizes])[np.asarray(kept, np.int64)]
    return merge_overlapping(
        [
            Detection(place.taken_back(*box).clipped(width, height), float(score))
            for box, score in zip(boxes.tolist(), scores[likely][np.asarray(kept, np.int64)], strict=True)
        ]
    )


def _compiled(file: Path) -> Any:
    """The network, with the way from bytes to numbers built into it."""
    try:
        import openvino
        from openvino.preprocess import ColorFormat, PrePostProcessor
    except ImportError as error:
        raise MissingDependency(f"Detection needs OpenVINO ({error}); run: pip install 'dashplate[detect]'") from error
    core = openvino.Core()
    try:
        model = core.read_model(file)
        options = {"PERFORMANCE_HINT": "LATENCY"}
        if any(step.get_type_name() == "FakeQuantize" for step in model.get_ops()):
            # OpenVINO's own choice on some processors is bfloat16, and much turning of numbers between it and INT8.
            options["INFERENCE_PRECISION_HINT"] = "f32"
        steps = PrePostProcessor(model)
        picture = steps.input()
        picture.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
        picture.tensor().set_color_format(ColorFormat.BGR)
        picture.model().set_layout(openvino.Layout("NCHW"))
        picture.preprocess().convert_element_type(openvino.Type.f32).convert_color(ColorFormat.RGB).scale(255.0)
        return core.compile_model(steps.build(), "CPU", options)
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot load {file}: {next(iter(str(error).splitlines()), error)}") from error
