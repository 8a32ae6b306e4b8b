"""Draws plates that were read wrong, for a person to look at: the plate enlarged, truth and reading below it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from rapidfuzz.distance import Levenshtein

from evaluation.contact_sheets import clear, write_views
from evaluation.drawn_place import FAINT, GREEN, GREY, INK, RED, VIEW_PX, Colour, blank, say
from evaluation.readers import Read
from evaluation.reading.scores import is_right
from evaluation.reading.truth import Shown, open_plates
from pipeline.formats.confusions import folded
from pipeline.records import UNSURE_BELOW, Crop, Image, Reading

#: With the words for many.
KINDS = {"misread": "misread", "unread": "unread"}
#: Room for the plate, pixels; below it truth and reading.
_PLATE_PX = (616, 250)
_LARGEST_ZOOM = 10.0
_MARGIN_PX = 12
#: A character of the reading and its confidence take up this much.
_CELL_PX = 52
_LARGE_PX, _SMALL_PX = 34, 14


def draw_failures(folder: Path, reads: Sequence[Read]) -> dict[str, int]:
    """Write a JPEG for each plate not read right and sheets of 24; says how many of each kind there are.

    O and 0, I and 1 are taken for the same. Misread plates come surest first. Earlier drawings in the folder are
    replaced. Raises DashplateError where it cannot be written.
    """
    clear(folder, KINDS)
    wrong = [read for read in reads if not is_right(read)]
    wrong.sort(key=lambda read: (-_confidence(read), read.plate.name))
    counts = {}
    for kind in KINDS:
        some = [read for read in wrong if bool(read.reading) == (kind == "misread")]
        views = zip(some, open_plates([read.plate for read in some]), strict=True)
        named = ((f"{_confidence(read):.2f}_{read.plate.path.stem}", draw(read, shown)) for read, (_, shown) in views)
        counts[kind] = write_views(folder, kind, named)
    return counts


def draw(read: Read, shown: Shown) -> Image:
    """The plate as the reader was given it, its text, and the reading with the confidence of each character.

    Characters that only the truth has are orange, those that only the reading has are red.
    """
    canvas = blank()
    _place(canvas, shown)
    y = _PLATE_PX[1] + 2 * _MARGIN_PX + _LARGE_PX
    say(canvas, "truth", (_MARGIN_PX, y), GREY, _SMALL_PX)
    _cells(canvas, read.plate.text, _colours(read.plate.text, read.said, FAINT), y)
    y += _LARGE_PX + 2 * _MARGIN_PX
    say(canvas, "read", (_MARGIN_PX, y), GREY, _SMALL_PX)
    if read.reading:
        _cells(canvas, read.said, _colours(read.said, read.plate.text, RED), y)
        for index, confidence in enumerate(read.reading.confidences):
            ink = GREY if confidence < UNSURE_BELOW else INK
            say(canvas, f"{confidence:.2f}", (_column(index), y + 26), ink, _SMALL_PX)
    say(canvas, _summary(read.reading), (_MARGIN_PX, VIEW_PX[1] + 2))
    say(canvas, read.plate.name, (_MARGIN_PX, VIEW_PX[1] + 24), GREY)
    return canvas


def _place(canvas: Image, shown: Shown) -> None:
    """The plate in the upper part, as large as there is room; of a crop its margin too, the box drawn in."""
    if shown is None:
        say(canvas, "too small to be cut out", (_MARGIN_PX, _PLATE_PX[1] // 2))
        return
    image = shown.image if isinstance(shown, Crop) else shown
    height, width = image.shape[:2]
    zoom = min(_LARGEST_ZOOM, _PLATE_PX[0] / width, _PLATE_PX[1] / height)
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    large = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    if isinstance(shown, Crop):
        x1, y1, x2, y2 = (round(v * zoom) for v in shown.plate.as_tuple())
        cv2.rectangle(large, (x1 - 1, y1 - 1), (x2 + 1, y2 + 1), GREEN, 1)
    canvas[_MARGIN_PX : _MARGIN_PX + size[1], _MARGIN_PX : _MARGIN_PX + size[0]] = large


def _cells(canvas: Image, text: str, inks: Sequence[Colour], y: int) -> None:
    for index, (char, ink) in enumerate(zip(text, inks, strict=True)):
        say(canvas, char, (_column(index), y), ink, _LARGE_PX)


def _column(index: int) -> int:
    return 60 + _MARGIN_PX + index * _CELL_PX


def _colours(text: str, other: str, alone: Colour) -> list[Colour]:
    """Green for each character of a text that the other one has there too, once both are aligned."""
    inks = [GREEN] * len(text)
    for edit in Levenshtein.editops(folded(text), folded(other)):
        if edit.tag != "insert":
            inks[edit.src_pos] = alone
    return inks


def _summary(reading: Reading | None) -> str:
    if reading is None:
        return "nothing legible"
    others = ", ".join(f"{other.text} {other.confidence:.2f}" for other in reading.alternatives[:3])
    of = f" of {reading.country}" if reading.country else ""
    return f"confidence {reading.confidence:.2f}{of}" + (f"; else {others}" if others else "")


def _confidence(read: Read) -> float:
    return read.reading.confidence if read.reading else 0.0
