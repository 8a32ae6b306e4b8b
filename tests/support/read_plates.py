"""Readers and labelled plates whose readings are known beforehand, for what `dashplate eval reading` makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from evaluation.readers import Read
from evaluation.reading.scores import Row, table_rows
from evaluation.reading.truth import LabelledPlate
from evaluation.truth_csv import Selection
from pipeline.formats import load_formats
from pipeline.formats.alphabet import BLANK, CLASS_OF, CLASSES, Posterior
from pipeline.reading.reader import Reader
from pipeline.records import Character, Image, Reading

ALL = Selection()
NAMES = ("a.png", "b.png", "c.png")


class Says:
    """A recogniser that says of every picture what its brightness stands for; dark pictures say nothing."""

    def __init__(self, by_brightness: dict[int, str]) -> None:
        self._by_brightness = by_brightness

    def probabilities(self, images: Sequence[Image], min_width_px: int = 96) -> list[Posterior]:
        return [certain(self._by_brightness.get(round(float(image.mean())), "")) for image in images]


def certain(text: str) -> Posterior:
    """Probabilities of a text that is all but certain: a step for each character, blanks between."""
    matrix = np.full((2 * len(text) + 1, CLASSES), 0.02 / CLASSES, np.float32)
    for step in range(len(matrix)):
        matrix[step, CLASS_OF[text[step // 2]] if step % 2 else BLANK] += 0.98
    return matrix


def reader(by_brightness: dict[int, str]) -> Reader:
    return Reader(Says(by_brightness), load_formats(()))


def write_labels(folder: Path, text: str, beside: str = "crops", names: tuple[str, ...] = NAMES) -> Path:
    """A CSV, and pictures of brightness 100, 110, 120 ... in a folder beside it."""
    (folder / beside).mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        cv2.imwrite(str(folder / beside / name), np.full((40, 160, 3), 100 + 10 * index, np.uint8))
    file = folder / "labels.csv"
    file.write_text(text, encoding="utf-8")
    return file


def plate(
    text: str, group: str = "", name: str = "a.png", path: Path = Path("a.png"), country: str | None = None
) -> LabelledPlate:
    return LabelledPlate(name, path, text, None, group, country=country)


def read(truth: str, said: str | None, confidence: float = 0.9, group: str = "") -> Read:
    return Read(plate(truth, group), reading(said, confidence) if said else None)


def reading(text: str, confidence: float) -> Reading:
    return Reading(text, confidence, tuple(Character(char, confidence) for char in text), (), None, 1, 1, 0)


def rows_by_group(reads: list[Read]) -> dict[str, Row]:
    return {row.group: row for row in table_rows({"r": reads})}
