"""All glyphs together: their strokes, their widths, and the variants that a face chooses from."""

from __future__ import annotations

from synthesis.lettering.digits import DIGITS
from synthesis.lettering.letters_a_m import FIRST_LETTERS
from synthesis.lettering.letters_n_z import LAST_LETTERS, MARKS
from synthesis.lettering.other_letters import DEVANAGARI, THAI
from synthesis.lettering.strokes import Shape, Stroke

_DRAWN = {**DIGITS, **FIRST_LETTERS, **LAST_LETTERS, **MARKS, **THAI, **DEVANAGARI}
#: Everything that a plate's number is written with, in its fixed order; marks part its groups.
NUMBER_CHARACTERS = "".join([*DIGITS, *FIRST_LETTERS, *LAST_LETTERS])
SEPARATORS = "".join(MARKS)

#: Width of a glyph's box over that of a plain one, where it differs.
_WIDTHS = {
    "1": 0.62, "0": 0.98, "A": 1.12, "B": 1.02, "D": 1.03, "E": 0.9, "F": 0.87, "G": 1.05, "H": 1.03, "I": 0.3,
    "J": 0.88, "K": 1.06, "L": 0.85, "M": 1.24, "N": 1.07, "O": 1.1, "Q": 1.12, "R": 1.03, "T": 0.98, "U": 1.02,
    "V": 1.09, "W": 1.38, "X": 1.07, "Y": 1.07, "-": 0.55, ".": 0.28, "·": 0.28, ":": 0.28, "/": 0.7,
}  # fmt: skip
#: Widths of variants that need another room than their glyph.
_VARIANT_WIDTHS = {
    "1 bar": 0.3, "1 foot": 0.8, "I serif": 0.72, "M splayed": 1.4, "W upright": 1.24, "A arched": 1.0, "M combed": 1.3,
}  # fmt: skip

#: The variants of each glyph; the empty one is what is drawn where a face chooses none.
KINDS: dict[str, tuple[str, ...]] = {
    "0": ("", "", "", "slashed", "slit", "dotted"),
    "1": ("", "", "foot", "bar", "long", "level"),
    "2": ("", "", "swan"),
    "3": ("", "", "flat"),
    "4": ("", "", "closed", "open"),
    "5": ("", "upright"),
    "6": ("", "curled", "curled", "bent"),
    "7": ("", "", "bent", "crossed", "hooked", "steep"),
    "8": ("", "even"),
    "A": ("", "", "", "low", "arched"),
    "B": ("", "even"),
    "D": ("", "full"),
    "E": ("", "even"),
    "F": ("", "low"),
    "G": ("", "", "spurred", "crossed", "plain"),
    "I": ("", "serif"),
    "J": ("", "", "barred", "short"),
    "K": ("", "met", "bridged"),
    "M": ("", "", "deep", "deep", "high", "high", "splayed", "combed"),
    "Q": ("", "long", "upright", "outside"),
    "R": ("", "upright", "from stem"),
    "S": ("", "slanted"),
    "W": ("", "", "high", "low", "upright"),
    "Y": ("", "", "short", "cupped"),
    "Z": ("", "", "", "crossed"),
}


def has_glyph(character: str) -> bool:
    """Whether a character can be drawn from strokes."""
    return character in _DRAWN


def strokes_of(character: str, shape: Shape) -> list[Stroke]:
    """Return the centre lines of a glyph in the unit box. Raises KeyError for a character that has none."""
    return _DRAWN[character](shape)


def width_of(character: str, shape: Shape) -> float:
    """Return the width of a glyph's box over that of a plain one."""
    for kind in KINDS.get(character, ()):
        name = f"{character} {kind}"
        if name in _VARIANT_WIDTHS and name in shape.kinds:
            return _VARIANT_WIDTHS[name]
    return _WIDTHS.get(character, 1.0)
