"""The backdrop: sky, clouds, and the hills and roofs on the horizon, one strip that turns with the car."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.camera import HORIZON_SHARE, View
from synthesis.drawing.raster import HAZE_BGR
from synthesis.patches import soft_patches

Image = NDArray[np.uint8]

#: How much wider than the picture the strip is, for the road's bends.
_STRIP = 1.8
#: Rows kept above and below for the camera's shake, pixels.
_MARGIN_PX = 60


def _clouds(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    cover = np.zeros((height, width), np.float32)
    for octave in range(6):
        cells = (2 + 3 * 2**octave, 3 + 4 * 2**octave)
        cover += soft_patches(rng.normal(0, 0.62**octave, cells), height, width)
    fade = np.linspace(1.0, 0.45, height, dtype=np.float32)[:, None]
    return np.asarray(np.clip((cover - 0.25) * 0.75, 0, 1) * fade, np.float32)


def _skyline(rng: np.random.Generator, width: int, low: float, high: float, cell: int) -> NDArray[np.float64]:
    knots = rng.uniform(low, high, width // cell + 3)
    return np.asarray(np.interp(np.arange(width), np.arange(knots.size) * cell, knots), np.float64)


class Backdrop:
    """Draws everything above the horizon that the car never reaches."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        horizon = int(height * HORIZON_SHARE) + _MARGIN_PX
        strip_width = int(width * _STRIP)
        blend = np.linspace(0, 1, horizon, dtype=np.float32)[:, None, None] ** 1.4
        sky = np.array([206, 152, 104], np.float32) * (1 - blend) + np.array([236, 222, 206], np.float32) * blend
        cover = _clouds(rng, horizon, strip_width)[..., None]
        lit = 250 - 34 * cv2.GaussianBlur(cover, (0, 0), 16)[..., None] * np.linspace(0.4, 1.3, horizon)[:, None, None]
        strip = np.clip(sky * (1 - cover) + lit * cover, 0, 255).astype(np.uint8)
        self._strip = np.vstack([strip, np.full((_MARGIN_PX * 2, strip_width, 3), HAZE_BGR, np.uint8)])
        self._horizon = horizon
        self._land(rng, strip_width, height / 720)

    def _land(self, rng: np.random.Generator, width: int, scale: float) -> None:
        """Stand two ranges of hills and a line of distant trees on the horizon."""
        ranges = (
            ((204, 184, 170), _skyline(rng, width, 26, 64, 170)),
            ((172, 164, 142), _skyline(rng, width, 12, 38, 90)),
            ((118, 136, 112), _skyline(rng, width, 5, 17, 12) + _skyline(rng, width, 0, 5, 4)),
        )
        for colour, heights in ranges:
            top = self._horizon - heights * scale
            outline = np.stack([np.arange(width), top], axis=1)
            points = np.vstack([outline, [(width, self._horizon + _MARGIN_PX), (0, self._horizon + _MARGIN_PX)]])
            cv2.fillPoly(self._strip, [np.round(points * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)

    def draw(self, canvas: Image, view: View) -> None:
        """Fill the picture down to a little below the horizon in place."""
        height = min(view.height, int(view.centre[1]) + 8)
        spare = self._strip.shape[1] - view.width
        left = spare / 2 + view.heading * view.focal - view.shift_x
        x = float(np.clip(left, 0, spare)) + view.width / 2
        y = self._horizon - view.centre[1] + height / 2
        canvas[:height] = cv2.getRectSubPix(self._strip, (view.width, height), (x - 0.5, y - 0.5))
