"""Maker of rendered drives with more drawn over them: a board that looks like a plate, and what a test draws itself.

The drive's own camera already writes its clock at the bottom left and its name and speed at the bottom right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.records import Box, Frame
from synthesis.drawing.plates import STYLES, draw_plate
from synthesis.scene import DriveSpec, Scene

Picture = NDArray[np.uint8]
#: Draws over a picture, in place; the number is the frame's second.
Pen = Callable[[Picture, int], None]

#: What the board says, and where it stands in a frame of 1280 x 720.
BOARD_TEXT = "AB12 CDE"
BOARD = Box(40, 540, 300, 596)
_SIZE = (1280, 720)


@cache
def drive(seconds: int, every_s: int = 1) -> tuple[Picture, ...]:
    """Pictures of a rendered drive, 1280 x 720, BGR; not to be written to."""
    scene = Scene(DriveSpec(seed=7, duration_s=seconds, fps=30, width=_SIZE[0], height=_SIZE[1], plates=seconds // 3))
    return tuple(scene.frame(30 * second) for second in range(0, seconds, every_s))


def frames(pictures: Sequence[Picture], *pens: Pen, every_s: int = 2) -> list[Frame]:
    """Copies of the pictures as frames, `every_s` seconds apart, with everything drawn on each."""
    made = []
    for index, picture in enumerate(pictures):
        image = picture.copy()
        for pen in pens:
            pen(image, index * every_s)
        made.append(Frame(index * every_s, float(index * every_s), image))
    return made


def board(image: Picture, second: int = 0, *, dx: int = 0, dy: int = 0) -> None:
    """A plate-shaped board with plate-like text at `BOARD`."""
    x, y, width, height = int(BOARD.x1) + dx, int(BOARD.y1) + dy, int(BOARD.width), int(BOARD.height)
    image[y : y + height, x : x + width] = _board(width, height)


@cache
def _board(width: int, height: int) -> Picture:
    plate = draw_plate(STYLES["GB-front"], BOARD_TEXT, np.random.default_rng(1))
    return np.asarray(cv2.resize(plate.image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def write_branded(path: Path, seconds: int = 24, fps: int = 3) -> Path:
    """A drive with the board on it; each second is one picture, held, and begins with a keyframe."""
    with av.open(str(path), "w") as out:
        stream = cast(VideoStream, out.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "22"}))
        stream.width, stream.height, stream.pix_fmt = *_SIZE, "yuv420p"
        stream.codec_context.gop_size = fps
        for index, made in enumerate(made for made in frames(drive(seconds), board) for _ in range(fps)):
            frame = av.VideoFrame.from_ndarray(made.image, "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path
