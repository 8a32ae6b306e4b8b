"""The truth of `eval detection`: which pictures, which plates in them, and which places count neither way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.truth_csv import (
    CORNERS,
    Line,
    Selection,
    as_read,
    box_of,
    by_image,
    ignored_boxes,
    is_complete,
    picture_folder,
    split_lines,
)
from evaluation.truth_groups import columns_of, group_of
from pipeline.errors import UsageError
from pipeline.records import Box
from training.detector.pictures.photos import Boxes

__all__ = ["CORNERS", "Picture", "Selection", "load_truth"]


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
    #: For each plate, what it says, capitals and digits alone; empty where the CSV does not tell.
    texts: tuple[str, ...] = ()
    #: For each plate, its row of the table; of a picture without plates, its own. Empty words where there are none.
    groups: tuple[str, ...] = ()


def load_truth(
    file: Path, images: Path | None, selection: Selection, ignore: Path | None = None, by: Sequence[str] = ()
) -> list[Picture]:
    """The chosen pictures of a CSV, in its order. Raises UsageError with a sentence on whatever is wrong with it.

    Needed columns: `image,x1,y1,x2,y2` and those to group by, a plate a row; a row without box lists a picture without
    plates. Known besides: `split`, `every_plate_boxed` (0 or 1; without it 1), `legibility`, `plate_text`. `ignore` is
    a CSV of places that count neither way, but for rows whose column `what` says `not_plate`. `images` is the folder of
    the pictures; without it the folder `images` beside the CSV.
    """
    lines = split_lines(file, selection, ("image", *CORNERS, *columns_of(by)), whole_pictures=True)
    rows = by_image(line for line in lines if selection.takes(line))
    names = list(rows)[: selection.limit]
    if not names:
        raise UsageError(f"No picture of {file} is left; look at --split and --match.")
    folder = picture_folder(file, images, names, ("images",))
    ignored = ignored_boxes(ignore)
    return [_picture(name, folder / name, rows[name], ignored.get(name, []), by) for name in names]


def _picture(name: str, path: Path, rows: Sequence[Line], ignored: Sequence[Box], by: Sequence[str]) -> Picture:
    plates = [(box, row.cells) for row in rows if (box := box_of(row))]
    grouped = [row for row in rows if box_of(row)] or rows[:1]
    complete = [is_complete(row) for row in rows]
    return Picture(
        name=name,
        path=path,
        plates=_boxes([box for box, _ in plates]),
        legibility=tuple(cells.get("legibility", "") for _, cells in plates),
        ignored=_boxes(ignored),
        every_plate_boxed=all(complete),
        texts=tuple(as_read(cells.get("plate_text", "")) for _, cells in plates),
        groups=tuple(group_of(row, path, by) for row in grouped),
    )


def _boxes(boxes: Sequence[Box]) -> Boxes:
    return np.asarray([box.as_tuple() for box in boxes], np.float32).reshape(-1, 4)
