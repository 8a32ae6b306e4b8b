"""Thirty faces of plates, after what authorities publish of their letters and what painters do; drawn by ourselves.

They follow the character of a face (its proportions, its pen, the forms of its telling glyphs), not its outlines.
"""

from __future__ import annotations

from synthesis.lettering.strokes import Shape
from synthesis.lettering.typeface import Typeface


def _kinds(kinds: str) -> frozenset[str]:
    """Return variants of glyphs that are written with commas between them."""
    return frozenset(kinds.split(", "))


_ALL = (
    # Germany's: no two glyphs can be made into each other, so each has corners and gaps of its own.
    Typeface(
        "FE-Schrift",
        Shape(
            0.3,
            2.3,
            4,
            0.48,
            12,
            0.0,
            _kinds(
                "0 slit, 1 level, 3 flat, 4 closed, 6 bent, 7 steep, B even, G spurred, I serif, J barred, M high, "
                "Q upright, R upright, W high"
            ),
        ),
        weight=0.135,
        aspect=0.56,
        even_widths=0.7,
        gap=0.12,
    ),
    Typeface(
        "DIN 1451 Mittelschrift",
        Shape(0.27, 2.1, kinds=_kinds("G plain, M high, K met")),
        weight=0.14,
        gap=0.13,
        square=True,
    ),
    Typeface(
        "DIN 1451 Engschrift", Shape(0.2, 2.1, kinds=_kinds("G plain, M high")), weight=0.13, aspect=0.42, square=True
    ),
    # Britain's, and since 2001 its heavier, narrower successor.
    Typeface(
        "Charles Wright 1935",
        Shape(0.26, 2.2, kinds=_kinds("1 bar, 4 closed, G spurred, M deep, Q long")),
        weight=0.16,
        aspect=0.66,
        square=True,
        gap=0.14,
    ),
    Typeface(
        "Charles Wright 2001",
        Shape(0.22, 2.4, kinds=_kinds("1 bar, 4 closed, M deep, 6 curled, I serif")),
        weight=0.175,
        aspect=0.6,
        even_widths=0.4,
        square=True,
        gap=0.14,
    ),
    Typeface(
        "Mandatory",
        Shape(0.2, 2.6, kinds=_kinds("1 bar, 4 closed, G plain, M deep, W high")),
        weight=0.17,
        aspect=0.58,
        square=True,
        even_widths=0.3,
    ),
    Typeface(
        "GOST R 50577",
        Shape(0.3, 2.2, kinds=_kinds("3 flat, 4 closed, 7 bent, M deep")),
        weight=0.12,
        aspect=0.6,
        square=True,
        digit_width=1.05,
    ),
    Typeface(
        "Highway Gothic C",
        Shape(0.24, 2.1, kinds=_kinds("4 closed, 6 curled, G plain, M deep, W high")),
        weight=0.14,
        aspect=0.55,
        square=True,
    ),
    Typeface(
        "Highway Gothic E",
        Shape(0.36, 2.1, kinds=_kinds("4 closed, 6 curled, G plain")),
        weight=0.16,
        aspect=0.8,
        square=True,
    ),
    # Dies of the prisons that stamp North America's plates: thin, round-ended, narrow.
    Typeface(
        "Penitentiary dies",
        Shape(0.18, 2.4, kinds=_kinds("1 level, 4 closed, 6 curled, I serif, Q long")),
        weight=0.105,
        aspect=0.44,
        gap=0.15,
    ),
    Typeface(
        "Penitentiary dies, wide",
        Shape(0.26, 2.2, kinds=_kinds("1 foot, 3 flat, 6 curled, 7 hooked")),
        weight=0.12,
        aspect=0.55,
        gap=0.16,
    ),
    Typeface(
        "Californian dies",
        Shape(0.22, 2.6, kinds=_kinds("1 level, 4 closed, 6 curled, G plain, M high")),
        weight=0.125,
        aspect=0.47,
        gap=0.14,
    ),
    Typeface(
        "Kenteken",
        Shape(0.26, 3.0, kinds=_kinds("0 slit, 4 closed, 6 curled, J barred, R upright, G spurred")),
        weight=0.14,
        aspect=0.56,
        even_widths=0.5,
    ),
    Typeface(
        "Drescher",
        Shape(0.3, 2.5, kinds=_kinds("4 open, 6 bent, G plain, W low")),
        weight=0.155,
        aspect=0.5,
        square=True,
    ),
    Typeface(
        "Swedish",
        Shape(0.3, 2.3, kinds=_kinds("4 closed, 6 curled, M high, G plain")),
        weight=0.12,
        aspect=0.58,
        square=True,
    ),
    Typeface(
        "Norwegian",
        Shape(0.3, 2.1, kinds=_kinds("1 foot, 3 flat, 4 closed, I serif, 6 bent")),
        weight=0.125,
        aspect=0.56,
        even_widths=0.5,
    ),
    Typeface("Danish", Shape(0.24, 2.2, kinds=_kinds("6 curled, K met, G spurred")), weight=0.12, aspect=0.5),
    Typeface(
        "French",
        Shape(0.3, 2.0, kinds=_kinds("4 closed, 6 bent, G plain, M splayed, R from stem")),
        weight=0.13,
        aspect=0.58,
        square=True,
    ),
    Typeface(
        "Swiss",
        Shape(0.4, 2.0, kinds=_kinds("1 level, 4 closed, G plain, M deep")),
        weight=0.11,
        aspect=0.66,
        square=True,
        contrast=1.1,
    ),
    Typeface(
        "Zurich condensed",
        Shape(0.22, 2.4, kinds=_kinds("1 level, 4 closed, 6 curled, G spurred, R upright, M deep")),
        weight=0.13,
        contrast=1.15,
        aspect=0.5,
        square=True,
    ),
    Typeface(
        "Italian", Shape(0.34, 2.2, kinds=_kinds("1 level, 4 closed, 7 bent, 2 swan, M high")), weight=0.115, aspect=0.6
    ),
    Typeface(
        "Polish",
        Shape(0.28, 2.2, kinds=_kinds("0 slit, 1 long, 3 flat, 4 open, 7 hooked, Z crossed")),
        weight=0.125,
        aspect=0.52,
    ),
    Typeface("Belgian", Shape(0.26, 2.0, kinds=_kinds("1 level, 3 flat, 6 bent, W low")), weight=0.12, aspect=0.56),
    Typeface("Japanese", Shape(0.22, 2.2, kinds=_kinds("1 bar, 6 bent, 7 bent, 4 closed")), weight=0.11, aspect=0.52),
    Typeface(
        "Australian", Shape(0.22, 3.0, kinds=_kinds("1 bar, 4 closed, 6 curled, M high")), weight=0.125, aspect=0.5
    ),
    # India's: what the rule asks for, what painters make of it, and the serifs of Karachi's workshops.
    Typeface(
        "Indian high security",
        Shape(0.3, 2.1, kinds=_kinds("1 level, 4 closed, 6 bent, M deep")),
        weight=0.13,
        aspect=0.6,
        square=True,
    ),
    Typeface(
        "Painter's brush",
        Shape(0.34, 1.9, kinds=_kinds("1 foot, 2 swan, 4 open, 7 crossed")),
        weight=0.14,
        aspect=0.6,
        tremble=0.04,
    ),
    Typeface(
        "Painter's serifs",
        Shape(0.42, 2.0, kinds=_kinds("4 closed, 6 bent, R upright")),
        weight=0.1,
        contrast=1.7,
        aspect=0.7,
        serif=0.1,
        square=True,
    ),
    Typeface(
        "Lorry stencil", Shape(0.3, 2.0, kinds=_kinds("4 closed")), weight=0.15, aspect=0.6, bridge=0.07, square=True
    ),
    Typeface(
        "Bevelled",
        Shape(0.2, 2.0, 1, kinds=_kinds("4 closed, 6 curled, 8 even, S slanted")),
        weight=0.14,
        aspect=0.56,
        square=True,
    ),
    Typeface(
        "Segments",
        Shape(
            0.2,
            2.0,
            1,
            kinds=_kinds(
                "2 square, 3 square, 4 square, 5 square, 6 square, 8 square, A arched, 7 hooked, S slanted, 1 bar"
            ),
        ),
        weight=0.12,
        aspect=0.55,
        square=True,
        even_widths=0.3,
    ),
    Typeface(
        "Acrylic letters",
        Shape(0.2, 3.2, kinds=_kinds("1 bar, 4 closed, 6 curled, M deep, G spurred")),
        weight=0.19,
        aspect=0.62,
        square=True,
    ),
)
FACES: dict[str, Typeface] = {face.name: face for face in _ALL}
