"""Plates and patterns as people type them, spelled as the database does."""

from __future__ import annotations

from db.findings.plate_hashing import MARK
from pipeline.errors import UsageError
from pipeline.formats.alphabet import SEPARATORS

#: Separators that people type between a plate's groups; in a pattern the star is no separator.
_BETWEEN = {ord(char): None for char in SEPARATORS - {"*"}}
#: What stands for any text, and for any character.
WILDCARDS = frozenset("*?")


def typed(text: str) -> str:
    """A plate or pattern in capitals, nothing between the groups; a hash as it is."""
    text = text.strip()
    return text.lower() if text.startswith(MARK) else text.upper().translate(_BETWEEN)


def is_whole(wanted: str) -> bool:
    """Whether it is a plate and no pattern."""
    return WILDCARDS.isdisjoint(wanted)


def whole_plate(text: str) -> str:
    """One plate as the database spells it; raises UsageError for a pattern."""
    plate = typed(text)
    if not plate or not plate.removeprefix(MARK).isalnum():
        raise UsageError(f"{text!r} is no plate: give letters and digits, without `*` and `?`.")
    return plate
