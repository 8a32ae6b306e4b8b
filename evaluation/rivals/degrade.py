"""Makes good crops bad, by a seed: blurred, small and dim, each crop of a plate in its own way."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from pipeline.crops.select import MIN_WIDTH_PX, quality
from pipeline.records import Box, Crop, Image

#: A crop keeps this share of its size at least; a plate never gets narrower than the pipeline reads.
_LEAST_SCALE = 0.3
#: Of the brightness, and of a plate's height that it moves while the shutter is open.
_LEAST_GAIN, _MOST_SMEAR = 0.2, 0.35


def harmed(crop: Crop, rng: np.random.Generator) -> Crop:
    """The crop as a worse camera, more distance or less light would have given it; its quality is measured anew.

    Blurred first, then shrunk, then dimmed: the order in which a camera does it. No noise: what compression leaves of
    it looks different, and `pipeline.crops.select.quality` would take it for sharpness.
    """
    image = _smeared(crop.image, crop.plate.height * rng.uniform(0, _MOST_SMEAR), vertical=rng.random() < 0.3)
    least = min(1.0, max(_LEAST_SCALE, MIN_WIDTH_PX / crop.plate.width))
    image, plate = _shrunk(image, crop.plate, rng.uniform(least, 1.0))
    pixels = np.asarray(np.rint(image * rng.uniform(_LEAST_GAIN, 1.0)), np.uint8)
    # What the frame's edge cuts off is not to be seen in the crop: the share of the quality that it costs is kept.
    kept = crop.quality / max(quality(crop.image, crop.plate, crop.observation, cut_off=False), 1e-9)
    worth = kept * quality(pixels, plate, crop.observation, cut_off=False)
    return replace(crop, plate=plate, quality=worth, image=pixels)


def _smeared(image: Image, length_px: float, *, vertical: bool) -> Image:
    length = max(1, round(length_px))
    kernel = np.full((length, 1) if vertical else (1, length), 1 / length, np.float32)
    return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)


def _shrunk(image: Image, plate: Box, scale: float) -> tuple[Image, Box]:
    height, width = image.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    across, down = size[0] / width, size[1] / height
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small, Box(plate.x1 * across, plate.y1 * down, plate.x2 * across, plate.y2 * down)
