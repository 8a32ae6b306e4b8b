"""Cuts training pictures out of photographs, at the scales at which the detector will look at plates."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.detector.pictures.photos import Boxes, Image, Photo

#: Plate widths in the network's input, pixels: a far car in a frame shrunk to 640, up to half of that frame.
NARROWEST_PX, WIDEST_PX = 11.0, 300.0
#: Enlarging a plate further than this only shows blur.
MOST_ENLARGED = 2.0
#: A plate of which less is inside the window is painted over: neither plate nor background.
LEAST_VISIBLE = 0.6
#: Where other plates may lack a box, windows stay close: the plate is at least this wide in them.
INCOMPLETE_NARROWEST_PX = 40.0
_GREY = 114


@dataclass(frozen=True)
class Sample:
    """One training picture."""

    #: BGR, uint8.
    image: Image
    #: Plates, pixels of `image`.
    boxes: Boxes


def around_plate(photo: Photo, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Cut a window of `size` (width, height) that holds one of the photo's plates at a random width."""
    return around(photo, photo.boxes[int(rng.integers(len(photo.boxes)))], size, rng)


def around(photo: Photo, box: Boxes, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Cut a window of `size` that shows what is in `box` (x1 y1 x2 y2), a plate or not, at a random width."""
    wide, high = float(box[2] - box[0]), float(box[3] - box[1])
    narrowest = NARROWEST_PX if photo.every_plate_boxed else INCOMPLETE_NARROWEST_PX
    widest = min(WIDEST_PX * size[0] / 320, MOST_ENLARGED * wide, 0.94 * size[1] * wide / high)
    narrowest = min(narrowest, widest)
    scale = float(np.exp(rng.uniform(np.log(narrowest), np.log(widest)))) / wide
    if scale * high < 5:
        scale = min(5 / high, MOST_ENLARGED)
    scales = _unsquared(photo, scale, rng)
    window_w, window_h = size[0] / scales[0], size[1] / scales[1]
    x = rng.uniform(box[2] - window_w, box[0]) if window_w > wide else (box[0] + box[2] - window_w) / 2
    y = rng.uniform(box[3] - window_h, box[1]) if window_h > high else (box[1] + box[3] - window_h) / 2
    # Mostly stay inside the picture: what lies beyond is grey, as in a letterboxed frame.
    if rng.random() < 0.8:
        x, y = _inside(x, window_w, photo.read().shape[1]), _inside(y, window_h, photo.read().shape[0])
    return cut(photo, (x, y), scales, size)


def anywhere(photo: Photo, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Cut a window at a random place and scale, with whatever plates are in it: mostly none."""
    tall, wide = photo.read().shape[:2]
    scale = float(np.exp(rng.uniform(np.log(0.35), np.log(1.6))))
    scales = _unsquared(photo, scale, rng)
    window_w, window_h = size[0] / scales[0], size[1] / scales[1]
    x = _inside(rng.uniform(-0.1, 1) * wide, window_w, wide)
    y = _inside(rng.uniform(-0.1, 1) * tall, window_h, tall)
    return cut(photo, (x, y), scales, size)


def whole(photo: Photo, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Fit the photo into the window as the pipeline letterboxes a frame, give or take a random zoom."""
    tall, wide = photo.read().shape[:2]
    scale = min(size[0] / wide, size[1] / tall) * float(np.exp(rng.uniform(-0.15, 0.55)))
    scales = _unsquared(photo, scale, rng)
    window_w, window_h = size[0] / scales[0], size[1] / scales[1]
    x = rng.uniform(*sorted((0.0, wide - window_w)))
    y = rng.uniform(*sorted((0.0, tall - window_h)))
    return cut(photo, (x, y), scales, size)


def leaned(sample: Sample, rng: np.random.Generator) -> Sample:
    """Lean the picture sideways, as a rolling shutter does while the camera turns; the middle row stays."""
    slope = float(rng.normal(0, 0.12))
    high, wide = sample.image.shape[:2]
    matrix = np.array([[1, slope, -slope * high / 2], [0, 1, 0]], np.float32)
    warped = cv2.warpAffine(sample.image, matrix, (wide, high), borderValue=(_GREY, _GREY, _GREY))
    # A plate leans within its own height; its box grows by that much.
    boxes = sample.boxes.copy()
    shifts = slope * (boxes[:, [1, 3]] - high / 2)
    boxes[:, 0] += shifts.min(1)
    boxes[:, 2] += shifts.max(1)
    image = np.asarray(warped, np.uint8)
    return Sample(image, _keep_visible(image, boxes))


def _inside(start: float, length: float, available: int) -> float:
    if length >= available:
        return (available - length) / 2
    return min(max(start, 0.0), available - length)


def cut(photo: Photo, corner: tuple[float, float], scales: tuple[float, float], size: tuple[int, int]) -> Sample:
    """Cut the window at `corner` (pixels of the photo), enlarged by `scales` (x, y), with its plates."""
    source = photo.read()
    matrix = np.array([[scales[0], 0, -corner[0] * scales[0]], [0, scales[1], -corner[1] * scales[1]]], np.float32)
    warp = matrix.copy()
    if max(scales) < 0.7:  # shrink properly first: an affine warp alone would alias
        factor = max(scales) * 1.2
        source = np.asarray(cv2.resize(source, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
        warp[:, :2] /= factor
    image = np.asarray(
        cv2.warpAffine(source, warp, size, flags=cv2.INTER_LINEAR, borderValue=(_GREY, _GREY, _GREY)),
        np.uint8,
    )
    for box in _moved(photo.doubtful, scales, matrix):
        _paint_over(image, box)
    return Sample(image, _keep_visible(image, _moved(photo.boxes, scales, matrix)))


def _moved(boxes: Boxes, scales: tuple[float, float], matrix: NDArray[np.float32]) -> Boxes:
    return np.asarray(boxes * np.array([*scales, *scales]) + np.tile(matrix[:, 2], 2), np.float32)


def _paint_over(image: Image, box: Boxes) -> None:
    x1, y1, x2, y2 = (max(0, int(v)) for v in (*np.floor(box[:2]), *np.ceil(box[2:])))
    image[y1:y2, x1:x2] = _GREY


def _unsquared(photo: Photo, scale: float, rng: np.random.Generator) -> tuple[float, float]:
    """Scale in x and y. Many pictures of `mix` were squeezed into a square: flatten them again, by guess."""
    if photo.group == "mix":
        return scale, scale / float(rng.uniform(1.0, 1.7))
    return scale, scale * float(np.exp(rng.normal(0, 0.06)))


def _keep_visible(image: Image, boxes: Boxes) -> Boxes:
    """Clip the plates to the picture, in which those that are mostly outside are painted over."""
    high, wide = image.shape[:2]
    clipped = boxes.copy()
    clipped[:, [0, 2]] = boxes[:, [0, 2]].clip(0, wide)
    clipped[:, [1, 3]] = boxes[:, [1, 3]].clip(0, high)
    area, seen = _area(boxes), _area(clipped)
    keep = (
        (seen >= LEAST_VISIBLE * area) & ((clipped[:, 2] - clipped[:, 0]) >= 8) & ((clipped[:, 3] - clipped[:, 1]) >= 3)
    )
    for box in clipped[~keep & (seen > 0)]:
        _paint_over(image, box)
    return clipped[keep]


def _area(boxes: Boxes) -> Boxes:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1), np.float32)
