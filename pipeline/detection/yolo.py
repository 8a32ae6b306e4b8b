"""The plate detector: a YOLO network behind one small interface.

The default is the project's own YOLO network as an OpenVINO export, loaded through Ultralytics; any weights that
Ultralytics can load (`.pt`, ONNX, OpenVINO, TensorRT) may be named instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pipeline.detection.letterbox import fast_predictor
from pipeline.errors import MissingDependency, ModelError
from pipeline.offline import silence
from pipeline.records import Box, Detection, Image

#: A frame that stands alone: on the dev rides recall 1.0 at .03 false boxes a frame.
VIDEO_THRESHOLD = 0.45
#: A frame among others: tracking and reading drop what is false, and a plate is faint before it is near.
FOLLOW_THRESHOLD = 0.20
#: Longer side of the network's input, pixels.
INPUT_PX = 896
#: Of a photograph: a reading that is not sure is shown as such, a plate that is not found is not shown at all.
PHOTO_THRESHOLD = 0.35
#: Pictures smaller than this are enlarged to it: cut-out vehicles and thumbnails.
_LEAST_INPUT_PX = 640
#: More frames in one call gain no time on two cores.
FRAMES_PER_CALL = 8
#: Overlap at which Ultralytics drops the weaker of two boxes; its default of .7 leaves double boxes here.
NMS_IOU = 0.45
#: A box that lies in another with more of its area than this is a part of it.
_PART = 0.7
#: Two boxes of one frame that share more than this are one plate.
SAME_PLATE_IOU = 0.5


class Detector(Protocol):
    """Anything that finds plates in pictures."""

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Plates per image, best first; boxes in pixels of the image given (BGR, any size)."""
        ...


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """How to look."""

    #: A `.pt` file, an export folder or file that Ultralytics loads.
    weights: Path
    #: The longer side of the network's input in pixels, a multiple of 32.
    input_px: int = INPUT_PX
    #: Boxes scored lower are dropped.
    threshold: float = VIDEO_THRESHOLD
    #: Frames per call of the network.
    batch: int = FRAMES_PER_CALL
    #: `cpu`, `cuda:0`; None leaves the choice to Ultralytics.
    device: str | None = None
    #: Give every picture the same square input, so that its score does not depend on its neighbours' shapes.
    square: bool = False


class YoloDetector:
    """Ultralytics YOLO on whole frames, letterboxed to the input size."""

    def __init__(self, options: DetectorOptions) -> None:
        self._options = options
        self._model = _load(options.weights)
        self._predictor = fast_predictor()

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Plates per image, best first."""
        found: list[list[Detection]] = []
        for start in range(0, len(images), self._options.batch):
            found.extend(self._batch(list(images[start : start + self._options.batch])))
        return found

    def _batch(self, images: list[Image]) -> list[list[Detection]]:
        options = self._options
        results = self._model.predict(
            images,
            predictor=self._predictor,
            imgsz=input_shape(images[0], options),
            conf=options.threshold,
            iou=NMS_IOU,
            device=options.device,
            batch=len(images),
            rect=False,
            verbose=False,
            save=False,
        )
        return [_detections(result) for result in results]


def merge_overlapping(detections: Sequence[Detection]) -> list[Detection]:
    """Keep the surest of boxes that are the same plate: overlapping, or one mostly inside the other."""
    kept: list[Detection] = []
    for detection in sorted(detections, key=lambda d: -d.confidence):
        if not any(_same_plate(detection.box, k.box) for k in kept):
            kept.append(detection)
    return kept


def mostly_inside(part: Box, whole: Box) -> bool:
    """Whether a box is, but for a margin, a part of another."""
    return part.shared(whole) > _PART * part.area


def _same_plate(a: Box, b: Box) -> bool:
    return a.iou(b) > SAME_PLATE_IOU or mostly_inside(a, b) or mostly_inside(b, a)


def input_shape(image: Image, options: DetectorOptions) -> tuple[int, int]:
    """(height, width) of the network's input for pictures of this one's shape, in steps of 32."""
    if options.square:
        return options.input_px, options.input_px
    height, width = image.shape[:2]
    longer = max(height, width)
    # Enlarged beyond its own size a picture shows nothing new, only wider and softer plates.
    most = max(_LEAST_INPUT_PX, _whole_steps(longer))
    scale = min(options.input_px, most) / longer
    return _whole_steps(round(height * scale)), _whole_steps(round(width * scale))


def _whole_steps(pixels: int) -> int:
    return max(32, -(-pixels // 32) * 32)


def _detections(result: Any) -> list[Detection]:
    rows = result.boxes.data.cpu().numpy()
    found = [Detection(Box(*(float(v) for v in row[:4])), float(row[4])) for row in rows]
    return merge_overlapping(found)


def _load(weights: Path) -> Any:
    """A network of this detector's own: OpenVINO prepares itself for each shape anew, ten times the frame's cost, so
    detectors of different input sizes must not share one.
    """
    if not weights.exists():
        raise ModelError(f"There is no detector at {weights}; set DASHPLATE_DETECTOR, or restore models/.")
    silence()
    try:
        import torch
        from ultralytics import YOLO
        from ultralytics.utils import SETTINGS
    except ImportError as error:
        sentence = f"This detector needs Ultralytics ({error}); run: pip install 'dashplate[ultralytics]'"
        raise MissingDependency(sentence) from error
    SETTINGS["sync"] = False
    torch.set_num_threads(max(1, min(4, torch.get_num_threads())))
    return YOLO(weights, task="detect")
