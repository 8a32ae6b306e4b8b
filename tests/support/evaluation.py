"""Sightings, pictures and judged places for tests of what `dashplate eval` makes of them."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import cv2
import numpy as np

from evaluation.stills.scores import JudgedStill, Row, judge, table_rows
from evaluation.stills.truth import KnownPlate, Still
from evaluation.truth_csv import Selection
from pipeline.photo import PhotoPlate
from pipeline.records import Box, Character, Detection, Observation, Reading, Sighting

_SVG = "{http://www.w3.org/2000/svg}"
PLATE = Box(100.0, 100.0, 200.0, 125.0)


def seen(time_s: float, box: Box = PLATE) -> Observation:
    return Observation(round(time_s), time_s, box, 0.8)


def sighting(
    text: str, first_s: float = 0.0, last_s: float = 2.0, *, confirmed: bool = True, box: Box = PLATE
) -> Sighting:
    chars = tuple(Character(char, 0.9) for char in text)
    first, last = seen(first_s, box), seen(last_s, box)
    return Sighting(0, text, None, 0.9, chars, (), first, last, first, None, 2, confirmed, ())


ALL = Selection()
#: Two places far apart, and one that nothing is known of.
LEFT, RIGHT, ELSEWHERE = Box(20, 20, 80, 40), Box(200, 100, 280, 125), Box(20, 180, 80, 200)


def write_truth(folder: Path, text: str, names: tuple[str, ...] = ("a.png", "b.png")) -> Path:
    for name in names:
        cv2.imwrite(str(folder / name), np.full((240, 320, 3), 90, np.uint8))
    file = folder / "truth.csv"
    file.write_text(text, encoding="utf-8")
    return file


def place(box: Box, text: str | None, confidence: float = 0.8, seen: float = 0.7) -> PhotoPlate:
    characters = tuple(Character(char, confidence) for char in text or "")
    reading = Reading(text, confidence, characters, (), None, 1, 1, 0) if text else None
    return PhotoPlate(Detection(box, seen), reading)


def known(text: str, box: Box | None = None, counts: bool = True, group: str = "") -> KnownPlate:
    return KnownPlate(text, box, counts, group)


def judged(plates: list[KnownPlate], places: list[PhotoPlate], complete: bool = True) -> JudgedStill:
    groups = frozenset(plate.group for plate in plates if plate.counts)
    return judge(Still("a.png", Path("a.png"), tuple(plates), complete, groups), places, 5.0)


def row_of(*some: JudgedStill) -> Row:
    return next(iter(table_rows({"r": some})))


def dots_of(diagram: Element, reader: str) -> list[tuple[float, float]]:
    """Where a reader's dots stand in a reliability diagram; x right, y down."""
    (group,) = [g for g in diagram.iter(f"{_SVG}g") if g.get("id") == f"dots of {reader}"]
    placed = [(float(use.get("x", "")), float(use.get("y", ""))) for use in group.iter(f"{_SVG}use")]
    if placed:
        return placed
    starts = [path.get("d", "").split()[1:3] for path in group.iter(f"{_SVG}path")]
    return [(float(x), float(y)) for x, y in starts]
