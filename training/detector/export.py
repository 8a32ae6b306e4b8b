"""Puts a trained checkpoint into `models/plate-detector/`: PyTorch weights and the OpenVINO export."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml

from pipeline.offline import silence

#: No file that goes into git may be larger.
LARGEST_FILE_BYTES = 12_000_000
_NAME = "plate-detector"


def export(checkpoint: Path, models: Path) -> None:
    """Write `plate-detector.pt` and `plate-detector_openvino_model/` under `models/plate-detector`.

    The OpenVINO model keeps its weights in FP16 and takes any batch and any size that is a multiple of 32.
    """
    silence()
    from ultralytics.models import YOLO

    target = models / _NAME
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        weights = Path(scratch) / f"{_NAME}.pt"
        shutil.copyfile(checkpoint, weights)
        model: Any = YOLO(str(weights), task="detect")
        made = Path(model.export(format="openvino", half=True, dynamic=True, imgsz=(384, 640), batch=8, device="cpu"))
        _anonymous(made / "metadata.yaml")
        _replace(made, target / f"{_NAME}_openvino_model")
        shutil.copyfile(weights, target / f"{_NAME}.pt")
    for file in target.rglob("*"):
        if file.is_file() and file.stat().st_size > LARGEST_FILE_BYTES:
            raise ValueError(f"{file.name} is too large for git: {file.stat().st_size} bytes")


def _replace(made: Path, target: Path) -> None:
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(made, target)


def _anonymous(metadata: Path) -> None:
    """Say whose model it is, and nothing about the machine that made it."""
    facts: dict[str, Any] = yaml.safe_load(metadata.read_text())
    facts["description"] = "Dashplate plate detector (YOLO26n, one class)"
    facts["author"] = "Dashplate"
    # Ultralytics reads `dynamic` back; without it every picture is letterboxed to the export's shape.
    facts["args"] = {"batch": 1, "half": True, "dynamic": True}
    metadata.write_text(yaml.safe_dump(facts, sort_keys=False))
