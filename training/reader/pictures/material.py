"""The labelled pictures: crops of `data/recognition`, boxes of `data/detection`, both of `data/more`, and no plates."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.reading.reader import SQUARE_BELOW
from pipeline.records import Box, Image
from training.country_codes import country_of
from training.detector.pictures.photos import load_photos
from training.more import Split, more_plates
from training.reader.charset import readable, said

#: How much of a photograph is kept around a box, as a share of the box.
_AROUND = 0.6
#: Room that is made around a crop which shows nothing but its plate, as a share of it.
_BORDER = 0.3
#: What `note` says of crops of `dashplate export --format training`, and of what the machine took for a plate.
CORRECTED, NO_PLATE = "corrected", "no plate"
#: Argentinian crops squarer than this are motorcycles', whose two rows no note mentions.
_AR_MOTORCYCLE_BELOW = 1.5


@dataclass(frozen=True, eq=False)
class Labelled:
    """One plate, or one place that is none, in a picture."""

    #: BGR uint8, the plate with what lies around it.
    image: Image
    #: Where the plate is, in pixels of `image`.
    box: Box
    #: Capitals, digits and Chinese characters; empty where there is no plate.
    text: str
    #: Rows that the text stands in, 1 or 2.
    rows: int
    #: Which collection it comes from, a key of `prepare.SHARES`.
    group: str


def training_material(data: Path, without: Collection[str] = ()) -> dict[str, list[Labelled]]:
    """Return the training split, by group; `without` the countries (ISO 3166 codes) that are to be met unseen.

    Left out are boxes whose text was not read from this very picture (blurred, low confidence), and boxes squarer than
    1.7, where nothing says whether one row or two.
    """
    found: dict[str, list[Labelled]] = {}
    for plate in [*plate_crops(data, without), *_boxes(data, without), *_more(data, without), *_no_plates(data)]:
        found.setdefault(plate.group, []).append(plate)
    return found


def plate_crops(data: Path, without: Collection[str] = ()) -> Iterator[Labelled]:
    """Yield the training split of `data/recognition`."""
    seen = set()
    for row in rows_of(data / "recognition" / "labels.csv", "train"):
        if row["image"] not in seen and readable(row["plate_text"]) and _is_wanted(row, without):
            seen.add(row["image"])
            image = load(data / "recognition" / "crops" / row["image"])
            if row["note"] in (CORRECTED, NO_PLATE):
                yield _corrected(image, row)
                continue
            yield bordered(
                image, row["plate_text"], rows_in(row), "EU-rows" if "two-row" in row["note"] else row["country"]
            )


def _corrected(image: Image, row: dict[str, str]) -> Labelled:
    """A crop as the pipeline stores it: with its margin, and the plate's place in it where that is known."""
    group = CORRECTED if row["plate_text"] else "none"
    if not row["x1"]:
        return bordered(image, row["plate_text"], 1, group)
    box = box_of(row)
    # Nothing says in how many rows a squarish plate's text stands; the pipeline tries two where it is this square.
    rows = 2 if row["plate_text"] and box.width < SQUARE_BELOW * box.height else 1
    return Labelled(image, box, row["plate_text"], rows, group)


def rows_in(row: dict[str, str]) -> int:
    """Return how many rows a crop's text stands in: 2 as its note says, and on Argentina's motorcycles."""
    motorcycle = row["country"] == "AR" and float(row["width"]) < _AR_MOTORCYCLE_BELOW * float(row["height"])
    return 2 if motorcycle or "two-row" in row["note"] else 1


def _boxes(data: Path, without: Collection[str]) -> Iterator[Labelled]:
    for row in rows_of(data / "detection" / "boxes.csv", "train"):
        if not _is_wanted(row, without):
            continue
        box = box_of(row)
        text = row["plate_text"]
        if row["legibility"] == "clear" and text and readable(text) and box.width >= SQUARE_BELOW * box.height:
            collection = row["image"].split("_")[0]
            group = f"box-{row['country']}" if collection == "openalpr" else f"box-{collection}"
            yield _cut(load(data / "detection" / "images" / row["image"]), box, text, group)


def _more(data: Path, without: Collection[str]) -> Iterator[Labelled]:
    for row in more_plates(data, "train"):
        if _is_wanted(row, without):
            yield _more_plate(data, row)


def _more_plate(data: Path, row: dict[str, str]) -> Labelled:
    image, text, rows = load(data / "more" / row["image"]), said(row["plate_text"]), int(row["rows"])
    group = "more-rows" if rows == 2 else "more-CN" if row["country"] == "CN" else "more"
    if row["kind"] == "crop":
        return bordered(image, text, rows, group)
    return _cut(image, box_of(row), text, group, rows)


def _no_plates(data: Path) -> Iterator[Labelled]:
    for photo in load_photos(data, "train"):
        for corners in photo.not_plates:
            yield _cut(load(photo.path), Box(*(float(corner) for corner in corners)), "", "none")


def rows_of(table: Path, split: Split) -> Iterator[dict[str, str]]:
    """Yield the rows of one split of a CSV file."""
    with table.open(newline="", encoding="utf-8") as file:
        yield from (row for row in csv.DictReader(file) if row["split"] == split)


def _is_wanted(row: dict[str, str], without: Collection[str]) -> bool:
    """Whether a row may be trained on: one of unknown country may show what is to be met unseen."""
    country = country_of(row["country"])
    return not without or (country is not None and country not in without)


def box_of(row: dict[str, str]) -> Box:
    """Return a row's box, pixels of the picture."""
    return Box(*(float(row[corner]) for corner in ("x1", "y1", "x2", "y2")))


def load(path: Path) -> Image:
    """Decode a picture, BGR. Raises FileNotFoundError where it is missing or no picture."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(f"{path} is missing or no picture")
    return np.asarray(image, np.uint8)


def bordered(image: Image, text: str, rows: int, group: str) -> Labelled:
    """Return a picture filled by its plate with its edge drawn out around it."""
    high, wide = image.shape[:2]
    y, x = max(2, round(high * _BORDER)), max(2, round(wide * _BORDER))
    room = cv2.copyMakeBorder(image, y, y, x, x, cv2.BORDER_REPLICATE)
    return Labelled(np.asarray(room, np.uint8), Box(x, y, x + wide, y + high), text, rows, group)


def _cut(photo: Image, box: Box, text: str, group: str, rows: int = 1) -> Labelled:
    high, wide = photo.shape[:2]
    around = box.grown(_AROUND * box.width, _AROUND * box.height).clipped(wide, high)
    left, top = int(around.x1), int(around.y1)
    image = photo[top : int(around.y2) + 1, left : int(around.x2) + 1].copy()
    return Labelled(image, box.shifted(-left, -top), text, rows, group)
