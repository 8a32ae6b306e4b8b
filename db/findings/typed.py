"""Plates and patterns as people type them, spelled as the database does."""

from __future__ import annotations

import unicodedata

from db.findings.plate_hashing import MARK
from pipeline.errors import UsageError
from pipeline.formats.alphabet import CLASS_OF, SEPARATORS, plate_characters

#: What stands for any text, and for any character.
WILDCARDS = frozenset("*?")
#: What people type between a plate's groups; in a pattern the star is none. LIKE has a use for the backslash.
_BETWEEN = (SEPARATORS | {"\\"}) - WILDCARDS


def typed(text: str) -> str:
    """A plate or pattern in capitals, nothing between the groups, as the reader spells plates; a hash as it is.

    >>> typed("m-üß 1"), typed("粵B･１２"), typed("ka05\\t＊")
    ('MUB1', '粤B12', 'KA05*')
    """
    text = text.strip()
    return text.lower() if text.startswith(MARK) else "".join(map(_spelled, text))


def _spelled(char: str) -> str:
    """A character as plates have it: a full-width, accented or traditional one as what it looks like."""
    capital = char.upper() if len(char.upper()) == 1 else char
    if capital in CLASS_OF or capital in WILDCARDS:
        return capital
    # White space, and what nobody sees.
    if char in _BETWEEN or unicodedata.category(char)[0] in "ZC":
        return ""
    plain = unicodedata.normalize("NFKD", char)[:1]
    if plain in WILDCARDS or plain in _BETWEEN:
        return plain if plain in WILDCARDS else ""
    return plate_characters(capital)[:1] or char


def is_whole(wanted: str) -> bool:
    """Whether it is a plate and no pattern."""
    return WILDCARDS.isdisjoint(wanted)


def whole_plate(text: str) -> str:
    """One plate as the database spells it; raises UsageError for a pattern."""
    plate = typed(text)
    if not plate or not plate.removeprefix(MARK).isalnum():
        raise UsageError(f"{text!r} is no plate: give letters and digits, without `*` and `?`.")
    return plate
