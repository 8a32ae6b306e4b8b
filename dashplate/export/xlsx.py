"""Rows as a workbook of Excel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import IO, Any

from dashplate.export.text import storable

#: A sheet takes so many rows, its heading among them; what is more goes to the next sheet.
_SHEET_ROWS = 1_048_576
#: Characters that a column is wide; the first, a path, is wider.
_WIDTH, _FIRST_WIDTH = 14, 40


def write_xlsx(file: IO[bytes], rows: Iterable[Any], kind: type, name: str, sheet_rows: int = _SHEET_ROWS) -> None:
    """Write rows, records of `kind`, on a sheet called `name`; a text is a text, whatever it begins with.

    Rows lie on the disk, in the folder for temporary files, and not in memory.
    """
    # Nothing else needs it.
    from xlsxwriter import Workbook

    with Workbook(file, {"constant_memory": True}) as book:
        # More than 4 GB of rows do not fit into a ZIP of the old kind.
        book.use_zip64()
        sheets = _Sheets(book, name, [field.name for field in fields(kind)])
        place, sheet = 1, sheets.next()
        for row in rows:
            if place == sheet_rows:
                place, sheet = 1, sheets.next()
            for column, value in enumerate(_values(row, sheets.columns)):
                _write(sheet, place, column, value)
            place += 1


class _Sheets:
    """Makes sheets, each with its heading."""

    def __init__(self, book: Any, name: str, columns: list[str]) -> None:
        self.columns = columns
        self._book, self._name, self._made = book, name, 0
        self._bold = book.add_format({"bold": True})

    def next(self) -> Any:
        self._made += 1
        sheet = self._book.add_worksheet(self._name if self._made == 1 else f"{self._name} {self._made}")
        sheet.set_column(0, 0, _FIRST_WIDTH)
        sheet.set_column(1, len(self.columns) - 1, _WIDTH)
        sheet.freeze_panes(1, 0)
        for column, title in enumerate(self.columns):
            sheet.write_string(0, column, title, self._bold)
        return sheet


def _values(row: Any, columns: list[str]) -> Iterator[Any]:
    return (getattr(row, name) for name in columns)


def _write(sheet: Any, row: int, column: int, value: Any) -> None:
    # Each by its own call: `write` would make formulas and links of texts.
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, str):
        sheet.write_string(row, column, storable(value))
    elif value is not None:
        sheet.write_number(row, column, value)
