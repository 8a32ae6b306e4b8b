"""Characters at random: groups, words, marks between groups, and characters of other scripts."""

from __future__ import annotations

import numpy as np

from pipeline.formats.alphabet import DIGITS, LATIN
from synthesis.layouts.pieces import Piece
from synthesis.lettering.other_letters import DEVANAGARI, THAI

Rng = np.random.Generator

_CONSONANTS, _VOWELS = "BCDFGHJKLMNPQRSTVWXYZ", "AEIOU"
_MIXED = DIGITS + LATIN.replace("I", "").replace("O", "")
#: Share of private words that hold a digit.
_WORD_WITH_DIGIT = 0.2
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
#: Last characters of police, driving-school, trailer and cross-border plates, and of consulates.
_SPECIAL = "警学挂港澳领试超"
#: Letters that plates of other scripts put beside their digits. Left out are those that look like what is read: an
#: Arabic alif is a 1 and a waw a 9, a Cyrillic Ze a 3.
SCRIPTS = {
    "arabic": "بتجدرسصطعقكمني",
    "cyrillic": "ГДЖИЙЛПФЦШЩЮЯЄ",
    "hangul": "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주바사아자배하허호",
    "kana": "あいうえかきくけこさすせそたちつてとなにぬねのはひふほまみむめもやゆよらりるろ",
    "thai": "".join(THAI),
    "devanagari": "".join(DEVANAGARI),
}
JAPANESE_PLACES = (
    "品",
    "横浜",
    "大阪",
    "名古屋",
    "札幌",
    "神戸",
    "練馬",
    "足立",
    "福岡",
    "岡山",
    "大宮",
    "八王子",
    "千葉",
    "長野",
)
ARABIC_WORDS = ("دبي", "الامارات", "مصر", "العراق", "السعودية", "المغرب", "لبنان", "قطر")


def pick(rng: Rng, among: str | tuple[str, ...]) -> str:
    """Return one of these, all of them alike likely."""
    return among[int(rng.integers(len(among)))]


def letters(rng: Rng, count: int) -> str:
    """Return capitals."""
    return "".join(pick(rng, LATIN) for _ in range(count))


def digits(rng: Rng, count: int) -> str:
    """Return digits; one in twelve of the longer numbers repeats a single one."""
    if count > 2 and rng.random() < 1 / 12:
        return pick(rng, DIGITS) * count
    return "".join(pick(rng, DIGITS) for _ in range(count))


def group(rng: Rng, length: int) -> str:
    """Return letters, digits, or both mixed; mixed ones without ``I`` and ``O``, which look like digits."""
    kind = rng.random()
    if kind < 0.36:
        return letters(rng, length)
    return digits(rng, length) if kind < 0.76 else "".join(pick(rng, _MIXED) for _ in range(length))


def word(rng: Rng, length: int) -> str:
    """Return letters that could be spoken, as private marks have them; now and then with a digit."""
    first = int(rng.integers(2))
    spoken = [pick(rng, (_CONSONANTS, _VOWELS)[(first + place) % 2]) for place in range(length)]
    if rng.random() < _WORD_WITH_DIGIT:
        spoken[int(rng.integers(length))] = pick(rng, DIGITS)
    return "".join(spoken)


def foreign(rng: Rng, count: int) -> str:
    """Return letters of one other script."""
    script = SCRIPTS[pick(rng, tuple(SCRIPTS))]
    return "".join(pick(rng, script) for _ in range(count))


def chinese(rng: Rng, count: int, marked: float = 0.4) -> tuple[str, str]:
    """Return a mainland number in two groups, ``count`` characters after the region; a share with a special mark."""
    tail = "".join(pick(rng, DIGITS if rng.random() < 0.75 else LATIN) for _ in range(count))
    if rng.random() < marked:
        tail = tail[:-1] + pick(rng, _SPECIAL)
    return pick(rng, PROVINCES) + pick(rng, "ABCDEFGHJKLMNPQRSTUVWXYZ"), tail


def between(rng: Rng) -> Piece | None:
    """Return what parts two groups: a gap, a dash, a point, a seal, or nothing."""
    kind = rng.random()
    if kind < 0.42:
        return Piece("", "gap", width=float(rng.uniform(0.12, 0.55)))
    if kind < 0.6:
        return Piece("-", "mark")
    if kind < 0.68:
        return Piece(pick(rng, "·.:"), "mark")
    if kind < 0.82:
        return Piece("", "seal", width=float(rng.uniform(0.22, 0.5)))
    return None


def grouped(pieces: list[Piece], rng: Rng) -> tuple[Piece, ...]:
    """Return pieces with what parts them."""
    parted = [pieces[0]]
    for piece in pieces[1:]:
        mark = between(rng)
        parted += [mark, piece] if mark else [piece]
    return tuple(parted)


def lengths(rng: Rng, least: int, most: int) -> list[int]:
    """Return the lengths of one to four groups of ``least`` to ``most`` characters in all."""
    total = int(rng.integers(least, most + 1))
    parts: list[int] = []
    while total:
        parts.append(min(total, int(rng.choice([1, 2, 3, 4, 5], p=[0.15, 0.3, 0.3, 0.18, 0.07]))))
        total -= parts[-1]
    if len(parts) > 4:
        parts = [*parts[:3], sum(parts[3:])]
    return parts
