"""Lays plates into pictures in perspective: where a real one hangs, or anywhere; and puts things before them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from training.detector.pictures.crops import Sample
from training.detector.pictures.photos import Boxes, Image, no_boxes

Rng = np.random.Generator
Corners = NDArray[np.float64]

#: Plates narrower than this in the picture are left as they are: what is laid over them would only be a smear.
NARROWEST_REPLACED_PX = 18.0
#: Share of a plate's area that a thing before it may hide.
MOST_HIDDEN = 0.35
#: Share of plates on leaning vehicles, motorcycles mostly, and by how many degrees at most; others lean by a few.
TILTED_SHARE, MOST_TILTED_DEGREES = 0.15, 38.0
#: Share of holders that are dark, as most dealers' frames and shadowed recesses are.
_DARK_HOLDERS = 0.4


def replace_plates(sample: Sample, plate: Callable[[Rng], Image], rng: Rng) -> Sample:
    """Hang another plate where each plate of the sample hangs; one in eight is only taken off.

    The vehicle, the light and the place stay real. The old plate vanishes under the bodywork's colour.
    """
    image = sample.image.copy()
    boxes: list[Boxes] = []
    for index, box in enumerate(sample.boxes):
        others = [*boxes, *sample.boxes[index + 1 :]]
        boxes += _replaced(image, box, others, plate, rng)
    return Sample(image, np.vstack([no_boxes(), *boxes]).astype(np.float32))


def _replaced(image: Image, box: Boxes, others: list[Boxes], plate: Callable[[Rng], Image], rng: Rng) -> list[Boxes]:
    """Swap one plate in place; return its new box, nothing where it is gone, the old one where it is too small."""
    x1, y1, x2, y2 = (float(v) for v in box)
    if x2 - x1 < NARROWEST_REPLACED_PX:
        return [box[None]]
    light = _light(image, box)
    _cover(image, box, rng)
    if rng.random() < 0.125:
        return []
    flat = plate(rng)
    shape = flat.shape[0] / flat.shape[1] * rng.uniform(0.85, 1.2)
    # A plate of another shape keeps the area that the old one had, more or less.
    wide = min(np.sqrt((x2 - x1) * (y2 - y1) / shape), (x2 - x1) * 1.25) * rng.uniform(0.85, 1.25)
    corners = _in_perspective(((x1 + x2) / 2, (y1 + y2) / 2), (wide, wide * shape), rng)
    new = _bounds(corners)
    if not _inside(new, image) or any(touches(other.reshape(-1, 4), new) for other in others):
        return []
    _lay(image, flat, corners, light * rng.uniform(0.85, 1.15), rng)
    return [np.array([new], np.float32)]


def _light(image: Image, box: Boxes) -> float:
    """How bright white is in this place, as a share of full white."""
    x1, y1, x2, y2 = (max(0, int(v)) for v in box)
    bright = float(np.percentile(image[y1 : y2 + 1, x1 : x2 + 1].max(2), 85))
    return float(np.clip(bright / 235, 0.25, 1.1))


def _cover(image: Image, box: Boxes, rng: Rng) -> None:
    """Paint the plate over with the colours just above and below it, run into each other."""
    high, wide = image.shape[:2]
    x1, y1, x2, y2 = box + np.array([-1, -1, 1, 1]) * (0.06 * (box[3] - box[1]) + 1)
    left, top, right, low = max(0, int(x1)), max(0, int(y1)), min(wide, int(x2) + 1), min(high, int(y2) + 1)
    above, below = image[max(0, top - 2) : top + 1, left:right], image[low - 1 : low + 2, left:right]
    if not above.size or not below.size:
        return
    share = np.linspace(0, 1, low - top, dtype=np.float32)[:, None, None]
    filled = above.mean(0)[None] * (1 - share) + below.mean(0)[None] * share
    filled = cv2.GaussianBlur(filled.astype(np.float32), (0, 0), max(1.0, (right - left) / 12))
    grain = rng.normal(0, 3, filled.shape)
    image[top:low, left:right] = np.clip(filled + grain, 0, 255).astype(np.uint8)


def paste_plate(image: Image, boxes: Boxes, plate: Image, width_px: float, rng: Rng) -> Boxes:
    """Draw `plate` into `image` in place, in perspective, clear of `boxes`; return all boxes."""
    tall, wide = image.shape[:2]
    height_px = width_px * plate.shape[0] / plate.shape[1] * rng.uniform(0.85, 1.15)
    if width_px >= wide * 0.95 or height_px >= tall * 0.95:
        return boxes
    centre = (
        rng.uniform(width_px / 2, wide - width_px / 2),
        rng.uniform(height_px / 2, tall - height_px / 2),
    )
    corners = _in_perspective(centre, (width_px, height_px), rng)
    new = _bounds(corners)
    if not _inside(new, image) or touches(boxes, new):
        return boxes
    _holder(image, boxes, corners, rng)
    _lay(image, plate, corners, rng.uniform(0.5, 1.15), rng)
    return np.vstack([boxes, np.array([new], np.float32)]).astype(np.float32)


def hide_partly(sample: Sample, rng: Rng) -> Sample:
    """Put a post, a tow bar, a mirror or a leaf before each plate; it is still the same plate."""
    image = sample.image.copy()
    for x1, y1, x2, y2 in sample.boxes:
        colour = np.clip(rng.integers(5, 200) + rng.integers(-20, 20, 3), 0, 255).tolist()
        wide, high, share = x2 - x1, y2 - y1, rng.uniform(0.08, MOST_HIDDEN)
        kind = rng.random()
        if kind < 0.45:  # an upright post, slanted a little
            x = rng.uniform(x1, x2 - wide * share)
            slant = rng.normal(0, 0.15) * high
            reach = rng.uniform(0.1, 2.5) * high
            corners = [(x, y1 - reach), (x + wide * share, y1 - reach), (x + wide * share + slant, y2 + reach),
                       (x + slant, y2 + reach)]  # fmt: skip
            cv2.fillConvexPoly(image, np.array(corners, np.int32), colour, cv2.LINE_AA)
        elif kind < 0.75:  # something that rises from below, or hangs from above
            y = y2 - high * share if rng.random() < 0.7 else y1 - high * 0.5
            left = rng.uniform(x1 - 0.3 * wide, x1 + 0.6 * wide)
            right = left + rng.uniform(0.4, 1.5) * wide
            cv2.rectangle(image, (int(left), int(y)), (int(right), int(y + high * (share + 0.5))), colour, -1)
        else:  # a round thing over a corner
            at = (int(rng.choice([x1, x2])), int(rng.uniform(y1, y2)))
            cv2.ellipse(image, at, (max(1, int(wide * share)), max(1, int(high * 0.6))), 0, 0, 360, colour, -1)
    return Sample(image, sample.boxes)


def _in_perspective(centre: tuple[float, float], size: tuple[float, float], rng: Rng) -> Corners:
    """Corners of a plate, clockwise from the upper left: turned, tilted and seen from the side."""
    wide, high = size
    corners = np.array([[-wide, -high], [wide, -high], [wide, high], [-wide, high]]) / 2
    corners += rng.normal(0, 0.03, (4, 2)) * [wide, high]
    if rng.random() < 0.35:  # from the side: narrower, and one end lower than the other
        corners[:, 0] *= rng.uniform(0.6, 1.0)
        corners[[1, 2], 1] *= rng.uniform(0.75, 1.25)
    if rng.random() < TILTED_SHARE:  # turned as a whole
        angle = np.radians(rng.uniform(-MOST_TILTED_DEGREES, MOST_TILTED_DEGREES))
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        corners = corners @ turn
    else:  # one end lower, its strokes upright
        corners[:, 1] += corners[:, 0] * np.tan(np.radians(rng.normal(0, 5)))
    return np.asarray(corners + np.array(centre), np.float64)


def _bounds(corners: Corners) -> tuple[float, float, float, float]:
    (x1, y1), (x2, y2) = corners.min(0), corners.max(0)
    return float(x1), float(y1), float(x2), float(y2)


def _inside(box: tuple[float, float, float, float], image: Image) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= image.shape[1] and box[3] <= image.shape[0]


def touches(boxes: Boxes, box: tuple[float, float, float, float]) -> bool:
    """Whether `box` shares a pixel with any of `boxes`."""
    if not len(boxes):
        return False
    apart = (boxes[:, 2] < box[0]) | (boxes[:, 0] > box[2]) | (boxes[:, 3] < box[1]) | (boxes[:, 1] > box[3])
    return not bool(apart.all())


def _holder(image: Image, boxes: Boxes, corners: Corners, rng: Rng) -> None:
    """A holder or a piece of bodywork around the plate, so that the paste's sharp edge is not learnt."""
    centre = corners.mean(0)
    for grow, chance in ((rng.uniform(1.1, 2.2), 0.6), (rng.uniform(1.03, 1.15), 0.5)):
        if rng.random() < chance:
            bright = rng.integers(5, 50) if rng.random() < _DARK_HOLDERS else rng.integers(10, 230)
            colour = [int(c) for c in bright + rng.integers(-15, 15, 3)]
            around = ((corners - centre) * [grow, grow * rng.uniform(1, 1.4)] + centre).astype(np.int32)
            if touches(boxes, _bounds(around)):
                continue
            cv2.fillConvexPoly(image, around, np.clip(colour, 0, 255).tolist(), cv2.LINE_AA)


def _lay(image: Image, plate: Image, corners: Corners, light: float, rng: Rng) -> None:
    side = max(float(np.ptp(corners[:, 0])), 1.0)
    shrink = side / plate.shape[1]
    if shrink < 0.7:  # shrink properly first: a warp alone would alias
        factor = shrink * 1.2
        plate = np.asarray(cv2.resize(plate, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    high, wide = plate.shape[:2]
    flat = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    turn = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
    size = (image.shape[1], image.shape[0])
    shade = np.linspace(rng.uniform(0.8, 1.1), rng.uniform(0.8, 1.1), wide, dtype=np.float32)[None, :, None]
    lit = np.clip(plate * (light * shade), 0, 255).astype(np.uint8)
    laid = cv2.warpPerspective(lit, turn, size)
    mask = cv2.warpPerspective(np.ones((high, wide), np.float32), turn, size)
    mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.4, 1.0))[..., None]
    image[:] = (image * (1 - mask) + laid * mask).astype(np.uint8)
