"""The table of measurements that have groups and readers: a line for each reader within each group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from rich.markup import escape
from rich.table import Table

from output.tables import table


class Grouped(Protocol):
    """A line of numbers about one reader on one group."""

    @property
    def group(self) -> str: ...
    @property
    def reader(self) -> str: ...


Row = TypeVar("Row", bound=Grouped)


def grouped_table(rows: Sequence[Row], numbers: Sequence[str], cells: Callable[[Row], Sequence[str]]) -> Table:
    """Columns `numbers`, filled by `cells`; a group is named once, the reader only where there are several."""
    several = len({row.reader for row in rows}) > 1
    shown = table(("", "reader") if several else ("",), numbers, dense=True)
    before = ""
    for row in rows:
        group, before = "" if row.group == before else row.group, row.group
        shown.add_row(escape(group), *((escape(row.reader),) if several else ()), *cells(row))
    return shown
