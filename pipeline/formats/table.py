"""All shapes of one length, laid out so that a text is held against every one of them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.formats.alphabet import CLASS_OF, CLASSES, OTHER
from pipeline.formats.confusions import CONFUSED_WITH
from pipeline.formats.pattern import Shape


class Entry(NamedTuple):
    """A shape, who issues it, and the probability of each of its texts."""

    country: str | None
    region: str | None
    shape: Shape
    density: float


class Table:
    """All entries of one length."""

    def __init__(self, length: int, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._positions = np.arange(length)
        self._characters = [entry.shape.allowed() for entry in entries]
        #: Shapes whose places hold one character each: what is allowed at every position fits.
        self._by_position = [len(entry.shape.places) == length for entry in entries]
        self._allowed = np.zeros((len(entries), length, CLASSES), dtype=np.bool_)
        for row, characters in enumerate(self._characters):
            for position, chars in enumerate(characters):
                self._allowed[row, position, [CLASS_OF[char] for char in chars if char in CLASS_OF]] = True
        self._layouts = self._first_of_each_layout()

    def densities(self, text: str) -> dict[str | None, float]:
        """Probability of the text by country."""
        found: dict[str | None, float] = defaultdict(float)
        for entry in self._fitted_by(text):
            found[entry.country] += entry.density
        return dict(found)

    def regions(self, text: str, country: str) -> dict[str, float]:
        """Probability of the text by region, for the entries of a country that tell one."""
        found: dict[str, float] = defaultdict(float)
        for entry in self._fitted_by(text):
            if entry.country == country and entry.region is not None:
                found[entry.region] += entry.density
        return dict(found)

    def near(self, text: str, most_edits: int) -> Iterator[list[frozenset[str]]]:
        """Allowed characters per position of the shapes that the text misses in one to `most_edits` positions.

        Only shapes which allow, wherever the text misses them, something that its character is taken for.
        """
        fitting = self._fitting(text)
        misses = (~fitting).sum(axis=1)
        mendable = np.all(fitting | self._mendable(text), axis=1)
        for row in self._layouts:
            if 0 < misses[row] <= most_edits and mendable[row]:
                yield self._characters[row]

    def _fitted_by(self, text: str) -> Iterator[Entry]:
        for row in np.flatnonzero(self._fitting(text).all(axis=1)):
            entry = self._entries[row]
            if self._by_position[row] or entry.shape.fits(text):
                yield entry

    def _mendable(self, text: str) -> NDArray[np.bool_]:
        """Whether each shape allows something that each character is taken for, (shapes, length)."""
        found = np.zeros(self._allowed.shape[:2], np.bool_)
        for position, char in enumerate(text):
            others = [CLASS_OF[other] for other in CONFUSED_WITH.get(char, "")]
            found[:, position] = self._allowed[:, position, others].any(axis=1)
        return found

    def _fitting(self, text: str) -> NDArray[np.bool_]:
        """Whether each shape allows each character, (shapes, length)."""
        classes = [CLASS_OF.get(char, OTHER) for char in text]
        return self._allowed[:, self._positions, classes]

    def _first_of_each_layout(self) -> list[int]:
        first: dict[bytes, int] = {}
        for row, allowed in enumerate(self._allowed):
            first.setdefault(allowed.tobytes(), row)
        return list(first.values())
