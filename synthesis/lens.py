"""What the dashcam itself adds: bonnet, soft glass, dark corners, grain, and a clock in the picture."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.camera import View
from synthesis.drawing.glyphs import Mask, text_mask
from synthesis.drawing.raster import blend

Image = NDArray[np.uint8]

#: The clock's first reading, where nothing else is asked for.
CLOCK_START = datetime(2026, 5, 14, 16, 42, 7, tzinfo=UTC)
_GRAIN = 1.7
_SOFTNESS_PX = 0.45
#: A different stretch of the grain is laid over every frame, out of a sheet this much larger than the
#: picture.
_SPARE_PX = 128


class Lens:
    """Turns a clean rendering into a dashcam's frame."""

    def __init__(
        self, rng: np.random.Generator, width: int, height: int, clock: datetime = CLOCK_START, zone: str = "UTC"
    ) -> None:
        """``clock`` is the moment that the camera takes for its first, shown as the clocks of ``zone`` show it."""
        self._clock, self._zone = clock, ZoneInfo(zone)
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        radius = np.hypot((x - width / 2) / (width * 0.62), (y - height / 2) / (height * 0.7))
        dark = np.clip(255 * (1 - 0.17 * radius**2.6), 0, 255).astype(np.uint8)
        self._vignette = np.dstack([dark] * 3)
        grain = rng.normal(0, _GRAIN, (height + _SPARE_PX, width + _SPARE_PX)).astype(np.float32)
        coarse = cv2.GaussianBlur(rng.normal(0, 1, grain.shape).astype(np.float32), (0, 0), 1.0) * 2 * _GRAIN
        self._grain = np.clip(np.dstack([grain + coarse] * 3) * 0.8 + 128, 0, 255).astype(np.uint8)
        self._bonnet = _bonnet(width, height)

    def expose(self, frame: Image, view: View, index: int, stamped: bool = True) -> Image:
        """Return the frame as recorded, with the usual clock and speed in it if ``stamped``; ``index`` settles its
        grain."""
        bonnet_top = frame.shape[0] - self._bonnet.shape[0]
        blend(frame[bonnet_top:], self._bonnet)
        soft = cv2.GaussianBlur(frame, (0, 0), _SOFTNESS_PX)
        dim = cv2.multiply(soft, self._vignette, scale=1 / 255)
        left, top = (index * 37) % _SPARE_PX, (index * 59) % _SPARE_PX
        grain = self._grain[top : top + frame.shape[0], left : left + frame.shape[1]]
        grainy = np.asarray(cv2.addWeighted(dim, 1.0, grain, 1.0, -128), np.uint8)
        if stamped:
            _stamp(grainy, (self._clock + timedelta(seconds=view.time_s)).astimezone(self._zone), view.speed_mps)
        return grainy


def _bonnet(width: int, height: int) -> Image:
    """Return the upper edge of the camera car's bonnet, blurred as near things are.

    BGRA, colours multiplied by coverage.
    """
    rows = round(height * 0.075)
    cover = np.zeros((rows, width), np.uint8)
    x = np.linspace(0, 1, 80)
    y = rows * (0.42 + 1.5 * (x - 0.5) ** 2 + 5 * np.abs(x - 0.5) ** 6)
    outline = np.vstack([np.stack([x * width, y], axis=1), [(width, rows * 2), (0, rows * 2)]])
    cv2.fillPoly(cover, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), height / 400), np.uint8)
    tone = np.linspace(92, 34, rows, dtype=np.float32)[:, None, None] * np.array([1.08, 1.0, 0.95], np.float32)
    share = cover[..., None].astype(np.float32) / 255
    return np.dstack([(tone * share).astype(np.uint8), cover])


def _stamp(frame: Image, clock: datetime, speed_mps: float) -> None:
    height = max(8, round(frame.shape[0] / 36))
    left = f"{clock:%Y-%m-%d  %H:%M:%S}"
    right = f"DASHCAM  {abs(speed_mps) * 3.6:03.0f} KM/H"
    bottom = frame.shape[0] - round(height * 1.9)
    _write(frame, text_mask(left, height, stroke=0.12), round(height * 1.2), bottom)
    mask = text_mask(right, height, stroke=0.12)
    _write(frame, mask, frame.shape[1] - mask.shape[1] - round(height * 1.2), bottom)


def _write(frame: Image, mask: Mask, left: int, top: int) -> None:
    """Print white letters with a dark edge."""
    padded = cv2.copyMakeBorder(mask, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=0)
    edge = cv2.dilate(padded, np.ones((3, 3), np.uint8))
    window = frame[top - 3 : top - 3 + padded.shape[0], left - 3 : left - 3 + padded.shape[1]]
    dark = window.astype(np.float32) * (1 - edge[..., None].astype(np.float32) / 255 * 0.8)
    share = padded[..., None].astype(np.float32) / 255
    window[:] = (dark * (1 - share) + 244 * share).astype(np.uint8)
