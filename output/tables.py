"""Rows as text: tables for a terminal, CSV, and numbers that may be missing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from rich.table import Table


def table(words: Sequence[str], numbers: Sequence[str] = (), *, dense: bool = False) -> Table:
    """An empty table without lines: columns of words, then columns of numbers, aligned to the right.

    A `dense` one puts one space between columns instead of two, so that more of them stand in 80 characters.
    """
    made = Table(box=None, header_style="bold", pad_edge=False, collapse_padding=dense)
    for name in words:
        made.add_column(name)
    for name in numbers:
        made.add_column(name, justify="right")
    return made


def number(value: float | None, before: str = "") -> str:
    """Three decimals, with a sign before them; – for None."""
    return "–" if value is None else f"{before}{value:.3f}"


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]], separator: str = ",") -> str:
    """Rows as CSV below their header, lines ended by a newline alone."""
    return "".join(csv_lines(header, rows, separator))


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]], separator: str = ",") -> Iterator[str]:
    """The same, a row at a time."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    for row in chain([header], rows):
        writer.writerow(row)
        yield text.getvalue()
        text.seek(0)
        text.truncate()
