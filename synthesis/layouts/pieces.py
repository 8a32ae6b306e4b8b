"""What a number is made of: rows of pieces, each with its size and its place in the row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pipeline.formats.alphabet import CHINESE, DIGITS, LATIN

Kind: TypeAlias = Literal["plain", "stacked", "boxed", "gap", "seal", "mark"]

_READ = frozenset(LATIN + DIGITS + CHINESE)


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters that stand together, or what stands between them. Lengths are in heights of the row."""

    #: Characters in reading order; empty for a gap and a seal.
    text: str
    #: ``plain``: in a line. ``stacked``: one above the other, the upper one read first. ``boxed``: framed.
    #: ``mark``: a dash or point. ``gap`` and ``seal``: ``width`` of nothing, or of a sticker.
    kind: Kind = "plain"
    #: Height of the characters; of all of them together where they are stacked.
    height: float = 1.0
    #: Where the piece stands where it is lower than the row: 0 at its top, 1 at its foot.
    rise: float = 1.0
    width: float = 0.0
    #: Small print under a boxed piece.
    below: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a number."""

    pieces: tuple[Piece, ...]
    #: Height over that of the plate's highest row.
    height: float = 1.0

    @property
    def written(self) -> str:
        """Every character of the number in reading order, of whatever script."""
        return "".join(piece.text for piece in self.pieces if piece.kind in ("plain", "stacked", "boxed"))


def known_characters(written: str) -> str:
    """Return what of a plate's characters the reader knows: none of other scripts."""
    return "".join(char for char in written if char in _READ)
