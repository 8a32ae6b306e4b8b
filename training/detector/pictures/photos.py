"""The pictures of `data/detection` and the scenes of `data/more`, with their plate boxes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.more import Split, more_scenes

#: Height x width x 3, uint8, BGR as OpenCV reads it.
Image = NDArray[np.uint8]
#: One row per plate: x1 y1 x2 y2 in pixels, float32.
Boxes = NDArray[np.float32]


def no_boxes() -> Boxes:
    """Return an empty list of boxes."""
    return np.zeros((0, 4), np.float32)


@dataclass(frozen=True)
class Photo:
    """One picture and the plates in it."""

    #: Where the picture lies.
    path: Path
    #: Which collection it comes from: `ro`, `openalpr`, `oi`, `cars` or `mix`; `more`, `more-rows` with two-row plates,
    #: `none` without any.
    group: str
    split: Split
    #: False where other plates may be visible without a box.
    every_plate_boxed: bool
    #: Its plates, pixels of the picture.
    boxes: Boxes
    #: Places that are neither taught nor scored: plates or not, nobody can say.
    doubtful: Boxes = field(default_factory=no_boxes)
    #: Places that an early detector took for plates and that are none.
    not_plates: Boxes = field(default_factory=no_boxes)

    def read(self) -> Image:
        """Decode the picture (cached for the few thousand that there are)."""
        return _read(self.path)


@lru_cache(maxsize=4096)
def _read(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(f"{path} is missing or no picture")
    return np.asarray(image, np.uint8)


#: What the boxes of the data set leave out: 300 more plates, 294 doubtful places and 1,105 that are no plates,
#: proposed by early detectors in pictures said to be boxed completely and judged by eye from contact sheets.
_BY_EYE = Path(__file__).with_name("by_eye.csv")


def _rows(file_path: Path) -> Iterator[dict[str, str]]:
    with file_path.open(newline="") as file:
        yield from csv.DictReader(file)


def _box(row: dict[str, str]) -> list[float]:
    return [float(row[corner]) for corner in ("x1", "y1", "x2", "y2")]


def _by_eye() -> dict[str, dict[str, Boxes]]:
    """Boxes by picture and by what they hold: `plate`, `doubtful` or `not_plate`."""
    found: dict[str, dict[str, list[list[float]]]] = {}
    for row in _rows(_BY_EYE):
        found.setdefault(row["image"], {}).setdefault(row["what"], []).append(_box(row))
    return {name: {what: np.asarray(b, np.float32) for what, b in kinds.items()} for name, kinds in found.items()}


def load_photos(data: Path, split: Split) -> list[Photo]:
    """List the pictures of one split of `data/detection` and `data/more`, in the order of their names.

    Plates that only the eye added are taught in the training split and ignored in the development split: early
    detectors proposed them, so counting them would flatter their successors.
    Raises FileNotFoundError where `data` is not the folder that `shared/data/README.md` describes.
    """
    return [*_detection(data, split), *_more(data, split)]


def _more(data: Path, split: Split) -> Iterator[Photo]:
    for name, rows in sorted(more_scenes(data, split).items()):
        boxes = [_box(row) for row in rows if row["x1"]]
        in_rows = any(row["rows"] == "2" for row in rows)
        yield Photo(
            path=data / "more" / name,
            group="none" if not boxes else "more-rows" if in_rows else "more",
            split=split,
            every_plate_boxed=rows[0]["every_plate_boxed"] == "1" or not boxes,
            boxes=np.asarray(boxes, np.float32).reshape(-1, 4),
        )


def _detection(data: Path, split: Split) -> list[Photo]:
    boxes: dict[str, list[list[float]]] = {}
    complete: dict[str, bool] = {}
    for row in _rows(data / "detection" / "boxes.csv"):
        if row["split"] == split:
            boxes.setdefault(row["image"], []).append(_box(row))
            complete[row["image"]] = row["every_plate_boxed"] == "1"
    folder, by_eye = data / "detection" / "images", _by_eye()
    photos = []
    for name in sorted(boxes):
        seen = by_eye.get(name, {})
        more, doubtful = seen.get("plate", no_boxes()), seen.get("doubtful", no_boxes())
        known = np.asarray(boxes[name], np.float32)
        if split == "train":
            known = np.vstack([known, more])
        else:
            doubtful = np.vstack([doubtful, more])
        photos.append(
            Photo(
                path=folder / name,
                group=name.split("_")[0],
                split=split,
                every_plate_boxed=complete[name],
                boxes=known,
                doubtful=doubtful,
                not_plates=seen.get("not_plate", no_boxes()),
            )
        )
    return photos
