"""What is written on a plate of no country: its rows, their pieces, and the size and place of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from synthesis.layouts.characters import (
    ARABIC_WORDS,
    JAPANESE_PLACES,
    SCRIPTS,
    chinese,
    digits,
    foreign,
    group,
    grouped,
    lengths,
    letters,
    pick,
    word,
)
from synthesis.layouts.pieces import Piece, Row

Rng = np.random.Generator
Rows = tuple[Row, ...]


def any_number(rows: int, rng: Rng) -> Rows:
    """Invent a number in one row, two or three."""
    makers, shares = {1: _ONE_ROW, 2: _TWO_ROWS, 3: _THREE_ROWS}[rows]
    return makers[int(rng.choice(len(makers), p=shares))](rng)


def given_number(written: str, rows: int, rng: Rng) -> Rows:
    """Set a whole given text: its groups are parted by spaces, dashes or points, its rows as the groups allow."""
    groups = [part for part in re.split(r"[ .·:-]+", written) if part]
    while len(groups) < rows:
        longest = max(range(len(groups)), key=lambda n: len(groups[n]))
        half = max(1, len(groups[longest]) // 2)
        groups[longest : longest + 1] = [groups[longest][:half], groups[longest][half:]]
    cuts = [round(len(groups) * row / rows) for row in range(rows + 1)]
    parts = [groups[start:end] for start, end in pairwise(cuts)]
    return tuple(Row(grouped([Piece(text) for text in some], rng)) for some in parts)


def _plain(rng: Rng) -> Rows:
    return (Row(grouped([Piece(group(rng, length)) for length in lengths(rng, 4, 9)], rng)),)


def _two_sizes(rng: Rng) -> Rows:
    """Small letters beside large digits, or the other way round, on one foot, hanging or in the middle."""
    small, rise = float(rng.uniform(0.5, 0.86)), float(rng.choice([0.0, 0.5, 1.0], p=[0.25, 0.25, 0.5]))
    large_digits = rng.random() < 0.8
    parts = lengths(rng, 5, 8)
    digit_first = int(rng.integers(2))
    pieces = []
    for place, length in enumerate(parts if len(parts) > 1 else [2, parts[0] - 2]):
        is_digits = (place + digit_first) % 2 == 0
        text = digits(rng, length) if is_digits else letters(rng, length)
        pieces.append(Piece(text, height=1.0 if is_digits == large_digits else small, rise=rise))
    return (Row(grouped(pieces, rng)),)


def _with_region(rng: Rng) -> Rows:
    """A letter, digits, letters, and the region in a corner of its own, boxed or not, over small print."""
    small = float(rng.uniform(0.7, 1.0))
    region = Piece(
        digits(rng, int(rng.integers(2, 4))),
        "boxed" if rng.random() < 0.7 else "plain",
        height=float(rng.uniform(0.5, 0.68)),
        rise=0.0,
        below=pick(rng, ("RUS", "KZ", "UA", "BY", "GE", "AM", "UZ", "XYZ", "")),
    )
    head, tail = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    body = [
        Piece(letters(rng, head), height=small),
        Piece(digits(rng, int(rng.integers(2, 5 - (head + tail > 3))))),
        Piece(letters(rng, tail), height=small),
    ]
    gap = Piece("", "gap", width=float(rng.uniform(0.08, 0.3)))
    pieces = [region, gap, *body] if rng.random() < 0.15 else [*body, gap, region]
    return (Row(tuple(pieces)),)


def _with_stack(rng: Rng) -> Rows:
    """Two or three small characters above each other beside large ones, first, in the middle or last."""
    count = 3 if rng.random() < 0.12 else 2
    small = letters(rng, count) if rng.random() < 0.7 else digits(rng, count)
    stack = Piece(small, "stacked", height=float(rng.uniform(0.88, 1.06)))
    large = [Piece(group(rng, length)) for length in lengths(rng, 3, 6)][:3]
    large.insert(int(rng.choice([0, len(large), len(large) // 2], p=[0.4, 0.4, 0.2])), stack)
    gap = Piece("", "gap", width=float(rng.uniform(0.03, 0.2)))
    return (Row(tuple(piece for part in large for piece in (part, gap))[:-1]),)


def _with_superscript(rng: Rng) -> Rows:
    """A raised or lowered small group among large ones."""
    parts = [Piece(group(rng, length)) for length in lengths(rng, 4, 7)][:3]
    small = Piece(
        group(rng, int(rng.integers(1, 3))),
        "boxed" if rng.random() < 0.25 else "plain",
        height=float(rng.uniform(0.38, 0.62)),
        rise=float(rng.choice([0.0, 1.0], p=[0.75, 0.25])),
    )
    parts.insert(int(rng.integers(0 if rng.random() < 0.3 else 1, len(parts) + 1)), small)
    gap = Piece("", "gap", width=float(rng.uniform(0.04, 0.16)))
    return (Row(tuple(piece for part in parts for piece in (part, gap))[:-1]),)


def _worded(rng: Rng) -> Rows:
    text = word(rng, int(rng.integers(4, 9)))
    if rng.random() < 0.3:
        cut = int(rng.integers(1, len(text)))
        return (Row(grouped([Piece(text[:cut]), Piece(text[cut:])], rng)),)
    return (Row((Piece(text),)),)


def _mainland(rng: Rng) -> Rows:
    head, tail = chinese(rng, 6 if rng.random() < 0.2 else 5)
    return (Row((Piece(head), Piece("·", "mark") if rng.random() < 0.8 else Piece("", "gap", width=0.2), Piece(tail))),)


def _beside_other_script(rng: Rng) -> Rows:
    """Digits, and a letter or three of another script among them; some with Latin letters too."""
    letter = foreign(rng, int(rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1])))
    parts = [Piece(digits(rng, int(rng.integers(2, 4)))), Piece(digits(rng, int(rng.integers(2, 5))))]
    if rng.random() < 0.25:
        parts[0] = Piece(letters(rng, int(rng.integers(1, 4))))
    parts.insert(int(rng.integers(3)), Piece(letter, height=float(rng.uniform(0.6, 1.0)), rise=0.5))
    return (Row(grouped(parts, rng)),)


def _two_plain(rng: Rng) -> Rows:
    upper = [Piece(group(rng, length)) for length in lengths(rng, 1, 4)]
    lower = [Piece(group(rng, length)) for length in lengths(rng, 3, 5)]
    first, second = _row_heights(rng)
    return Row(grouped(upper, rng), first), Row(grouped(lower, rng), second)


def _row_heights(rng: Rng) -> tuple[float, float]:
    """Alike mostly; or the upper row lower, or the lower one."""
    kind, low = rng.random(), float(rng.uniform(0.45, 0.88))
    return (1.0, 1.0) if kind < 0.45 else (low, 1.0) if kind < 0.85 else (1.0, max(low, 0.6))


def _two_with_year(rng: Rng) -> Rows:
    """Letters with two small digits in the upper row, a number below, as Punjab has it."""
    year = Piece(digits(rng, 2), height=float(rng.uniform(0.4, 0.75)), rise=float(rng.choice([0.0, 0.4, 1.0])))
    mark = pick(rng, ("-", "·", ""))
    part = Piece(mark, "mark") if mark else Piece("", "gap", width=float(rng.uniform(0.15, 0.9)))
    upper = (Piece(letters(rng, int(rng.integers(2, 4)))), part, year)
    return Row(upper, float(rng.uniform(0.75, 1.0))), Row((Piece(digits(rng, int(rng.integers(2, 5)))),))


def _two_with_small(rng: Rng) -> Rows:
    """Two rows, one of them with a small raised, stacked or boxed piece."""
    rows = [
        [Piece(group(rng, int(rng.integers(1, 4))))],
        [Piece(group(rng, int(rng.integers(2, 5))))],
    ]
    kind = rng.random()
    small = (
        Piece(letters(rng, 2), "stacked")
        if kind < 0.35
        else Piece(group(rng, int(rng.integers(1, 3))), "boxed" if kind < 0.6 else "plain",
                   height=float(rng.uniform(0.5, 0.75)), rise=float(rng.choice([0.0, 0.5, 1.0])))
    )  # fmt: skip
    row = rows[int(rng.integers(2))]
    gap = Piece("", "gap", width=float(rng.uniform(0.1, 0.4)))
    row[:] = [small, gap, *row] if rng.random() < 0.4 else [*row, gap, small]
    first, second = _row_heights(rng)
    return Row(tuple(rows[0]), first), Row(tuple(rows[1]), second)


def _two_worded(rng: Rng) -> Rows:
    first, second = _row_heights(rng)
    upper = word(rng, int(rng.integers(2, 6)))
    lower = word(rng, int(rng.integers(2, 6))) if rng.random() < 0.5 else digits(rng, int(rng.integers(2, 5)))
    return Row((Piece(upper),), first), Row((Piece(lower),), second)


def _two_mainland(rng: Rng) -> Rows:
    head, tail = chinese(rng, 5)
    return Row((Piece(head[0]), Piece("·", "mark"), Piece(head[1])), float(rng.uniform(0.5, 0.8))), Row((Piece(tail),))


def _japanese(rng: Rng) -> Rows:
    """A place and a class above, a small Kana and four digits below."""
    upper = (
        Piece(pick(rng, JAPANESE_PLACES)),
        Piece("", "gap", width=0.25),
        Piece(digits(rng, int(rng.integers(2, 4)))),
    )
    number = digits(rng, 4)
    lower = (
        Piece(pick(rng, SCRIPTS["kana"]), height=0.45, rise=0.5),
        Piece("", "gap", width=0.12),
        Piece(number[:2]),
        Piece("-", "mark"),
        Piece(number[2:]),
    )
    return Row(upper, float(rng.uniform(0.45, 0.6))), Row(lower)


def _two_beside_other_script(rng: Rng) -> Rows:
    """A word of another script, perhaps with a number, over the digits, or under them."""
    other = [Piece(pick(rng, ARABIC_WORDS) if rng.random() < 0.4 else foreign(rng, int(rng.integers(1, 4))))]
    if rng.random() < 0.6:
        other.insert(int(rng.integers(2)), Piece(group(rng, int(rng.integers(1, 4)))))
    part = Piece("", "gap", width=float(rng.uniform(0.15, 0.5)))
    pieces = tuple(piece for one in other for piece in (one, part))[:-1]
    rows = [Row(pieces, float(rng.uniform(0.45, 0.8))), Row((Piece(digits(rng, int(rng.integers(3, 6)))),))]
    return tuple(rows if rng.random() < 0.75 else rows[::-1])


def _three(rng: Rng) -> Rows:
    heights = [1.0, 1.0, 1.0]
    if rng.random() < 0.6:
        heights[int(rng.integers(3))] = float(rng.uniform(0.5, 0.9))
    counts = [int(n) for n in rng.integers(1, 4, 3)]
    counts[2] = max(counts[2], 4 - counts[0] - counts[1])
    return tuple(Row((Piece(group(rng, count)),), height) for count, height in zip(counts, heights, strict=True))


def _three_worded(rng: Rng) -> Rows:
    return tuple(Row((Piece(word(rng, int(rng.integers(2, 4)))),)) for _ in range(3))


def _three_beside_other_script(rng: Rng) -> Rows:
    upper, middle = sorted([Row((Piece(pick(rng, ARABIC_WORDS)),), 0.55), Row((Piece(group(rng, 2)),), 0.7)],
                           key=lambda _: rng.random())  # fmt: skip
    return upper, middle, Row((Piece(digits(rng, int(rng.integers(3, 5)))),))


_Makers = tuple[tuple[Callable[[Rng], Rows], ...], tuple[float, ...]]
_ONE_ROW: _Makers = (
    (_plain, _two_sizes, _with_region, _with_stack, _with_superscript, _worded, _mainland, _beside_other_script),
    (0.39, 0.12, 0.06, 0.08, 0.06, 0.15, 0.07, 0.07),
)
_TWO_ROWS: _Makers = (
    (_two_plain, _two_with_year, _two_with_small, _two_worded, _two_mainland, _japanese, _two_beside_other_script),
    (0.47, 0.1, 0.12, 0.1, 0.06, 0.06, 0.09),
)
_THREE_ROWS: _Makers = ((_three, _three_worded, _three_beside_other_script), (0.7, 0.15, 0.15))
