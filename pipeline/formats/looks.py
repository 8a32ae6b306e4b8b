"""How plates look beside their text, country by country: which looks there are, and how likely each is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

#: Kinds of looks and what a picture may show of each: the colour under the characters and theirs on a white ground,
#: upright blue bands at the ends, and whether the plate is one long row or about as high as two.
LOOKS: dict[str, tuple[str, ...]] = {
    "ground": ("white", "yellow", "blue", "green", "red", "black"),
    "letters": ("dark", "red"),
    "bands": ("none", "left", "both"),
    "shape": ("long", "square"),
}

#: What a picture shows: of each kind of `LOOKS` that it tells, which; empty where it tells none.
Looks: TypeAlias = Mapping[str, str]
NO_LOOKS: Looks = {}
#: How likely a country's plates look how, for the kinds that its file speaks of.
LookShares: TypeAlias = Mapping[str, Mapping[str, float]]

#: Chance that a look is mistaken, or that a plate looks as none of its country do: spread over all of a kind, so that
#: no look rules a country out. Of plates to train on 87 more are named right, 21 more wrong, and 26 no longer wrong;
#: at .1 these are 103, 36 and 29.
_MISTAKEN = 0.3


def look_shares(described: Mapping[str, Mapping[str, float]]) -> LookShares:
    """A file's weights as probabilities. Raises KeyError for a look that is none of `LOOKS`."""
    return {kind: _shares(weights, LOOKS[kind]) for kind, weights in described.items()}


def likelihood(looks: Looks, country: LookShares, anywhere: LookShares) -> float:
    """Probability of what a picture shows; a kind that the country's file does not speak of is as it is anywhere."""
    return math.prod(country.get(kind, anywhere[kind])[look] for kind, look in looks.items())


def _shares(weights: Mapping[str, float], possible: tuple[str, ...]) -> dict[str, float]:
    if unknown := sorted(set(weights) - set(possible)):
        raise KeyError(f"No plate looks {', '.join(unknown)}; known are {', '.join(possible)}.")
    total = sum(weights.values())
    return {look: (1 - _MISTAKEN) * weights.get(look, 0.0) / total + _MISTAKEN / len(possible) for look in possible}
