"""Drawings in a folder: a picture for each thing that went wrong, and sheets of 24 of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from evaluation.drawn_place import PAPER
from output.files import save_jpeg
from pipeline.records import Image

_COLUMNS, _ROWS = 4, 6
#: Of a view on a sheet, pixels.
_SMALL_PX = (480, 348)


def write_views(folder: Path, kind: str, views: Iterable[tuple[str, Image]]) -> int:
    """Write a JPEG for each of the views, numbered as they come, and the sheets; says how many there are.

    A view comes with the rest of its name: `kind_0001_REST.jpg`. Raises DashplateError where it cannot be written.
    """
    small = []
    for rank, (rest, view) in enumerate(views, start=1):
        save_jpeg(folder / f"{kind}_{rank:04d}_{rest}.jpg", view)
        small.append(np.asarray(cv2.resize(view, _SMALL_PX, interpolation=cv2.INTER_AREA), np.uint8))
    for number, sheet in enumerate(_sheets(small), start=1):
        save_jpeg(folder / f"sheet_{kind}_{number:02d}.jpg", sheet)
    return len(small)


def clear(folder: Path, kinds: Iterable[str]) -> None:
    """Remove earlier drawings of these kinds, and nothing else."""
    for kind in kinds:
        for pattern in (f"{kind}_[0-9][0-9][0-9][0-9]_*.jpg", f"sheet_{kind}_[0-9][0-9].jpg"):
            for old in folder.glob(pattern):
                old.unlink()


def _sheets(views: Sequence[Image]) -> Iterator[Image]:
    size = _COLUMNS * _ROWS
    width, height = _SMALL_PX
    for start in range(0, len(views), size):
        some = views[start : start + size]
        lines = -(-len(some) // _COLUMNS)
        sheet = np.full((lines * height, _COLUMNS * width, 3), PAPER, np.uint8)
        for place, view in enumerate(some):
            line, column = divmod(place, _COLUMNS)
            sheet[line * height : (line + 1) * height, column * width : (column + 1) * width] = view
        yield sheet
