"""The pictures of `data/more`: plates of some 60 countries, split by their texts so that no plate is on both sides."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator
from pathlib import Path

from pipeline.formats.confusions import folded
from training.detector.pictures.photos import Split

#: One text of so many is measured on and never trained on.
_ONE_IN = 5


def split_of(text: str) -> Split:
    """Return the side of a plate's text, O and 0, I and 1 taken for the same.

    >>> split_of("LEC144444") == split_of("LECI44444")
    True
    """
    return "dev" if zlib.crc32(folded(text).encode()) % _ONE_IN == 0 else "train"


def more_rows(data: Path, split: Split) -> Iterator[dict[str, str]]:
    """Yield the rows of `more/labels.csv` on one side that have a box and a text; none where there is no such folder.

    `image` is relative to `more/`; `x1 y1 x2 y2` are pixels of the picture; `plate_text` the top row first.
    """
    table = data / "more" / "labels.csv"
    if not table.is_file():
        return
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["x1"] and row["plate_text"] and split_of(row["plate_text"]) == split:
                yield row
