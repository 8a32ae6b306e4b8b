"""The weights that Dashplate ships, and where they lie. Each folder holds a MODEL_CARD.md."""

from __future__ import annotations

from pathlib import Path

#: The folder of this file: the weights travel with the package.
MODELS_DIR = Path(__file__).resolve().parent


def plate_detector_pt() -> Path:
    """Return the plate detector's PyTorch weights, for GPUs and for training on."""
    return MODELS_DIR / "plate-detector" / "plate-detector.pt"


def plate_detector_int8() -> Path:
    """Return the folder of the plate detector's INT8 export for OpenVINO: what runs on CPUs.

    Takes any batch and any height and width that are multiples of 32.
    """
    return MODELS_DIR / "plate-detector" / "plate-detector_int8_openvino_model"


def plate_detector_fp16() -> Path:
    """Return the folder of the same with weights in FP16, for CPUs that gain nothing by INT8."""
    return MODELS_DIR / "plate-detector" / "plate-detector_openvino_model"


def plate_reader() -> Path:
    """Return the folder of the plate reader: a PaddleOCR recogniser as ONNX, for ONNX Runtime and OpenVINO."""
    return MODELS_DIR / "plate-reader"
