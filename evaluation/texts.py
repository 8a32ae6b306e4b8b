"""Compares plate texts: exactly, with look-alikes taken for the same, and character by character.

And tells which of the texts that an OCR finds anywhere could be plates.
"""

from __future__ import annotations

import re

from rapidfuzz.distance import Levenshtein

from pipeline.formats.confusions import folded

#: Characters of a plate, shortest and longest.
SHORTEST, LONGEST = 4, 10
_OTHER = re.compile("[^A-Z0-9]+")


def same_folded(a: str, b: str) -> bool:
    """Whether two texts say the same but for O and 0, I and 1."""
    return folded(a) == folded(b)


def characters_wrong(truth: str, said: str) -> int:
    """Characters to exchange, add or take away from one to the other, never more than the truth has.

    The bound keeps a long wrong text from costing more than nothing read at all.
    """
    return min(len(truth), Levenshtein.distance(truth, said))


def normalised(text: str) -> str:
    """A text as plates are compared: capitals and digits alone, as in `R 298-oty` -> `R298OTY`."""
    return _OTHER.sub("", text.upper())


def could_be_plate(text: str) -> bool:
    """Whether a normalised text has a plate's length."""
    return SHORTEST <= len(text) <= LONGEST
