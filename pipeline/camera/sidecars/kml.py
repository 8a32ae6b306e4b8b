"""KML 2.2: tracks with times (`gx:Track`), and places that each say when.

A line without times is no track: nothing says when the camera was where.
"""

from __future__ import annotations

import re

from pipeline.camera.records import MOST_FIXES, Fix, Track
from pipeline.camera.sidecars.gpx import moment, number
from pipeline.camera.sidecars.markup import BrokenMarkup, elements

_ROOT = re.compile(rb"<(?:\w{1,20}:)?kml[\s>]")
_HEAD_BYTES = 4096


def read(data: bytes) -> Track | None:
    """The fixes in the order of time; None where it is no KML, or holds no place with a time.

    A damaged file gives what stands before the damage. Raises BrokenMarkup where that is nothing, and for what only an
    attacker writes.
    """
    if not _ROOT.search(data[:_HEAD_BYTES].replace(b"\0", b"")):
        return None
    fixes: list[Fix] = []
    whens: list[str] = []
    wheres: list[list[str]] = []
    damage: BrokenMarkup | None = None
    try:
        for element in elements(data):
            if element.started:
                continue
            if len(fixes) + len(wheres) >= MOST_FIXES or len(whens) >= MOST_FIXES:
                break
            if element.name == "when":
                whens.append(element.text)
            elif element.name == "coord":
                wheres.append(element.text.split(None, 3))
            elif element.name == "coordinates" and "point" in element.within:
                wheres.append(element.text.split(",", 3))
            elif element.name in ("track", "placemark"):
                fixes += _fixes(whens, wheres)
                whens, wheres = [], []
    except BrokenMarkup as problem:
        damage = problem
    fixes += _fixes(whens, wheres)
    if damage is not None and not fixes:
        raise damage
    fixes.sort(key=lambda fix: fix.at.timestamp() if fix.at else 0.0)
    return Track(tuple(fixes[:MOST_FIXES]), "KML", sidecar=True) if fixes else None


def _fixes(whens: list[str], wheres: list[list[str]]) -> list[Fix]:
    """One for each time and place that stand at the same position of their rows."""
    found = []
    for when, where in zip(whens, wheres, strict=False):
        at, numbers = moment(when), [number(part) for part in where[:3]]
        if at is None or len(numbers) < 2 or numbers[0] is None or numbers[1] is None:
            continue
        found.append(Fix(numbers[1], numbers[0], at=at, altitude_m=numbers[2] if len(numbers) > 2 else None))
    return found
