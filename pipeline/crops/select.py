"""Chooses the pictures worth reading: the few sharp, large, whole crops of a tracklet, spread over time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from pipeline.crops.rectify import find_corners
from pipeline.records import Box, Crop, Image, Observation

#: Margin kept around the plate's box, as shares of its width and height: room for the reader to straighten it.
MARGIN_X = 0.15
MARGIN_Y = 0.35
#: A plate narrower than this gives no legible character in any frame measured.
MIN_WIDTH_PX = 28
#: Wider plates read no better: size stops counting.
ENOUGH_WIDTH_PX = 160
#: Height to which a plate is scaled before its sharpness is measured, so that size and sharpness stay apart.
SHARPNESS_HEIGHT_PX = 32
#: Crops closer in time than this show the same harm twice; the later choice is devalued.
SPREAD_S = 0.12
#: How much a crop is devalued by a better one within `SPREAD_S`.
NEIGHBOUR_DISCOUNT = 0.5


@dataclass(frozen=True, slots=True)
class CropOptions:
    """How many pictures of a plate are kept."""

    #: Crops read per tracklet.
    per_tracklet: int = 6
    #: Crops held while the tracklet is still growing.
    held: int = 14


def cut(image: Image, observation: Observation) -> Crop | None:
    """Cut the plate with its margin out of the original frame; None where it is too small to read.

    `image` is the whole frame, BGR uint8 (height, width, 3); the crop owns its pixels.
    """
    height, width = image.shape[:2]
    plate = observation.box.clipped(width, height)
    if plate.width < MIN_WIDTH_PX or plate.height < MIN_WIDTH_PX / 6:
        return None
    around = plate.grown(plate.width * MARGIN_X, plate.height * MARGIN_Y).clipped(width, height)
    left, top = math.floor(around.x1), math.floor(around.y1)
    pixels = image[top : math.ceil(around.y2), left : math.ceil(around.x2)].copy()
    inside = plate.shifted(-left, -top)
    return Crop(observation, inside, quality(pixels, inside, observation, _cut_off(plate, width, height)), pixels)


def quality(pixels: Image, plate: Box, observation: Observation, cut_off: bool) -> float:
    """One number for how well a crop should read: size, sharpness, exposure, frontality, wholeness, detector's score.

    `pixels` is the crop, BGR uint8 (height, width, 3), `plate` the plate's box in its pixels.
    """
    inner = pixels[int(plate.y1) : math.ceil(plate.y2), int(plate.x1) : math.ceil(plate.x2)]
    grey = cv2.cvtColor(inner, cv2.COLOR_BGR2GRAY)
    size = min(1.0, plate.width / ENOUGH_WIDTH_PX)
    wholeness = 0.4 if cut_off else 1.0
    corners = find_corners(pixels, plate)
    frontality = corners.frontality if corners else 1.0
    seen = math.sqrt(max(observation.confidence, 0.0))
    return float(size * _sharpness(grey) * _exposure(grey) * frontality * seen * wholeness)


def _sharpness(grey: np.ndarray) -> float:
    """Gradient energy along the text at a common height, over contrast: 0 for blur, about 1 for crisp strokes."""
    scale = SHARPNESS_HEIGHT_PX / grey.shape[0]
    width = max(16, round(grey.shape[1] * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    level = cv2.resize(grey, (width, SHARPNESS_HEIGHT_PX), interpolation=interpolation).astype(np.float32)
    contrast = float(level.std()) + 4.0
    gradient = float(np.abs(np.diff(level, axis=1)).mean())
    return min(1.5, 2.0 * gradient / contrast)


def _exposure(grey: np.ndarray) -> float:
    """Contrast that characters can stand on: 1 from 25 grey levels of deviation upwards."""
    return min(1.0, (float(grey.std()) + 5.0) / 30.0)


def _cut_off(plate: Box, width: int, height: int) -> bool:
    """Whether the frame's edge runs through the plate."""
    return plate.x1 <= 1 or plate.y1 <= 1 or plate.x2 >= width - 1 or plate.y2 >= height - 1


@dataclass(slots=True)
class CropShelf:
    """Holds the best crops of one growing tracklet in bounded memory."""

    options: CropOptions
    _crops: list[Crop] = field(default_factory=list)

    def offer(self, image: Image, observation: Observation) -> None:
        """Cut the observation out of its frame and keep it if it is among the best so far."""
        crop = cut(image, observation)
        if crop is None:
            return
        self._crops.append(crop)
        if len(self._crops) > self.options.held:
            self._crops.remove(min(self._crops, key=lambda c: c.quality))

    def best(self) -> tuple[Crop, ...]:
        """The crops to read, best first, no two of one moment where there is a choice."""
        left = sorted(self._crops, key=lambda c: -c.quality)
        chosen: list[Crop] = []
        while left and len(chosen) < self.options.per_tracklet:
            pick = max(left, key=lambda c: c.quality * _discount(c, chosen))
            chosen.append(pick)
            left.remove(pick)
        return tuple(sorted(chosen, key=lambda c: -c.quality))


def _discount(crop: Crop, chosen: list[Crop]) -> float:
    near = sum(abs(c.observation.time_s - crop.observation.time_s) < SPREAD_S for c in chosen)
    return NEIGHBOUR_DISCOUNT**near
