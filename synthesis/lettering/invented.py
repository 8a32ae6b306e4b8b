"""New typefaces without end: every number of a face drawn at random, and every glyph's variant."""

from __future__ import annotations

import math

import numpy as np

from synthesis.lettering.faces import FACES
from synthesis.lettering.glyphs import KINDS, NUMBER_CHARACTERS
from synthesis.lettering.strokes import Shape
from synthesis.lettering.typeface import Typeface, heaviest

Rng = np.random.Generator

#: Share of published faces among those that plates are given.
_PUBLISHED = 0.4
#: Chances of what only some faces have.
_SQUARE, _WIDE_DIGITS, _EVEN, _SLANTED, _SERIFS, _BRIDGED, _BY_HAND, _CONTRAST = (
    0.5,
    0.25,
    0.4,
    0.1,
    0.06,
    0.04,
    0.1,
    0.35,
)


def a_typeface(rng: Rng) -> Typeface:
    """Return a published face, or an invented one."""
    if rng.random() < _PUBLISHED:
        return list(FACES.values())[int(rng.integers(len(FACES)))]
    return any_typeface(rng)


def any_typeface(rng: Rng) -> Typeface:
    """Invent a face."""
    square = bool(rng.random() < _SQUARE)
    aspect = math.exp(rng.normal(math.log(0.56), 0.18))
    contrast = float(rng.uniform(0.8, 1.5)) if rng.random() < _CONTRAST else 1.0
    return Typeface(
        name="invented",
        shape=_shape(rng),
        weight=min(float(np.clip(rng.normal(0.132, 0.026), 0.08, 0.2)), heaviest(aspect, contrast)),
        contrast=contrast,
        aspect=aspect,
        digit_width=float(rng.uniform(0.8, 1.2)) if rng.random() < _WIDE_DIGITS else 1.0,
        even_widths=float(rng.uniform(0.2, 1.0)) if rng.random() < _EVEN else 0.0,
        gap=float(rng.uniform(0.07, 0.26)),
        square=square,
        slant=float(rng.uniform(-0.06, 0.18)) if rng.random() < _SLANTED else 0.0,
        serif=float(rng.uniform(0.05, 0.12)) if rng.random() < _SERIFS else 0.0,
        bridge=float(rng.uniform(0.05, 0.09)) if rng.random() < _BRIDGED else 0.0,
        tremble=float(rng.uniform(0.015, 0.05)) if rng.random() < _BY_HAND else 0.0,
        widths=tuple((char, math.exp(rng.normal(0, 0.12))) for char in NUMBER_CHARACTERS if rng.random() < 0.3),
    )


def _shape(rng: Rng) -> Shape:
    kinds = []
    for character, choices in KINDS.items():
        chosen = choices[int(rng.integers(len(choices)))]
        if chosen:
            kinds.append(f"{character} {chosen}")
    facets = int(rng.choice([6, 2, 1], p=[0.86, 0.08, 0.06]))
    return Shape(
        # High bevels would make a lozenge of an O.
        bow=float(rng.uniform(0.16, 0.26 if facets == 1 else 0.46)),
        power=float(rng.choice([2.0, 2.4, 3.2, 1.8], p=[0.5, 0.25, 0.15, 0.1])),
        facets=facets,
        waist=float(np.clip(rng.normal(0.5, 0.025), 0.44, 0.57)),
        opening=float(rng.uniform(8, 38)),
        tip=float(rng.choice([0.0, 0.12], p=[0.7, 0.3])),
        kinds=frozenset(kinds),
    )
