"""The pictures of `data/more`: plates of some 60 countries, split by their texts so that no plate is on both sides."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pipeline.formats.confusions import folded

#: Train on it, or measure on it; never both.
Split = Literal["train", "dev"]

#: One text of so many is measured on and never trained on.
_ONE_IN = 5


def split_of(text: str) -> Split:
    """Return the side of a plate's text, O and 0, I and 1 taken for the same.

    >>> split_of("LEC144444") == split_of("LECI44444")
    True
    """
    return "dev" if zlib.crc32(folded(text).encode()) % _ONE_IN == 0 else "train"


def more_rows(data: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of `more/labels.csv`; none where there is no such folder.

    `image` is relative to `more/`; `x1 y1 x2 y2` are pixels of the picture, empty where it shows no plate; `plate_text`
    has the top row first and is empty where nobody could tell.
    """
    table = data / "more" / "labels.csv"
    if table.is_file():
        with table.open(newline="", encoding="utf-8") as file:
            yield from csv.DictReader(file)


def more_plates(data: Path, split: Split) -> Iterator[dict[str, str]]:
    """Yield the rows on one side whose text is known."""
    return (row for row in more_rows(data) if row["plate_text"] and split_of(row["plate_text"]) == split)


def more_scenes(data: Path, split: Split) -> dict[str, list[dict[str, str]]]:
    """Return the rows of the pictures of traffic on one side, by picture.

    A picture is measured on where any of its plates is; without texts its name decides.
    """
    scenes: dict[str, list[dict[str, str]]] = {}
    for row in more_rows(data):
        if row["kind"] == "scene":
            scenes.setdefault(row["image"], []).append(row)
    return {
        name: rows for name, rows in scenes.items() if split_of_picture(name, [r["plate_text"] for r in rows]) == split
    }


def split_of_picture(name: str, texts: Iterable[str]) -> Split:
    """Return the side of a picture by the texts of its plates, empty ones where nobody could tell."""
    known = [text for text in texts if text]
    return "dev" if "dev" in map(split_of, known or [name]) else "train"
