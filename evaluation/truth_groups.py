"""Puts lines of a truth into groups, each a row of the table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from evaluation.pictures import open_image
from evaluation.truth_csv import Line, as_read, box_of
from pipeline.crops.rectify import find_corners
from pipeline.crops.select import cut
from pipeline.formats.alphabet import CHINESE, DIGITS, LATIN
from pipeline.records import Observation
from synthesis.drawing.patterns import plain
from training.detector.measuring.measure import WIDTH_BUCKETS_PX

COUNTRY = "country"
#: The row over everything.
ALL = "all"
#: What `note` says of plates whose text stands in two rows.
_TWO_ROWS = "two-row"
_NOTHING = "–"
#: The kind by the width of the box, in the ranges that the detector is trained and measured by.
WIDTH = "box-width"
#: Of the tilt, degrees.
_TILTS = ((0.0, 5.0), (5.0, 15.0), (15.0, math.inf))


def columns_of(by: Sequence[str]) -> tuple[str, ...]:
    """The columns of the CSV that grouping by these needs."""
    return tuple(column for column in by if column not in KINDS)


def group_of(line: Line, picture: Path, by: Sequence[str]) -> str:
    """The group of a line: what it says in each of the columns; empty where there are none to group by.

    Besides columns there are kinds of plates, as `KINDS` has them. `country` counts up to a hyphen, so that EU-NL and
    EU-PL are one group, and a country's plates of two rows, which are read in another way, are a group of their own.

    `picture` is the line's picture; whatever has to be measured is measured there. Raises UsageError where it is none.

    >>> plate = Line("", {"image": "nl/a_1.jpg", "country": "EU-NL", "note": "two-row plate"})
    >>> group_of(plate, Path("images/nl/a_1.jpg"), ("country", "prefix"))
    'EU, two rows, a'
    """
    return ", ".join(_part(line, picture, column) for column in by)


def _part(line: Line, picture: Path, column: str) -> str:
    if column in KINDS:
        return KINDS[column](line, picture)
    word = line.cells[column]
    if column != COUNTRY:
        return word or _NOTHING
    rows = ", two rows" if _TWO_ROWS in line.cells.get("note", "") else ""
    return f"{word.split('-')[0] or _NOTHING}{rows}"


def _prefix(_line: Line, picture: Path) -> str:
    return picture.stem.split("_")[0]


def _rows(line: Line, _picture: Path) -> str:
    rows, note = line.cells.get("rows"), line.cells.get("note")
    if rows is None and note is not None:
        rows = "2" if _TWO_ROWS in note else "1"
    return {"": _NOTHING, "1": "one row", "2": "two rows"}.get(rows or "", f"{rows} rows")


def _script(line: Line, _picture: Path) -> str:
    written = plain(line.cells.get("plate_text", ""))
    if not written:
        return _NOTHING
    text = as_read(written)
    if len(text) < len(written):
        return "other letters"
    for name, letters in (("Latin", ""), ("Chinese", CHINESE)):
        if all(char in LATIN + DIGITS + letters for char in text):
            return name
    return "Cyrillic"


def _width(line: Line, _picture: Path) -> str:
    box = box_of(line)
    return range_name(next(r for r in WIDTH_BUCKETS_PX if box.width < r[1]), " px") if box else _NOTHING


def _tilt(line: Line, picture: Path) -> str:
    box = box_of(line)
    if box is None:
        return _NOTHING
    crop = cut(_opened(picture), Observation(0, 0.0, box, 1.0))
    corners = find_corners(crop.image, crop.plate) if crop else None
    if corners is None:
        return "tilt not measured"
    tilt = abs(corners.tilt_degrees)
    return f"measured {range_name(next(r for r in _TILTS if tilt < r[1]), '°')}"


#: Neighbouring lines are mostly of one picture.
_opened = lru_cache(maxsize=1)(open_image)


def range_name(ends: tuple[float, float], unit: str) -> str:
    """A range by its ends, the first of them 0 and the last infinite.

    >>> [range_name(ends, " px") for ends in ((0, 40), (40, 60), (60, math.inf))]
    ['under 40 px', '40–60 px', 'over 60 px']
    """
    low, high = ends
    if not low:
        return f"under {high:.0f}{unit}"
    return f"over {low:.0f}{unit}" if math.isinf(high) else f"{low:.0f}–{high:.0f}{unit}"


#: What is no column and told by the whole line: the first part of the picture's name, up to an underscore; rows of
#: text, by the column `rows` or `note`; the letters of the text; the width of the box; how far the text runs up or
#: downhill, which no truth says: it is measured in the picture, as the reader does before it turns a plate upright.
KINDS: dict[str, Callable[[Line, Path], str]] = {
    "prefix": _prefix, "rows": _rows, "script": _script, WIDTH: _width, "tilt": _tilt
}  # fmt: skip
