"""How long the detector takes for a frame, against a network that everybody can time: YOLO11n at 640x640."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from dashplate.evaluation.looks import Look, open_picture
from dashplate.evaluation.truth import Picture
from pipeline.offline import silence
from pipeline.records import Image

FRAME_WIDTH_PX, FRAME_HEIGHT_PX = 1280, 720
#: Frames of a round.
_BATCH = 8
_THREADS = 2
#: Rounds in which the two take turns, so that a busy machine troubles both alike.
_ROUNDS = 15
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
    # In a process of its own: OpenVINO counts the processors that it may use once, when it is loaded.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_keep_to_few_threads) as process:
        return process.submit(_by_turns, look, batch).result()


def _keep_to_few_threads() -> None:
    silence()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_THREADS])


def _by_turns(look: Look, frames: list[Image]) -> Speed:
    with tempfile.TemporaryDirectory() as folder:
        calls = (look.detector(look.options.threshold).detect, _yardstick(Path(folder)))
        times: tuple[list[float], list[float]] = ([], [])
        for call in calls:
            call(frames)
        for _ in range(_ROUNDS):
            for call, taken in zip(calls, times, strict=True):
                started = time.perf_counter()
                call(frames)
                taken.append((time.perf_counter() - started) / len(frames) * 1000)
    ms, yolo11n_ms = map(median, times)
    return Speed(ms, yolo11n_ms)


def _yardstick(folder: Path) -> Callable[[list[Image]], object]:
    """YOLO11n as OpenVINO with FP16 weights and any input, at Ultralytics' own settings."""
    import torch
    from ultralytics import YOLO

    torch.set_num_threads(_THREADS)
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
