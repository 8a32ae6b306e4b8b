"""Photographs to call the service with: frames of a rendered drive, small, medium and large."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.records import Image
from synthesis.scene import DriveSpec, Scene

#: Pixels of the three kinds: a thumbnail, a camera's frame, a telephone's photograph (12 megapixels).
SIZES = {"small": (640, 360), "medium": (1280, 720), "large": (4000, 3000)}
_DRIVE = DriveSpec(seed=11, duration_s=6.0, fps=10, width=1280, height=720, plates=3)
_NOISE = 2.0


def frames(count: int) -> list[Image]:
    """Frames of a drive, 1280 x 720, BGR."""
    scene = Scene(_DRIVE)
    return [scene.frame(round(index)) for index in np.linspace(0, _DRIVE.frames - 1, count)]


def photographs(views: Sequence[Image]) -> dict[str, list[bytes]]:
    """Each view as a JPEG of each size, with a sensor's noise: without it a large file would be a small one."""
    noise = np.random.default_rng(1)
    found: dict[str, list[bytes]] = {}
    for name, size in SIZES.items():
        grains = noise.normal(0.0, _NOISE, (size[1], size[0], 1))
        pictures = [np.clip(cv2.resize(view, size, interpolation=cv2.INTER_AREA) + grains, 0, 255) for view in views]
        found[name] = [cv2.imencode(".jpg", one.astype(np.uint8))[1].tobytes() for one in pictures]
    return found
