"""How long the detector takes for a frame, against a network that everybody can time: YOLO11n at 640x640."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from evaluation.detection.look import Look, open_picture
from evaluation.detection.truth import Picture
from evaluation.timing import THREADS, by_turns, on_few_threads
from pipeline.records import Image

FRAME_WIDTH_PX, FRAME_HEIGHT_PX = 1280, 720
#: Frames of a round.
_BATCH = 8
#: Rounds in which the two take turns.
_ROUNDS = 9
#: The yardstick comes with Ultralytics as a description; its weights are random, which changes no time.
_YARDSTICK = "yolo11n.yaml"
_YARDSTICK_PX = 640


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds a 1280x720 frame on two threads, all that Ultralytics does included: medians over the rounds."""

    #: The look's own batches: eight frames for videos, one for photographs.
    ms: float
    #: YOLO11n at 640x640 in batches of eight, exported to OpenVINO as the shipped network is.
    yolo11n_ms: float

    @property
    def ratio(self) -> float:
        """The detector's time in times of YOLO11n."""
        return self.ms / self.yolo11n_ms


def compare_speed(look: Look, pictures: Sequence[Picture]) -> Speed:
    """Time both on the first of the pictures, by turns."""
    frames = [cv2.resize(open_picture(p), (FRAME_WIDTH_PX, FRAME_HEIGHT_PX)) for p in pictures[:_BATCH]]
    batch = [np.asarray(frames[i % len(frames)], np.uint8) for i in range(_BATCH)]
    return on_few_threads(_by_turns, look, batch)


def _by_turns(look: Look, frames: list[Image]) -> Speed:
    with tempfile.TemporaryDirectory() as folder:
        detect, yardstick = look.detector(look.options.threshold).detect, _yardstick(Path(folder))
        ms, yolo11n_ms = by_turns((lambda: detect(frames), lambda: yardstick(frames)), _ROUNDS)
    return Speed(ms / len(frames), yolo11n_ms / len(frames))


def _yardstick(folder: Path) -> Callable[[list[Image]], object]:
    """YOLO11n as OpenVINO with FP16 weights and any input, at Ultralytics' own settings."""
    import torch
    from ultralytics import YOLO

    torch.set_num_threads(THREADS)
    # Of torch, on what Ultralytics' export calls; nothing that a user could act on.
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
    weights = folder / "yolo11n.pt"
    YOLO(_YARDSTICK, task="detect").save(weights)
    exported = YOLO(weights, task="detect").export(
        format="openvino", half=True, dynamic=True, imgsz=_YARDSTICK_PX, batch=_BATCH, device="cpu", verbose=False
    )
    model: Any = YOLO(exported, task="detect")
    return lambda frames: model.predict(
        frames, imgsz=_YARDSTICK_PX, batch=len(frames), device="cpu", rect=False, verbose=False, save=False
    )
