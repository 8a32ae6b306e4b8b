"""A typeface: the shape of its skeletons, its pen, and its spacing."""

from __future__ import annotations

from dataclasses import dataclass, field

from synthesis.lettering.glyphs import SEPARATORS, width_of
from synthesis.lettering.strokes import Shape

#: Thickest pen that leaves the counters open, over a plain glyph's width.
_HEAVIEST = 0.28


def heaviest(aspect: float, contrast: float) -> float:
    """Return the thickest pen for glyphs of that width, in glyph heights."""
    return aspect * _HEAVIEST / max(1.0, contrast)


@dataclass(frozen=True, slots=True)
class Typeface:
    """How one set of dies, stencils or one painter's hand writes capitals and digits. Lengths are in glyph heights."""

    name: str
    shape: Shape = field(default_factory=Shape)
    #: Thickness of level strokes, and how many times thicker upright ones are.
    weight: float = 0.13
    contrast: float = 1.0
    #: Width of a plain glyph.
    aspect: float = 0.56
    #: Digits' width over that of letters.
    digit_width: float = 1.0
    #: From 0, every glyph as wide as its form asks for, to 1, all alike.
    even_widths: float = 0.0
    #: Room between glyphs.
    gap: float = 0.13
    #: Whether strokes end square and corners are pointed.
    square: bool = False
    #: How far the top leans to the right.
    slant: float = 0.0
    #: Length of the serifs at the ends of upright strokes, to each side; 0 for none.
    serif: float = 0.0
    #: Width of the bridges that a stencil's sheet needs; 0 for none.
    bridge: float = 0.0
    #: How far a hand strays from the line.
    tremble: float = 0.0
    #: Widths of single glyphs over what they would be.
    widths: tuple[tuple[str, float], ...] = ()

    def width(self, character: str) -> float:
        """Return the width of a glyph's box."""
        own = width_of(character, self.shape) * dict(self.widths).get(character, 1.0)
        if character not in SEPARATORS:
            own += (1.0 - own) * self.even_widths
        if character.isdigit():
            own *= self.digit_width
        # A bar is as wide as its pen, and a serif needs room.
        return max(own * self.aspect, self.weight * self.contrast * 1.02) + self.serif * 0.8
