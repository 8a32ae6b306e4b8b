"""Trains every candidate network for the same few minutes on the same pictures, and times it."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from .evaluate import Detector, detect_all, scored
from .measure import score
from .networks import CANDIDATES
from .photos import load_photos
from .schedule import Schedule
from .train import train

#: Height and width of a 1280x720 frame at an input of 640 and of 960.
_SHAPES = ((384, 640), (544, 960))
_GROUPS = ("oi", "openalpr", "ro")


def compare(prepared: Path, out: Path, data: Path, minutes: float, threshold: float) -> str:
    """Return, as Markdown, what each network recalls after `minutes` of training, and the time it takes."""
    photos = load_photos(data, "dev")
    lines = [
        f"| Network | Parameters | ms at {_SHAPES[0][1]} | at {_SHAPES[1][1]} | Input | "
        + " | ".join(f"Recall, {group}" for group in _GROUPS)
        + " |",
        "|" + "---|" * (5 + len(_GROUPS)),
    ]
    for network in CANDIDATES:
        weights = train(prepared, out / network.name.replace(" ", "-"), Schedule(budget_s=minutes * 60), network)
        detector, times = Detector(weights), milliseconds(weights)
        parameters = sum(p.numel() for p in network.build().parameters())
        for _, size_px in _SHAPES:
            found = detect_all(detector, photos, size_px)
            recalls = [
                score(scored([photo for photo in photos if photo.group == group], found), threshold).recall
                for group in _GROUPS
            ]
            cells = [network.name, f"{parameters:,}", *(f"{ms:.1f}" for ms in times), str(size_px)]
            lines.append("| " + " | ".join([*cells, *(f"{recall:.3f}" for recall in recalls)]) + " |")
            print(lines[-1], flush=True)
    return "\n".join(lines)


def milliseconds(weights: Path, batch: int = 8, rounds: int = 5) -> list[float]:
    """Least time of the bare network for one 1280x720 frame, in OpenVINO on two threads, at each input shape."""
    import openvino
    from ultralytics.models import YOLO

    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "network.pt"
        copy.write_bytes(weights.read_bytes())
        model: Any = YOLO(str(copy), task="detect")
        made = Path(model.export(format="openvino", half=True, dynamic=True, imgsz=_SHAPES[0], batch=batch))
        core = openvino.Core()
        compiled = core.compile_model(
            core.read_model(next(made.glob("*.xml"))),
            "CPU",
            {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 2},
        )
        return [_least(compiled, np.zeros((batch, 3, *shape), np.float32), rounds) / batch for shape in _SHAPES]


def _least(compiled: Any, pictures: Any, rounds: int) -> float:
    compiled(pictures)
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        compiled(pictures)
        times.append((time.perf_counter() - started) * 1000)
    return min(times)
