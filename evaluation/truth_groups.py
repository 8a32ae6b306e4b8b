"""Puts lines of a truth into groups, each a row of the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from evaluation.truth_csv import Line, as_read, box_of
from pipeline.formats.alphabet import CHINESE, DIGITS, LATIN
from synthesis.drawing.patterns import plain

COUNTRY = "country"
#: The row over everything.
ALL = "all"
#: What `note` says of plates whose text stands in two rows.
_TWO_ROWS = "two-row"
_NOTHING = "–"
#: Upper ends of the groups by width, pixels.
_WIDTHS_PX = (40, 60, 100)


def columns_of(by: Sequence[str]) -> tuple[str, ...]:
    """The columns of the CSV that grouping by these needs."""
    return tuple(column for column in by if column not in KINDS)


def group_of(line: Line, by: Sequence[str]) -> str:
    """The group of a line: what it says in each of the columns; empty where there are none to group by.

    Besides columns there are kinds of plates, as `KINDS` has them. `country` counts up to a hyphen, so that EU-NL and
    EU-PL are one group, and a country's plates of two rows, which are read in another way, are a group of their own.

    >>> group_of(Line("", {"image": "nl/a_1.jpg", "country": "EU-NL", "note": "two-row plate"}), ("country", "prefix"))
    'EU, two rows, a'
    """
    return ", ".join(_part(line, column) for column in by)


def _part(line: Line, column: str) -> str:
    if column in KINDS:
        return KINDS[column](line)
    word = line.cells[column]
    if column != COUNTRY:
        return word or _NOTHING
    rows = ", two rows" if _TWO_ROWS in line.cells.get("note", "") else ""
    return f"{word.split('-')[0] or _NOTHING}{rows}"


def _prefix(line: Line) -> str:
    return Path(line.image).stem.split("_")[0]


def _rows(line: Line) -> str:
    rows = line.cells.get("rows") or ("2" if _TWO_ROWS in line.cells.get("note", "") else "1")
    return {"1": "one row", "2": "two rows"}.get(rows, f"{rows} rows")


def _script(line: Line) -> str:
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


def _width(line: Line) -> str:
    box = box_of(line)
    if box is None:
        return _NOTHING
    above = next((limit for limit in _WIDTHS_PX if box.width < limit), None)
    return f"under {above} px" if above else f"{_WIDTHS_PX[-1]} px and wider"


#: What is no column and told by the whole line: the first part of the picture's name, up to an underscore; rows of
#: text, by the column `rows` or `note`; the letters of the text; the width of the box.
KINDS: dict[str, Callable[[Line], str]] = {"prefix": _prefix, "rows": _rows, "script": _script, "box-width": _width}
