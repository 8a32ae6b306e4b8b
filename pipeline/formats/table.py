"""All shapes of one length, laid out so that a text is held against every one of them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.formats.alphabet import CLASS_OF, CLASSES, OTHER
from pipeline.formats.confusions import CONFUSED_WITH
from pipeline.formats.pattern import Shape


class Table:
    """Shapes of one length with their country and the probability of each single text."""

    def __init__(self, length: int, entries: Sequence[tuple[str | None, Shape, float]]) -> None:
        self._entries = entries
        self._positions = np.arange(length)
        self._characters = [shape.allowed() for _, shape, _ in entries]
        #: Shapes whose places hold one character each: what is allowed at every position fits.
        self._by_position = [len(shape.places) == length for _, shape, _ in entries]
        self._allowed = np.zeros((len(entries), length, CLASSES), dtype=np.bool_)
        for row, characters in enumerate(self._characters):
            for position, chars in enumerate(characters):
                self._allowed[row, position, [CLASS_OF[char] for char in chars if char in CLASS_OF]] = True
        self._layouts = self._first_of_each_layout()

    def densities(self, text: str) -> dict[str | None, float]:
        """Probability of the text by country."""
        found: dict[str | None, float] = defaultdict(float)
        for row in np.flatnonzero(self._fitting(text).all(axis=1)):
            country, shape, density = self._entries[row]
            if self._by_position[row] or shape.fits(text):
                found[country] += density
        return found

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
        if not self._entries:
            return []
        flat = self._allowed.reshape(len(self._entries), -1)
        return sorted(int(row) for row in np.unique(flat, axis=0, return_index=True)[1])
