"""Puts lines of a truth into groups, each a row of the table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.truth_csv import Line

#: Not a column: the file's name up to its first underscore.
PREFIX = "prefix"
COUNTRY = "country"
#: The row over everything.
ALL = "all"
#: What `note` says of plates whose text stands in two rows.
_TWO_ROWS = "two-row"
_NOTHING = "–"


def columns_of(by: Sequence[str]) -> tuple[str, ...]:
    """The columns of the CSV that grouping by these needs."""
    return tuple(column for column in by if column != PREFIX)


def group_of(line: Line, by: Sequence[str]) -> str:
    """The group of a line: what it says in each of the columns; empty where there are none to group by.

    `prefix` is that of the picture's file name. `country` counts up to a hyphen, so that EU-NL and EU-PL are one
    group, and a country's plates of two rows, which are read in another way, are a group of their own.

    >>> group_of(Line("", {"image": "nl/a_1.jpg", "country": "EU-NL", "note": "two-row plate"}), ("country", "prefix"))
    'EU, two rows, a'
    """
    return ", ".join(_part(line, column) for column in by)


def _part(line: Line, column: str) -> str:
    if column == PREFIX:
        return Path(line.image).stem.split("_")[0]
    word = line.cells[column]
    if column != COUNTRY:
        return word or _NOTHING
    rows = ", two rows" if _TWO_ROWS in line.cells.get("note", "") else ""
    return f"{word.split('-')[0] or _NOTHING}{rows}"
