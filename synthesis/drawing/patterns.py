"""Plate numbers as each country issues them, from a seeded generator."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

Rng = np.random.Generator

#: Most authorities leave out letters that look like digits.
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXY"
_CITIES_DE = ("B", "M", "F", "K", "S", "HH", "DA", "KA", "HD", "MZ", "LEV", "WES", "FDS")
_CITIES_RO = ("B", "CJ", "TM", "BV", "AR", "SB", "MS", "BH")
_STATES_IN = ("MH", "DL", "KA", "TN", "GJ", "UP", "RJ", "WB", "HR", "KL")
_CITIES_PL = ("WA", "WX", "KR", "PK", "GD", "DW", "EL", "SK", "WPR", "KRA")
_PROVINCES_CN = "粤京沪苏浙鲁川鄂"
_DUTCH = "BDFGHJKLNPRSTVXZ"
_VIETNAMESE = "ABCDEFGHKLMNPSTUVXYZ"


def _pick(rng: Rng, among: str | tuple[str, ...]) -> str:
    return among[int(rng.integers(len(among)))]


def _letters(rng: Rng, count: int, among: str = _LETTERS) -> str:
    return "".join(_pick(rng, among) for _ in range(count))


def _digits(rng: Rng, count: int) -> str:
    """Return digits, the first of them not 0."""
    return str(int(rng.integers(10 ** (count - 1), 10**count)))


def _number(rng: Rng, count: int) -> str:
    return f"{int(rng.integers(1, 10**count)):0{count}d}"


def _gb(rng: Rng) -> str:
    age = int(rng.integers(5, 26)) + (50 if rng.random() < 0.5 else 0)
    return f"{_letters(rng, 2)}{age:02d} {_letters(rng, 3)}"


def _hk(rng: Rng) -> str:
    return f"{_letters(rng, 2)} {_digits(rng, int(rng.choice([3, 4, 4])))}"


def _de(rng: Rng) -> str:
    letters, digits = _letters(rng, int(rng.integers(1, 3))), _digits(rng, int(rng.integers(3, 5)))
    return f"{_pick(rng, _CITIES_DE)} {letters} {digits}"


def _fr(rng: Rng) -> str:
    return f"{_letters(rng, 2)}-{_number(rng, 3)}-{_letters(rng, 2)}"


def _nl(rng: Rng) -> str:
    return f"{_letters(rng, 2, _DUTCH)}-{_number(rng, 3)}-{_letters(rng, 1, _DUTCH)}"


def _ro(rng: Rng) -> str:
    city = _pick(rng, _CITIES_RO)
    return f"{city} {_digits(rng, 3 if city == 'B' else 2)} {_letters(rng, 3)}"


def _pl(rng: Rng) -> str:
    city = _pick(rng, _CITIES_PL)
    return f"{city} {_number(rng, 5)}" if len(city) == 2 else f"{city} {_letters(rng, 2)}{_number(rng, 3)}"


def _vn(rng: Rng) -> str:
    return f"{int(rng.integers(11, 99))}{_letters(rng, 1, _VIETNAMESE)}-{_number(rng, 3)}.{_number(rng, 2)}"


def _br(rng: Rng) -> str:
    return f"{_letters(rng, 3)}{_number(rng, 1)}{_letters(rng, 1)}{_number(rng, 2)}"


def _us(rng: Rng) -> str:
    return f"{_letters(rng, 3)} {_digits(rng, 4)}"


def _us_ca(rng: Rng) -> str:
    return f"{_digits(rng, 1)}{_letters(rng, 3)}{_number(rng, 3)}"


def _in(rng: Rng) -> str:
    return f"{_pick(rng, _STATES_IN)} {_digits(rng, 2)} {_letters(rng, 2)} {_digits(rng, 4)}"


def _cn(rng: Rng) -> str:
    return f"{_pick(rng, _PROVINCES_CN)}{_letters(rng, 1)}·{_letters(rng, 1)}{_number(rng, 4)}"


def _cn_green(rng: Rng) -> str:
    return f"{_pick(rng, _PROVINCES_CN)}{_letters(rng, 1)}·D{_number(rng, 5)}"


#: Per numbering: its generator, and what the text looks like once spaces and dashes are gone.
PATTERNS: dict[str, tuple[Callable[[Rng], str], re.Pattern[str]]] = {
    "GB": (_gb, re.compile(r"[A-Z]{2}\d{2}[A-Z]{3}")),
    "HK": (_hk, re.compile(r"[A-Z]{2}[1-9]\d{2,3}")),
    "DE": (_de, re.compile(r"[A-Z]{2,5}[1-9]\d{2,3}")),
    "FR": (_fr, re.compile(r"[A-Z]{2}\d{3}[A-Z]{2}")),
    "NL": (_nl, re.compile(r"[A-Z]{2}\d{3}[A-Z]")),
    "RO": (_ro, re.compile(r"(B\d{3}|[A-Z]{2}\d{2})[A-Z]{3}")),
    "PL": (_pl, re.compile(r"[A-Z]{2}\d{5}|[A-Z]{5}\d{3}")),
    "VN": (_vn, re.compile(r"\d{2}[A-Z]\d{5}")),
    "BR": (_br, re.compile(r"[A-Z]{3}\d[A-Z]\d{2}")),
    "US": (_us, re.compile(r"[A-Z]{3}\d{4}")),
    "US-CA": (_us_ca, re.compile(r"\d[A-Z]{3}\d{3}")),
    "IN": (_in, re.compile(r"[A-Z]{2}\d{2}[A-Z]{2}\d{4}")),
    "CN": (_cn, re.compile(r"[\u4e00-\u9fff][A-Z][A-Z]\d{4}")),
    "CN-green": (_cn_green, re.compile(r"[\u4e00-\u9fff][A-Z]D\d{5}")),
}


def written(numbering: str, rng: Rng) -> str:
    """Return a new number as it stands on the plate, with its spaces, dashes and dots."""
    return PATTERNS[numbering][0](rng)


def plain(text: str) -> str:
    """Return a number as it is stored and searched: letters and digits only, capitals."""
    return "".join(character for character in text.upper() if character.isalnum())
