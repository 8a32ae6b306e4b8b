"""The characters that the plate reader knows, in the order of its classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.formats.alphabet import CHINESE, DIGITS, LATIN, SAID_FOREIGN, plate_characters

#: What a plate can say: digits, Latin capitals, mainland provinces and the marks of special Chinese plates, and letters
#: of other scripts as such: without that class they are turned into Latin ones that look like them. The base model
#: knows no Cyrillic, so there is nothing to cut out for it.
CHARACTERS = DIGITS + LATIN + CHINESE + SAID_FOREIGN
#: CTC's blank is class 0 and a space the last one, because PaddleOCR's decoder adds both to every list of characters.
BLANK = 0
SPACE = len(CHARACTERS) + 1
CLASSES = len(CHARACTERS) + 2
#: So many letters of another script in a row are a word.
_WORD = re.compile(SAID_FOREIGN + "{4,}")
_CLASS_OF = {char: index + 1 for index, char in enumerate(CHARACTERS)}

#: Classes of a text, none of them blank.
Target: TypeAlias = tuple[int, ...]


def encoded(text: str) -> Target:
    """Return the classes of a text.

    >>> encoded("A0")
    (11, 1)

    Raises KeyError for a character that no plate of the material carries.
    """
    return tuple(_CLASS_OF[char] for char in text)


def said(written: str) -> str:
    """Return what the reader is to say of what is written.

    Marks between groups are not said, nor are words of other scripts: those are names of places.

    >>> said("29 오-3306"), said("Ü1"), said("38 السعودية 2049")
    ('29□3306', 'U1', '382049')
    """
    letters = "".join(_said(char) for char in written if char.isalnum())
    return _WORD.sub("", letters)


def _said(char: str) -> str:
    looks = char if char in _CLASS_OF else plate_characters(char)[:1]
    return looks if looks in _CLASS_OF else SAID_FOREIGN


def readable(text: str) -> bool:
    """Whether every character of the text has a class."""
    return all(char in _CLASS_OF for char in text)


def greedy(classes: Sequence[int]) -> str:
    """Return what the likeliest class of each step says: repeats once, blanks and spaces not at all.

    >>> greedy([11, 11, 0, 11, 1])
    'AA0'
    """
    changes = [c for c, before in zip(classes, [BLANK, *classes[:-1]], strict=True) if c != before]
    return "".join(CHARACTERS[c - 1] for c in changes if c not in (BLANK, SPACE))


def columns_in(charset: Sequence[str]) -> NDArray[np.intp]:
    """Return the base model's class of each of ours; `charset` are its characters without blank and space."""
    position = {char: index + 1 for index, char in enumerate(charset)}
    return np.array([BLANK, *(position[char] for char in CHARACTERS), len(charset) + 1], dtype=np.intp)
