"""Rows as text: CSV, JSON lines, and the whole job as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import RowMapping

from dashplate.export.forms import Rows
from dashplate.export.rows import PlateRow, plain
from output.files import json_text
from output.tables import csv_lines

#: What makes a spreadsheet take a cell of a CSV for a formula, wherever the text came from: a file's name, a person's.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: A zone, which is a time of day to a spreadsheet and nothing worse.
_ZONE = re.compile(r"[+-]\d\d:\d\d")


def to_csv(rows: Iterable[Any], kind: type = PlateRow) -> Iterator[str]:
    """The rows, records of `kind`, below a heading, a line each."""
    return csv_lines([field.name for field in fields(kind)], cells(rows, kind))


def cells(rows: Iterable[Any], kind: type) -> Iterator[list[Any]]:
    """The rows as a CSV has them."""
    names = [field.name for field in fields(kind)]
    return ([harmless(getattr(row, name)) for name in names] for row in rows)


def harmless(value: Any) -> Any:
    """A value that no spreadsheet computes: before a text that begins like a formula stands an apostrophe.

    >>> harmless("=1+1"), harmless("AB12CDE"), harmless(-0.5), harmless("+02:00")
    ("'=1+1", 'AB12CDE', -0.5, '+02:00')
    """
    computed = isinstance(value, str) and value.startswith(_FORMULA) and not _ZONE.fullmatch(value)
    return f"'{value}" if computed else value


def storable(value: Any) -> Any:
    """A value that any file of UTF-8 can hold: what of a name is none is spelled out.

    >>> storable(f"a{chr(0xDCFF)}.mp4"), storable(1.5)
    ('a\\\\udcff.mp4', 1.5)
    """
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def to_json_lines(rows: Iterable[Any]) -> Iterator[str]:
    """One JSON object a line."""
    return (json_text(asdict(row)) + "\n" for row in rows)


def to_json(
    job: RowMapping, videos: Iterable[RowMapping], rows: Iterable[Any], name: Rows = Rows.PLATES
) -> Iterator[str]:
    """The whole job: its progress, each video's state, and the rows."""
    yield f'{{\n  "job": {_nested(plain(job), 1)},\n  "videos": '
    yield from _listed(map(plain, videos))
    yield f',\n  "{name}": '
    yield from _listed(map(asdict, rows))
    yield "\n}\n"


def _listed(items: Iterable[Any]) -> Iterator[str]:
    empty = True
    for item in items:
        yield f"{'[' if empty else ','}\n    {_nested(item, 2)}"
        empty = False
    yield "[]" if empty else "\n  ]"


def _nested(value: Any, depth: int) -> str:
    """JSON as it stands that deep in another; a line break inside of a text is escaped, and none of these."""
    return json_text(value, indent=2).replace("\n", "\n" + "  " * depth)
