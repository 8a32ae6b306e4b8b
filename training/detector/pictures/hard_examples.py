"""Renders more of what an early detector got wrong in the training pictures: plates missed, and look-alikes.

Its false alarms are not taken as they come: in pictures said to be boxed completely, 218 of 615 of them on the
Romanian rides were plates without a box. So only what the eye judged to be no plate is taught as such.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from training.detector.measuring.evaluate import Detector, Found, detect_all
from training.detector.measuring.measure import RIGHT_IOU, overlaps
from training.detector.pictures.crops import around
from training.detector.pictures.photos import Boxes, Photo, load_photos
from training.detector.pictures.prepare import CROP_SIZE, finish, save_boxes

#: A plate that nothing this sure covers is missed.
MISSED_CONFIDENCE = 0.35
#: Narrower than this in the network's input, a miss teaches little.
_NARROWEST_PX = 14.0
_LOOKS_PX = (640, 960)


@dataclass(frozen=True)
class Mistake:
    """A place in a photo worth another look."""

    photo: Photo
    #: x1 y1 x2 y2, pixels of the photo.
    box: Boxes


def missed_plates(model: Path, data: Path, every: int = 1) -> list[Mistake]:
    """Run the detector over (every n-th of) the training photos at two sizes; list the plates it misses."""
    photos, detector = load_photos(data, "train")[::every], Detector(model)
    mistakes: list[Mistake] = []
    for size_px in _LOOKS_PX:
        found = detect_all(detector, photos, size_px)
        for photo in photos:
            mistakes += _missed(photo, found[photo.path], size_px)
    return mistakes


def _missed(photo: Photo, found: Found, size_px: int) -> list[Mistake]:
    scale = size_px / max(photo.read().shape[:2])
    covers = overlaps(found.boxes, photo.boxes) >= RIGHT_IOU
    seen = (covers & (found.confidence[:, None] >= MISSED_CONFIDENCE)).any(0)
    wide = (photo.boxes[:, 2] - photo.boxes[:, 0]) * scale >= _NARROWEST_PX
    return [Mistake(photo, box) for box in photo.boxes[~seen & wide]]


def look_alikes(data: Path) -> list[Mistake]:
    """List the places in the training photos that look like plates and are none."""
    return [Mistake(photo, box) for photo in load_photos(data, "train") for box in photo.not_plates]


def render_mistakes(piles: list[list[Mistake]], out: Path, count: int, seed: int, processes: int = 2) -> None:
    """Render `count` crops around the mistakes, as many from each pile, into `out/hard`."""
    folder = out / "hard"
    folder.mkdir(parents=True, exist_ok=True)
    piles = [pile for pile in piles if pile]
    if not piles:
        return
    with ProcessPoolExecutor(processes) as pool:
        render = partial(_render_one, piles, folder, seed)
        boxes = list(pool.map(render, range(count), chunksize=100))
    save_boxes(folder, boxes)


def _render_one(piles: list[list[Mistake]], folder: Path, seed: int, number: int) -> Boxes:
    cv2.setNumThreads(1)
    rng = np.random.default_rng((seed, number))
    pile = piles[number % len(piles)]
    mistake = pile[int(rng.integers(len(pile)))]
    sample = finish(around(mistake.photo, mistake.box, CROP_SIZE, rng), rng)
    cv2.imwrite(str(folder / f"{number:06d}.jpg"), sample.image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    return sample.boxes
