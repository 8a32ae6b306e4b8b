"""Adds to an export what it lacks: a row that is there stays as it is, however much was found since."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from dashplate.export.forms import Form
from dashplate.export.plate_recognizer import PlateRecognizerLine
from dashplate.export.rows import PlateRow, SightingLine
from dashplate.export.text import harmless, to_csv, to_json_lines
from output.files import whole_file
from pipeline.errors import UsageError
from pipeline.formats.confusions import folded

#: By what a row is known again: a redo numbers sightings anew, and a plate may change between O and 0, I and 1.
_KNOWN_BY: dict[type, tuple[str, ...]] = {
    PlateRow: ("video", "plate"),
    SightingLine: ("video", "first_seen_s", "read_as"),
    PlateRecognizerLine: ("source_url", "position_sec", "plate"),
}
_PLATES = frozenset({"plate", "read_as"})


def append(path: Path, rows: Iterable[Any], kind: type, form: Form) -> int:
    """Add those of the rows, records of `kind`, that a file lacks; returns how many. A missing or empty file is made.

    The file is replaced by a longer one once that is whole. Raises UsageError where it holds something else.
    """
    if not path.exists() or not path.stat().st_size:
        return _write(path, rows, kind, form, heading=True)
    known = _Known(_told(path, kind, form), kind)
    fresh = (row for row in rows if not known.has(row))
    first = next(fresh, None)
    return 0 if first is None else _write(path, _chained(first, fresh), kind, form, heading=False)


def _write(path: Path, rows: Iterable[Any], kind: type, form: Form, *, heading: bool) -> int:
    added = 0

    def counted() -> Iterator[Any]:
        nonlocal added
        for row in rows:
            added += 1
            yield row

    text = to_json_lines(counted()) if form is Form.JSONL else to_csv(counted(), kind)
    if not heading and form is not Form.JSONL:
        next(text)
    with whole_file(path) as file:
        if not heading:
            with path.open("rb") as earlier:
                shutil.copyfileobj(earlier, file)
            if not _ends_a_line(path):
                file.write(b"\n")
        file.writelines(piece.encode("utf-8", "surrogateescape") for piece in text)
    return added


def _chained(first: Any, others: Iterable[Any]) -> Iterator[Any]:
    yield first
    yield from others


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(0, 2)
        if file.tell() == 0:
            return True
        file.seek(-1, 2)
        return file.read() == b"\n"


class _Known:
    """The rows of a file, as 8 bytes each: two of a million are taken for one once in thirty million exports."""

    def __init__(self, told: Iterable[Mapping[str, Any]], kind: type) -> None:
        self._names = _KNOWN_BY[kind]
        self._marks = np.array(array("Q", map(self._mark, told)), np.uint64)
        self._marks.sort()

    def has(self, row: Any) -> bool:
        mark = np.uint64(self._mark({name: getattr(row, name) for name in self._names}))
        at = int(np.searchsorted(self._marks, mark))
        return at < len(self._marks) and self._marks[at] == mark

    def _mark(self, cells: Mapping[str, Any]) -> int:
        words = (_word(name, cells[name]) for name in self._names)
        text = "\0".join(words).encode("utf-8", "surrogatepass")
        return int.from_bytes(blake2b(text, digest_size=8).digest(), sys.byteorder)


def _word(name: str, value: Any) -> str:
    text = str(harmless(value))
    return folded(text.upper()) if name in _PLATES else text


def _told(path: Path, kind: type, form: Form) -> Iterator[Mapping[str, Any]]:
    """The rows of a file. Raises UsageError where they are no such rows."""
    names = [field.name for field in fields(kind)]
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            if form is Form.JSONL:
                yield from _told_by_lines(file, path, names)
                return
            reader = csv.DictReader(file)
            if reader.fieldnames is not None and list(reader.fieldnames) != names:
                raise UsageError(_other(path, "its first line names other columns"))
            for row in reader:
                if None in row.values():
                    raise UsageError(_other(path, f"line {reader.line_num} is not whole"))
                yield row
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except csv.Error as error:
        raise UsageError(_other(path, f"it is no CSV ({error})")) from error


def _told_by_lines(file: Iterable[str], path: Path, names: list[str]) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(file, start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(_other(path, f"line {number} is no JSON")) from error
        if not isinstance(row, dict) or list(row) != names:
            raise UsageError(_other(path, f"line {number} has other fields"))
        yield row


def _other(path: Path, why: str) -> str:
    return f"{path} is no such export: {why}. Name another file, or write it anew without --append."
