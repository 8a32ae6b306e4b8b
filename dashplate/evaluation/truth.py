"""Reads the truth of an evaluation: which pictures, which plates in them, and which places count neither way."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from pipeline.errors import UsageError
from training.detector.photos import Boxes

CORNERS = ("x1", "y1", "x2", "y2")
#: In a file of places to ignore, rows that say this are places where any box is wrong.
_NOT_PLATE = "not_plate"
#: A sentence names this many missing pictures.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and what is known of it; boxes in pixels of the upright picture, one row each: x1 y1 x2 y2."""

    #: As the CSV names it.
    name: str
    path: Path
    plates: Boxes
    #: For each plate, what the CSV says of its legibility; often nothing.
    legibility: tuple[str, ...]
    #: Places that count neither way.
    ignored: Boxes
    #: False where other plates may be visible without a box.
    every_plate_boxed: bool

    @property
    def prefix(self) -> str:
        """The collection: the file's name up to its first underscore."""
        return self.path.stem.split("_")[0]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which pictures of a CSV are meant."""

    #: What column `split` has to say; None takes all.
    split: str | None = None
    #: Wildcards, one of which the name has to fit; none take all.
    match: tuple[str, ...] = ()
    #: The first so many, in the order of the file.
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of a CSV, with the words for pointing at it."""

    where: str
    cells: dict[str, str]


def load_truth(file: Path, images: Path | None, selection: Selection, ignore: Path | None = None) -> list[Picture]:
    """The chosen pictures of a CSV, in its order. Raises UsageError with a sentence on whatever is wrong with it.

    Needed columns: `image,x1,y1,x2,y2`, a plate a row; a row without box lists a picture without plates. Known
    besides: `split`, `every_plate_boxed` (0 or 1; without it 1), `legibility`. `ignore` is a CSV of places that count
    neither way, but for rows whose column `what` says `not_plate`. `images` is the folder of the pictures; without it
    the folder `images` beside the CSV.
    """
    rows = _by_image(_chosen(file, selection))
    names = list(rows)[: selection.limit]
    if not names:
        raise UsageError(f"No picture of {file} is left; look at --split and --match.")
    folder = images or file.parent / "images"
    _require(folder, names)
    ignored = _by_image(_ignored(ignore)) if ignore else {}
    return [_picture(name, folder / name, rows[name], ignored.get(name, [])) for name in names]


def _picture(name: str, path: Path, rows: Sequence[_Row], ignored: Sequence[_Row]) -> Picture:
    plates = [(box, row.cells.get("legibility", "")) for row in rows if (box := _box(row))]
    complete = [_is_complete(row) for row in rows]
    places = [box for row in ignored if (box := _box(row))]
    return Picture(
        name, path, _boxes([box for box, _ in plates]), tuple(word for _, word in plates), _boxes(places), all(complete)
    )


def _boxes(boxes: Sequence[Sequence[float]]) -> Boxes:
    return np.asarray(boxes, np.float32).reshape(-1, 4)


def _chosen(file: Path, selection: Selection) -> Iterator[_Row]:
    needed = ("image", *CORNERS, *(("split",) if selection.split else ()))
    for row in _rows(file, needed):
        name = row.cells["image"]
        if selection.split and row.cells["split"] != selection.split:
            continue
        if not selection.match or any(fnmatchcase(name, pattern) for pattern in selection.match):
            yield row


def _ignored(file: Path) -> Iterator[_Row]:
    return (row for row in _rows(file, ("image", *CORNERS)) if row.cells.get("what") != _NOT_PLATE)


def _by_image(rows: Iterator[_Row]) -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = {}
    for row in rows:
        found.setdefault(row.cells["image"], []).append(row)
    return found


def _rows(file: Path, needed: Sequence[str]) -> Iterator[_Row]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.DictReader(text, restval="", restkey="")
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise UsageError(f"{file} has no column {', '.join(missing)}; its first line names the columns.")
            for cells in reader:
                yield _Row(f"{file}, line {reader.line_num}", {name: str(cell).strip() for name, cell in cells.items()})
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file} is no CSV in UTF-8: {error}.") from error


def _box(row: _Row) -> tuple[float, float, float, float] | None:
    """The row's box; None where all four cells are empty."""
    cells = [row.cells[corner] for corner in CORNERS]
    if not any(cells):
        return None
    try:
        x1, y1, x2, y2 = (float(cell) for cell in cells)
    except ValueError as error:
        raise UsageError(f"{row.where}: {', '.join(cells)} is no box; four numbers are needed.") from error
    if not all(map(math.isfinite, (x1, y1, x2, y2))) or x2 <= x1 or y2 <= y1:
        raise UsageError(f"{row.where}: {', '.join(cells)} is no box; x1 < x2 and y1 < y2 are needed.")
    return x1, y1, x2, y2


def _is_complete(row: _Row) -> bool:
    word = row.cells.get("every_plate_boxed", "")
    if word not in ("", "0", "1"):
        raise UsageError(f"{row.where}: every_plate_boxed is {word!r}; 0 or 1 is needed.")
    return word != "0"


def _require(folder: Path, names: Sequence[str]) -> None:
    missing = [name or "a picture without name" for name in names if not name or not (folder / name).is_file()]
    if missing:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise UsageError(f"Not in {folder}: {', '.join(missing[:_NAMED])}{more}; --images names the pictures' folder.")
