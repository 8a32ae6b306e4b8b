"""Feeds rendered training pictures to the network: flips, brightness, mosaics, batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from training.detector.pictures.crops import Sample
from training.detector.pictures.photos import Boxes

#: A plate of which a mosaic cuts away more than this share is painted over.
_MOSAIC_LEAST_VISIBLE = 0.5
_GREY = 114


class RenderedSet:
    """The pictures that `prepare` rendered into one folder, in an endless seeded shuffle."""

    def __init__(self, folder: Path, seed: int) -> None:
        kept = np.load(folder / "boxes.npz")
        order = np.argsort(kept["index"], kind="stable")
        counts = np.bincount(kept["index"], minlength=int(kept["count"]))
        self._boxes: list[Boxes] = np.split(kept["boxes"][order].astype(np.float32), np.cumsum(counts)[:-1])
        self._folder = folder
        self._rng = np.random.default_rng(seed)
        self._order = self._shuffles()

    def _shuffles(self) -> Iterator[int]:
        while True:
            yield from (int(i) for i in self._rng.permutation(len(self._boxes)))

    def draw(self, mosaic_chance: float = 0.0) -> Sample:
        """Return the next picture, flipped and lit at random, or a mosaic of four."""
        if self._rng.random() < mosaic_chance:
            return mosaic([self._one() for _ in range(4)], self._rng)
        return self._one()

    def _one(self) -> Sample:
        number = next(self._order)
        image = cv2.imread(str(self._folder / f"{number:06d}.jpg"))
        if image is None:
            raise FileNotFoundError(f"{self._folder}/{number:06d}.jpg is missing: run `prepare` again")
        boxes = self._boxes[number].copy()
        if self._rng.random() < 0.5:
            image = image[:, ::-1]
            boxes[:, [0, 2]] = image.shape[1] - boxes[:, [2, 0]]
        return Sample(_light(np.ascontiguousarray(image, np.uint8), self._rng), boxes)


def _light(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shift hue, saturation and brightness, through tables: it happens to every picture of every batch."""
    levels = np.arange(256, dtype=np.float32)
    hue = (levels + rng.uniform(-6, 6)) % 180
    table = np.stack([hue, levels * rng.uniform(0.5, 1.5), levels * rng.uniform(0.7, 1.3)], axis=1)
    hsv = cv2.LUT(cv2.cvtColor(image, cv2.COLOR_BGR2HSV), table.clip(0, 255).astype(np.uint8)[None])
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)


def mosaic(samples: list[Sample], rng: np.random.Generator) -> Sample:
    """Lay four equal pictures around a random point and return the window of one picture's size about it."""
    high, wide = samples[0].image.shape[:2]
    cross_x, cross_y = int(rng.uniform(0.25, 0.75) * wide), int(rng.uniform(0.25, 0.75) * high)
    canvas = np.full((high, wide, 3), _GREY, np.uint8)
    boxes: list[Boxes] = []
    for index, sample in enumerate(samples):
        x1, x2 = (0, cross_x) if index % 2 == 0 else (cross_x, wide)
        y1, y2 = (0, cross_y) if index < 2 else (cross_y, high)
        shift_x = int(rng.integers(0, wide - (x2 - x1) + 1))
        shift_y = int(rng.integers(0, high - (y2 - y1) + 1))
        canvas[y1:y2, x1:x2] = sample.image[shift_y : shift_y + y2 - y1, shift_x : shift_x + x2 - x1]
        moved = sample.boxes + np.array([x1 - shift_x, y1 - shift_y] * 2, np.float32)
        boxes.append(_clip(canvas, moved, (x1, y1, x2, y2)))
    return Sample(canvas, np.vstack(boxes).astype(np.float32))


def _clip(canvas: np.ndarray, boxes: Boxes, tile: tuple[int, int, int, int]) -> Boxes:
    inside = boxes.copy()
    inside[:, [0, 2]] = boxes[:, [0, 2]].clip(tile[0], tile[2])
    inside[:, [1, 3]] = boxes[:, [1, 3]].clip(tile[1], tile[3])
    seen = (inside[:, 2] - inside[:, 0]) * (inside[:, 3] - inside[:, 1])
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    keep = seen >= _MOSAIC_LEAST_VISIBLE * area
    for x1, y1, x2, y2 in inside[~keep & (seen > 0)]:
        canvas[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] = _GREY
    return inside[keep]


@dataclass(frozen=True)
class Batch:
    """Pictures of one size with their plates."""

    #: N x height x width x 3, uint8, BGR.
    images: np.ndarray
    #: Plates, centre x, centre y, width, height, as shares of the picture.
    boxes: Boxes
    #: For each plate, which picture it is in.
    index: np.ndarray


def collate(samples: list[Sample]) -> Batch:
    """Stack pictures of one size."""
    high, wide = samples[0].image.shape[:2]
    corners = np.vstack([sample.boxes for sample in samples]) / np.array([wide, high] * 2, np.float32)
    boxes = np.hstack([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]])
    index = np.repeat(np.arange(len(samples)), [len(sample.boxes) for sample in samples])
    return Batch(np.stack([sample.image for sample in samples]), boxes.astype(np.float32), index)
