"""How long a network alone takes in OpenVINO on two threads: no preparation, no suppression of double boxes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

#: Height and width of a 1280x720 frame at an input of 640 and of 960.
SHAPES = ((384, 640), (544, 960))
_BATCH = 8
_ROUNDS = 7


def network_ms(export: Path, precision: str | None = None) -> list[float]:
    """Least milliseconds a frame at each of `SHAPES`, in batches of eight, of an OpenVINO export's folder.

    `precision` is the arithmetic of what is not quantised, `f32` or `bf16`; None leaves it to OpenVINO.
    """
    import openvino

    core = openvino.Core()
    config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 2}
    if precision is not None:
        config["INFERENCE_PRECISION_HINT"] = precision
    compiled = core.compile_model(core.read_model(next(export.glob("*.xml"))), "CPU", config)
    return [_least_ms(compiled, np.zeros((_BATCH, 3, *shape), np.float32)) / _BATCH for shape in SHAPES]


def checkpoint_ms(weights: Path) -> list[float]:
    """`network_ms` of a checkpoint, exported with weights in FP16."""
    from ultralytics.models import YOLO

    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "network.pt"
        copy.write_bytes(weights.read_bytes())
        model: Any = YOLO(str(copy), task="detect")
        made = model.export(format="openvino", half=True, dynamic=True, imgsz=SHAPES[0], batch=_BATCH, device="cpu")
        return network_ms(Path(made))


def exports_table(folder: Path) -> str:
    """The time of each export in each arithmetic, as Markdown."""
    heads = [f"{wide}x{high}" for high, wide in SHAPES]
    lines = ["| Export | Arithmetic | " + " | ".join(f"ms at {head}" for head in heads) + " |", "|" + "---|" * 4]
    for export in sorted(folder.glob("*_openvino_model")):
        for precision in ("bf16", "f32"):
            cells = [f"{ms:.1f}" for ms in network_ms(export, precision)]
            lines.append("| " + " | ".join([export.name, precision, *cells]) + " |")
    return "\n".join(lines)


def _least_ms(compiled: Any, pictures: Any) -> float:
    compiled(pictures)
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        compiled(pictures)
        times.append((time.perf_counter() - started) * 1000)
    return min(times)
