"""Puts a trained checkpoint into `models/plate-detector/`: PyTorch weights, OpenVINO in FP16 and in INT8."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from pipeline.detection.letterbox import as_floats, letterbox
from training.detector.pictures.photos import Photo, load_photos

#: All files together may not be larger: they go into git.
LARGEST_BYTES = 12_000_000
#: Longer side of the inputs that INT8 ranges are measured on: whole pictures, and in turn with them windows of so many
#: plate widths. Without plates that fill the input among them, none that does would ever score more than .3.
CALIBRATION_PX, CALIBRATION_WINDOW_PX = 960, 320
_WINDOW_WIDTHS = (1.1, 1.6, 2.5, 5.0)
_CALIBRATION_PICTURES = 300
_CALIBRATION_SEED = 20261121
_NAME = "plate-detector"
#: The detection head's name in the exported graph; its last steps compute boxes, which 256 levels would blur.
_HEAD = r"model\.23/"


def export(checkpoint: Path, models: Path, data: Path | None = None) -> None:
    """Write the weights and the exports under `models/plate-detector`.

    `plate-detector.pt`, `plate-detector_openvino_model/` with weights in FP16 and, where `data` has pictures to
    calibrate on, `plate-detector_int8_openvino_model/`. Both exports take any batch and any size that is a multiple
    of 32.
    """
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
        if data is not None:
            _quantise(made, data)
            _replace(made, target / f"{_NAME}_int8_openvino_model")
        shutil.copyfile(weights, target / f"{_NAME}.pt")
    total = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    if total > LARGEST_BYTES:
        raise ValueError(f"{target} is too large for git: {total} bytes")


def _quantise(folder: Path, data: Path) -> None:
    """Turn the FP16 model in `folder` into INT8, calibrated on training pictures; the box arithmetic stays as it is."""
    import nncf
    import openvino
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    photos = load_photos(data, "train")
    chosen = np.random.default_rng(_CALIBRATION_SEED).permutation(len(photos))[:_CALIBRATION_PICTURES]
    file = folder / f"{_NAME}.xml"
    model = openvino.Core().read_model(file)
    quantised: Any = nncf.quantize(
        model,
        nncf.Dataset([(photos[int(i)], number) for number, i in enumerate(chosen)], _calibration_input),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(chosen),
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            # The widest range of all pictures, not the mean of their ranges: a plate that fills the input is rare.
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
        ),
        ignored_scope=nncf.IgnoredScope(
            patterns=[f".*{_HEAD}.*/({kind}).*" for kind in ("Add", "Sub", "Mul", "Div")],
            types=["Sigmoid"],
            validate=False,
        ),
    )
    openvino.save_model(quantised, folder / f"{_NAME}_int8.xml")
    for suffix in (".xml", ".bin"):
        (folder / f"{_NAME}_int8{suffix}").replace(file.with_suffix(suffix))


def _calibration_input(chosen: tuple[Photo, int]) -> NDArray[np.float32]:
    """Every other picture as a whole, and around a plate."""
    photo, number = chosen
    image, longest_px = photo.read(), CALIBRATION_PX
    if number % 2 and len(photo.boxes):
        x1, y1, x2, y2 = photo.boxes[0]
        half = _WINDOW_WIDTHS[number // 2 % len(_WINDOW_WIDTHS)] * (x2 - x1) / 2
        left, top = max(0, int((x1 + x2) / 2 - half)), max(0, int((y1 + y2) / 2 - half))
        image = image[top : top + int(2 * half) + 1, left : left + int(2 * half) + 1]
        longest_px = CALIBRATION_WINDOW_PX
    high, wide = image.shape[:2]
    scale = longest_px / max(high, wide)
    shape = (-(-round(high * scale) // 32) * 32, -(-round(wide * scale) // 32) * 32)
    return as_floats(letterbox([image], shape))


def _replace(made: Path, target: Path) -> None:
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(made, target)


def _anonymous(metadata: Path) -> None:
    """Say whose model it is, and nothing about the machine that made it."""
    facts: dict[str, Any] = yaml.safe_load(metadata.read_text())
    facts["description"] = "Dashplate plate detector (YOLO26 at half of n's width, one class)"
    facts["author"] = "Dashplate"
    # Ultralytics reads `dynamic` back; without it every picture is letterboxed to the export's shape.
    facts["args"] = {"batch": 1, "half": True, "dynamic": True}
    metadata.write_text(yaml.safe_dump(facts, sort_keys=False))
