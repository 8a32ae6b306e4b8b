"""Compares what was read in a drive with what it truly shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from synthesis.drawing.patterns import plain
from synthesis.truth import TruePlate


@dataclass(frozen=True, slots=True)
class Score:
    """Texts, as stored; each in one list only, save that ``true`` is all that ought to be found."""

    true: tuple[str, ...]
    found: tuple[str, ...]
    missed: tuple[str, ...]
    #: Read, but on no plate of the drive.
    false: tuple[str, ...]


def score(truth: Iterable[TruePlate], found: Iterable[tuple[str, float, float]]) -> Score:
    """Return which plates were read exactly.

    ``found`` holds text, first and last second. A plate that is never legible is not asked for, and no
    error if read.
    """
    plates = list(truth)
    texts = list(dict.fromkeys(plain(text) for text, _, _ in found))
    asked = tuple(plate.text for plate in plates if plate.legible)
    known = {plate.text for plate in plates}
    return Score(
        true=asked,
        found=tuple(text for text in asked if text in texts),
        missed=tuple(text for text in asked if text not in texts),
        false=tuple(text for text in texts if text not in known),
    )
