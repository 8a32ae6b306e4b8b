"""Invented plates on one picture, each over what the reader should say: for a person to look at."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.records import Image
from synthesis.layouts.mounting import mounted
from synthesis.layouts.plates import DrawnPlate, invented_plate
from synthesis.lettering.scripts import script_mask

_COLUMNS = 6
#: Of one plate's place, pixels, and of the line of text in it.
_CELL_PX, _TEXT_PX = (300, 190), 14
_PAPER, _INK = 50, 255


def contact_sheet(rows: int | None, count: int, seed: int) -> Image:
    """Draw ``count`` plates of so many rows, or of one, two and three in turn, as they hang on vehicles; BGR."""
    lines = -(-count // _COLUMNS)
    sheet = np.full((lines * _CELL_PX[1], _COLUMNS * _CELL_PX[0], 3), _PAPER, np.uint8)
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        plate = invented_plate(rows or number % 3 + 1, rng)
        line, column = divmod(number, _COLUMNS)
        top, left = line * _CELL_PX[1], column * _CELL_PX[0]
        cell = sheet[top : top + _CELL_PX[1], left : left + _CELL_PX[0]]
        _fill(cell, plate, mounted(plate.image, plate.rows, rng)[0])
    return sheet


def _fill(cell: Image, plate: DrawnPlate, picture: Image) -> None:
    room = (cell.shape[1] - 8, cell.shape[0] - _TEXT_PX - 14)
    scale = min(room[0] / picture.shape[1], room[1] / picture.shape[0])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cell[: small.shape[0], : small.shape[1]] = small
    words = plate.text if plate.text == plate.written else f"{plate.text}  ({plate.written})"
    mask = script_mask(words, _TEXT_PX, weight=500)[:, : room[0]]
    cell[-_TEXT_PX - 6 : -6, : mask.shape[1]][mask > 127] = _INK
