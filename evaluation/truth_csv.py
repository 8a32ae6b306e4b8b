"""Reads a CSV of truth: which lines of it are meant, what their cells say, and where their pictures lie."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.formats.alphabet import plate_characters
from pipeline.records import Box
from synthesis.drawing.patterns import plain
from training.more import split_of_picture

CORNERS = ("x1", "y1", "x2", "y2")
#: In a file of places to ignore, rows that say this are places where any box is wrong.
_NOT_PLATE = "not_plate"
#: A sentence names this many missing pictures.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a CSV, with the words for pointing at it."""

    where: str
    cells: dict[str, str]

    @property
    def image(self) -> str:
        return self.cells["image"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which lines of a CSV are meant."""

    #: What column `split` has to say, or the texts where there is none; None takes all.
    split: str | None = None
    #: Wildcards, one of which the picture's name has to fit; none take all.
    match: tuple[str, ...] = ()
    #: The first so many, in the order of the file.
    limit: int | None = None
    #: Columns with what they have to say, wildcards too; of several for one column any will do.
    where: tuple[tuple[str, str], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """What the CSV needs for this choice; the split aside."""
        return tuple(dict.fromkeys(column for column, _ in self.where))

    def takes(self, line: Line) -> bool:
        """Whether a line is among those meant; `limit` aside."""
        if self.split and line.cells["split"] != self.split:
            return False
        if self.match and not any(fnmatchcase(line.image, pattern) for pattern in self.match):
            return False
        asked: dict[str, list[str]] = {}
        for column, value in self.where:
            asked.setdefault(column, []).append(value)
        return all(any(fnmatchcase(line.cells[c], v) for v in values) for c, values in asked.items())


def parse_where(words: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    """`legibility=clear` as a column and its value. Raises UsageError where there is no `=`."""
    pairs = [word.partition("=") for word in words or ()]
    for word, (column, equals, _) in zip(words or (), pairs, strict=True):
        if not equals or not column.strip():
            raise UsageError(f"--where {word} names no column and value; write it as legibility=clear.")
    return tuple((column.strip(), value.strip()) for column, _, value in pairs)


def read_lines(file: Path, needed: Sequence[str]) -> Iterator[Line]:
    """All lines of a CSV in UTF-8. Raises UsageError where it is none, or has not the columns that are needed."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.DictReader(text, restval="", restkey="")
            missing = [name for name in dict.fromkeys(needed) if name not in (reader.fieldnames or ())]
            if missing:
                raise UsageError(f"{file} has no column {', '.join(missing)}; its first line names the columns.")
            for cells in reader:
                yield Line(f"{file}, line {reader.line_num}", {name: str(cell).strip() for name, cell in cells.items()})
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file} is no CSV in UTF-8: {error}.") from error


def split_lines(file: Path, selection: Selection, needed: Sequence[str], *, whole_pictures: bool = False) -> list[Line]:
    """All lines of a CSV, ready for `selection.takes`. Raises UsageError as `read_lines` does.

    Where there is no column `split`, the texts tell the side as for training (`training.more`): a line's own, or, at
    `whole_pictures` and where it has none, those of all lines of its picture.
    """
    lines = list(read_lines(file, (*needed, *selection.columns)))
    if not selection.split or not lines or "split" in lines[0].cells:
        return lines
    if "plate_text" not in lines[0].cells:
        raise UsageError(f"{file} has no column split, and no plate_text to tell it by.")
    for name, some in by_image(lines).items():
        texts = [line.cells["plate_text"] for line in some]
        for line, text in zip(some, texts, strict=True):
            line.cells["split"] = split_of_picture(name, [text] if text and not whole_pictures else texts)
    return lines


def by_image(lines: Iterable[Line]) -> dict[str, list[Line]]:
    """The lines of each picture, pictures in the order of their first lines."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.image, []).append(line)
    return found


def box_of(line: Line) -> Box | None:
    """The line's box, pixels of the upright picture; None where all four cells are empty or not there.

    Raises UsageError where they hold no box.
    """
    cells = [line.cells.get(corner, "") for corner in CORNERS]
    if not any(cells):
        return None
    try:
        x1, y1, x2, y2 = (float(cell) for cell in cells)
    except ValueError as error:
        raise UsageError(f"{line.where}: {', '.join(cells)} is no box; four numbers are needed.") from error
    if not all(map(math.isfinite, (x1, y1, x2, y2))) or x2 <= x1 or y2 <= y1:
        raise UsageError(f"{line.where}: {', '.join(cells)} is no box; x1 < x2 and y1 < y2 are needed.")
    return Box(x1, y1, x2, y2)


def ignored_boxes(file: Path | None) -> dict[str, list[Box]]:
    """By picture, the places of a CSV that count neither way: all but those whose column `what` says `not_plate`."""
    if file is None:
        return {}
    lines = (line for line in read_lines(file, ("image", *CORNERS)) if line.cells.get("what") != _NOT_PLATE)
    return {name: [box for line in some if (box := box_of(line))] for name, some in by_image(lines).items()}


def as_read(text: str) -> str:
    """A text as the reader could say it: capitals, no separators, each character the one that it can tell, none others.

    >>> as_read("m ö-12·3"), as_read("粤z 港"), as_read("29오3306")
    ('MO123', '粤Z港', '293306')
    """
    return "".join(plate_characters(char)[:1] for char in plain(text))


def is_complete(line: Line) -> bool:
    """Whether the picture shows no plates besides those listed. Raises UsageError for anything but 0 and 1."""
    word = line.cells.get("every_plate_boxed", "")
    if word not in ("", "0", "1"):
        raise UsageError(f"{line.where}: every_plate_boxed is {word!r}; 0 or 1 is needed.")
    return word != "0"


def picture_folder(file: Path, images: Path | None, names: Sequence[str], beside: Sequence[str]) -> Path:
    """The folder that holds the pictures: `images`, or else one of those beside the CSV; `.` is the CSV's own.

    Of those beside it, the first with any of the pictures. Raises UsageError where a picture is not in it.
    """
    candidates = [images] if images else [file.parent / name for name in beside]
    holding = (folder for folder in candidates if any(name and os.path.isfile(folder / name) for name in names))
    folder = next(holding, None) or next((folder for folder in candidates if os.path.isdir(folder)), candidates[0])
    missing = [name or "a picture without name" for name in names if not name or not os.path.isfile(folder / name)]
    if missing:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise UsageError(f"Not in {folder}: {', '.join(missing[:_NAMED])}{more}; --images names the pictures' folder.")
    return folder
