"""Sightings for tests of what `dashplate eval` makes of them."""

from __future__ import annotations

from pipeline.records import Box, Character, Observation, Sighting

PLATE = Box(100.0, 100.0, 200.0, 125.0)


def seen(time_s: float, box: Box = PLATE) -> Observation:
    return Observation(round(time_s), time_s, box, 0.8)


def sighting(
    text: str, first_s: float = 0.0, last_s: float = 2.0, *, confirmed: bool = True, box: Box = PLATE
) -> Sighting:
    chars = tuple(Character(char, 0.9) for char in text)
    first, last = seen(first_s, box), seen(last_s, box)
    return Sighting(0, text, None, 0.9, chars, (), first, last, first, None, 2, confirmed, ())
