"""A tiny language for the positions of a plate, such as `LL DD LLL`.

`L` is a letter, `D` a digit, `X` either; `[A-HJ]` lists characters and ranges; `(AB|C)` lists words. `?`, `{3}` or
`{1,4}` after any of them repeats it. Spaces part groups for the human eye and mean nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = "0123456789"
_TOKEN = re.compile(r"(?P<what>[LDX]|\[[^\]]+\]|\([^)]+\))(?P<times>\?|\{\d+(?:,\d+)?\})?|(?P<space>\s+)")

#: Equally long words that may stand in a place: single characters are words of length 1.
Place: TypeAlias = frozenset[str]


@dataclass(frozen=True, slots=True)
class Shape:
    """One fixed-length reading of a pattern."""

    places: tuple[Place, ...]

    @property
    def length(self) -> int:
        return sum(len(next(iter(place))) for place in self.places)

    @property
    def texts(self) -> float:
        """How many texts fit."""
        product = 1.0
        for place in self.places:
            product *= len(place)
        return product

    def fits(self, text: str) -> bool:
        """Whether a text of the shape's length is one of its texts."""
        start = 0
        for place in self.places:
            end = start + len(next(iter(place)))
            if text[start:end] not in place:
                return False
            start = end
        return True

    def allowed(self) -> list[frozenset[str]]:
        """The characters each position may show, words taken apart."""
        return [frozenset(column) for place in self.places for column in zip(*place, strict=True)]


def shapes(form: str, never: str = "") -> list[Shape]:
    """Every fixed-length shape of a pattern; `never` is left out of `L` and `X`. Raises ValueError.

    >>> [shape.length for shape in shapes("LL D{1,2}")]
    [3, 4]
    """
    choices = [_repeated(what, low, high) for what, low, high in _tokens(form, never)]
    return [Shape(tuple(itertools.chain.from_iterable(choice))) for choice in itertools.product(*choices)]


def _tokens(form: str, never: str) -> Iterator[tuple[list[Place], int, int]]:
    position = 0
    while position < len(form):
        token = _TOKEN.match(form, position)
        if token is None:
            raise ValueError(f"The pattern {form!r} makes no sense from {form[position:]!r} on.")
        position = token.end()
        if not token["space"]:
            yield _words(token["what"], never), *_times(token["times"])


def _words(what: str, never: str) -> list[Place]:
    """The words of a token, one place for each length they have."""
    if what.startswith("("):
        words = what[1:-1].split("|")
        return [frozenset(group) for _, group in itertools.groupby(sorted(words, key=len), key=len)]
    if what.startswith("["):
        return [frozenset(_ranges(what[1:-1]))]
    pool = {"L": _LETTERS, "D": _DIGITS, "X": _LETTERS + _DIGITS}[what]
    return [frozenset(pool) - frozenset(never)]


def _ranges(listed: str) -> Iterator[str]:
    for first, last in re.findall(r"(.)(?:-(.))?", listed):
        yield from map(chr, range(ord(first), ord(last or first) + 1))


def _times(times: str | None) -> tuple[int, int]:
    if times is None:
        return 1, 1
    if times == "?":
        return 0, 1
    low, _, high = times[1:-1].partition(",")
    return int(low), int(high or low)


def _repeated(words: list[Place], low: int, high: int) -> list[tuple[Place, ...]]:
    return [choice for times in range(low, high + 1) for choice in itertools.product(words, repeat=times)]
