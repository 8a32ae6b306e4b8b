"""PaddleOCR's own pipeline on whole pictures, the way one would first think of: every text, and where it stands."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

from pipeline.reading.recognizers.model_folder import BUNDLED_MODEL, bundled_folder, file_in_wheel, publish
from pipeline.records import Box, Image

_DETECTOR = "PP-OCRv6_small_det"
_DETECTOR_FILE = "models/PP-OCRv6_det_small.onnx"
#: As PaddleOCR publishes its detectors: ImageNet's colours, and the thresholds of its OCR pipeline.
_DETECTOR_DESCRIPTION = {
    "Global": {"model_name": _DETECTOR},
    "PreProcess": {
        "transform_ops": [
            {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
            {"DetResizeForTest": None},
            {"NormalizeImage": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "order": "hwc"}},
            {"ToCHWImage": None},
        ]
    },
    "PostProcess": {
        "name": "DBPostProcess", "thresh": 0.3, "box_thresh": 0.6, "max_candidates": 1000, "unclip_ratio": 1.5
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SeenText:
    """A line of text in a picture."""

    #: As it was read, case and separators too; may be empty.
    text: str
    #: Upright, around the text's four corners; pixels of the picture.
    box: Box
    #: The recogniser's, 0 to 1.
    confidence: float


class WholeReader(Protocol):
    """Whatever reads all texts of a picture."""

    def read(self, image: Image) -> Sequence[SeenText]:
        """The texts of a BGR picture, in no order that means anything."""
        ...


class PaddleOcr:
    """PP-OCRv6's small text detector and recogniser from the rapidocr wheel, on the CPU with ONNX Runtime.

    No orientation or unwarping models. What is longer than 4000 pixels, PaddleOCR shrinks to that. `cache_dir` keeps
    the prepared models. Raises MissingDependency without the wheel, ModelError where its files are not as they should.
    """

    def __init__(self, cache_dir: Path) -> None:
        detector, recognizer = _detector_folder(cache_dir), bundled_folder(cache_dir)
        from paddleocr import PaddleOCR

        # It tells of each model that it loads and each picture that it shrinks.
        logging.getLogger("paddlex").setLevel(logging.ERROR)
        self._pipeline: Any = PaddleOCR(
            text_detection_model_name=_DETECTOR,
            text_detection_model_dir=str(detector),
            text_recognition_model_name=BUNDLED_MODEL,
            text_recognition_model_dir=str(recognizer),
            use_doc_orientation_classify=False,
            use_doc_unwarping=False,
            use_textline_orientation=False,
            engine="onnxruntime",
            device="cpu",
        )

    def read(self, image: Image) -> list[SeenText]:
        """Every text of a BGR picture."""
        return [
            SeenText(str(text), _around(corners), float(confidence))
            for page in self._pipeline.predict(image)
            for text, corners, confidence in zip(page["rec_texts"], page["rec_polys"], page["rec_scores"], strict=True)
        ]


def _around(corners: Any) -> Box:
    (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
    return Box(float(x1), float(y1), float(x2), float(y2))


def _detector_folder(cache_dir: Path) -> Path:
    """The detector inside the wheel as a folder that PaddleOCR loads; made once per cache folder."""
    source = file_in_wheel(_DETECTOR_FILE)
    folder = cache_dir / f"{_DETECTOR}-{source.stat().st_size}"
    return publish(folder, source, lambda: yaml.safe_dump(_DETECTOR_DESCRIPTION))
