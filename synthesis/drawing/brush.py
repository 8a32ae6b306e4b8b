"""A canvas measured in metres, to paint the faces of cars, houses and signs on."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.drawing.glyphs import fitted_mask
from synthesis.drawing.raster import Sprite

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

#: Painted this many times larger than kept.
_SUPERSAMPLE = 2


def shade(colour: Colour, factor: float) -> Colour:
    """Return a colour made lighter or darker."""
    blue, green, red = (int(min(255, max(0, channel * factor))) for channel in colour)
    return blue, green, red


class Brush:
    """Paints on a face of ``width_m`` by ``height_m``.

    From the lower left corner, in metres, x grows right and y grows *up*.
    """

    def __init__(self, width_m: float, height_m: float, px_per_m: float, fill: Colour | None = None) -> None:
        self.width_m, self.height_m = width_m, height_m
        self._scale = px_per_m * _SUPERSAMPLE
        size = (max(4, round(height_m * self._scale)), max(4, round(width_m * self._scale)))
        self._colour = np.zeros((*size, 3), np.uint8)
        self._cover = np.zeros(size, np.uint8)
        if fill is not None:
            self._colour[:] = fill
            self._cover[:] = 255

    def _px(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        flipped = np.stack([points[..., 0], self.height_m - points[..., 1]], axis=-1)
        return np.round(flipped * self._scale * 16).astype(np.int32)

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """Fill a polygon."""
        outline = [self._px(np.array(points))]
        cv2.fillPoly(self._colour, outline, colour, cv2.LINE_AA, 4)
        cv2.fillPoly(self._cover, outline, 255, cv2.LINE_AA, 4)

    def box(self, left: float, bottom: float, right: float, top: float, colour: Colour, radius: float = 0.0) -> None:
        """Fill a rectangle, its corners rounded."""
        radius = min(radius, (right - left) / 2, (top - bottom) / 2)
        if radius <= 0:
            self.polygon([(left, bottom), (right, bottom), (right, top), (left, top)], colour)
            return
        points = [
            (x + radius * float(np.cos(a)), y + radius * float(np.sin(a)))
            for x, y, start in (
                (right - radius, top - radius, 0.0),
                (left + radius, top - radius, 0.5),
                (left + radius, bottom + radius, 1.0),
                (right - radius, bottom + radius, 1.5),
            )
            for a in np.linspace(start * np.pi, (start + 0.5) * np.pi, 6)
        ]
        self.polygon(points, colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour, squash: float = 1.0) -> None:
        """Fill a circle, or an ellipse ``squash`` times as high as wide."""
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        self.polygon([(x + radius * float(np.cos(a)), y + radius * squash * float(np.sin(a))) for a in angles], colour)

    def line(self, points: list[tuple[float, float]], width_m: float, colour: Colour) -> None:
        """Draw a line through points."""
        pen = max(1, round(width_m * self._scale))
        path = [self._px(np.array(points))]
        cv2.polylines(self._colour, path, False, colour, pen, cv2.LINE_AA, 4)
        cv2.polylines(self._cover, path, False, 255, pen, cv2.LINE_AA, 4)

    def text(self, text: str, x: float, y: float, height_m: float, colour: Colour, width_m: float = 99.0) -> None:
        """Write a line of capitals whose middle stands at (x, y), no wider than ``width_m``."""
        height = max(4, round(height_m * self._scale))
        room = min(round(width_m * self._scale), self._cover.shape[1] - 2)
        mask = fitted_mask(text, room, height, stroke=0.15)
        left = round(x * self._scale - mask.shape[1] / 2)
        top = round((self.height_m - y) * self._scale - height / 2)
        left, top = max(0, left), max(0, top)
        window = self._colour[top : top + height, left : left + mask.shape[1]]
        mask = mask[: window.shape[0], : window.shape[1]]
        share = mask[..., None].astype(np.float32) / 255
        window[:] = (window * (1 - share) + np.array(colour, np.float32) * share).astype(np.uint8)
        cover = self._cover[top : top + height, left : left + mask.shape[1]]
        np.maximum(cover, mask, out=cover)

    def light(self, stops: list[tuple[float, float]]) -> None:
        """Multiply brightness by factors given at heights from 0 (bottom) to 1 (top)."""
        heights, factors = zip(*stops, strict=True)
        rows = np.interp(np.linspace(1, 0, self._colour.shape[0]), heights, factors).astype(np.float32)
        self._colour[:] = np.minimum(self._colour * rows[:, None, None], 255)

    def grain(self, rng: np.random.Generator, strength: float) -> None:
        """Roughen the surface."""
        tile = cv2.GaussianBlur(rng.normal(0, 2 * strength, (128, 128)).astype(np.float32), (0, 0), 1.2) + 128
        height, width = self._cover.shape
        rough = np.tile(np.clip(tile, 0, 255).astype(np.uint8), (height // 128 + 1, width // 128 + 1))[:height, :width]
        self._colour = np.asarray(cv2.addWeighted(self._colour, 1, cv2.merge([rough] * 3), 1, -128), np.uint8)

    def fade(self, softness_m: float) -> None:
        """Soften the outline."""
        self._cover[:] = cv2.GaussianBlur(self._cover, (0, 0), max(0.5, softness_m * self._scale))

    def weaken(self, factor: float) -> None:
        """Make the whole face more transparent."""
        self._cover[:] = (self._cover * factor).astype(np.uint8)

    def sprite(self) -> Sprite:
        """Return the painted face."""
        size = (self._cover.shape[1] // _SUPERSAMPLE, self._cover.shape[0] // _SUPERSAMPLE)
        image = cv2.merge([*cv2.split(self._colour), self._cover])
        return Sprite(np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8))
