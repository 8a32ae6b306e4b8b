"""Renders a drive to a video file, with its truth beside it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.scene import DriveSpec, Scene
from synthesis.screen import ScreenClock
from synthesis.truth import TruePlate, read_truth, true_boxes, true_plates, write_boxes, write_truth

__all__ = ["Drive", "read_truth", "render_drive"]

Image = NDArray[np.uint8]

_CRF = "24"
_KEYFRAME_S = 2
#: Frames that one worker draws at a time.
_CHUNK = 15
#: Shorter drives are drawn in this process: starting another costs about as much as fifty frames.
_LEAST_PARALLEL_FRAMES = 90
_MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Drive:
    """A rendered drive."""

    video: Path
    #: In order of appearance, with those that are never legible.
    truth: tuple[TruePlate, ...]

    @property
    def legible(self) -> tuple[TruePlate, ...]:
        """The plates that a reader has to find."""
        return tuple(plate for plate in self.truth if plate.legible)


def render_drive(
    path: Path, *, seed: int = 7, duration_s: float = 30.0, fps: int = 30, width: int = 1280,
    height: int = 720, plates: int = 12, clock: ScreenClock | None = None,
    progress: Callable[[float], None] | None = None,
) -> Drive:  # fmt: skip
    """Render a dashcam drive to ``path`` (H.264 in MP4) and return it with its truth.

    Beside ``drive.mp4`` stand ``drive.truth.csv``, one line a plate, and ``drive.boxes.csv``, one line a
    plate and frame. The same arguments give the same drive. ``clock`` takes the
    place of the usual one on screen. ``progress`` is told the share done, 0 to 1.
    A plate takes two and a half seconds to come and go: much fewer seconds a plate make hasty drives in
    which some are never legible.
    """
    spec = DriveSpec(seed, duration_s, fps, width, height, plates, clock=clock)
    path.parent.mkdir(parents=True, exist_ok=True)
    boxes = true_boxes(spec)
    truth = true_plates(spec, boxes)
    write_truth(path.with_suffix(".truth.csv"), truth)
    write_boxes(path.with_suffix(".boxes.csv"), boxes)
    encode(path, spec, range(spec.frames), progress or (lambda share: None))
    return Drive(path, truth)


def encode(path: Path, spec: DriveSpec, frames: range, progress: Callable[[float], None]) -> None:
    """Render some of a drive's frames, in a row, to a file that begins with the first of them."""
    options = {"crf": _CRF, "preset": "superfast"}
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=spec.fps, options=options)
        stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, "yuv420p"
        stream.gop_size = _KEYFRAME_S * spec.fps
        stream.time_base = Fraction(1, spec.fps)
        stream.codec_context.thread_count = 2
        for index, picture in enumerate(_pictures(spec, frames)):
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, spec.fps)
            container.mux(stream.encode(frame))
            progress((index + 1) / len(frames))
        container.mux(stream.encode(None))


def _pictures(spec: DriveSpec, frames: range) -> Iterator[Image]:
    """Yield frames in order, as planar YUV 4:2:0."""
    workers = min(
        _MOST_WORKERS,
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    )
    daemon = multiprocessing.current_process().daemon
    if len(frames) < _LEAST_PARALLEL_FRAMES or workers < 2 or daemon:
        scene = Scene(spec)
        yield from (_planar(scene.frame(index)) for index in frames)
        return
    yield from _parallel(spec, frames, workers)


def _parallel(spec: DriveSpec, frames: range, workers: int) -> Iterator[Image]:
    """Yield frames that worker processes draw, never more than two chunks a worker ahead of the encoder."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(spec,)) as pool:
        waiting: list[Future[list[Image]]] = []
        for start in range(frames.start, frames.stop, _CHUNK):
            waiting.append(pool.submit(_chunk, start, min(start + _CHUNK, frames.stop)))
            if len(waiting) >= 2 * workers:
                yield from waiting.pop(0).result()
        for future in waiting:
            yield from future.result()


def _planar(picture: Image) -> Image:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)


_scene: Scene | None = None


def _start_worker(spec: DriveSpec) -> None:
    global _scene
    cv2.setNumThreads(1)
    _scene = Scene(spec)


def _chunk(start: int, end: int) -> list[Image]:
    assert _scene is not None
    return [_planar(_scene.frame(index)) for index in range(start, end)]
