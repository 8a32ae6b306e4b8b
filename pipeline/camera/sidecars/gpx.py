"""GPX 1.0 and 1.1 (Topografix), with the speed and course that 1.0 and Garmin's extensions hold."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress

from pipeline.camera.records import MOST_FIXES, Fix, Track
from pipeline.camera.sidecars.markup import BrokenMarkup, elements

_ROOT = re.compile(rb"<(?:\w{1,20}:)?gpx[\s>]")
#: A root element stands within so many bytes, comments before it included.
_HEAD_BYTES = 4096
_NUMBER = re.compile(r"[-+]?\d{1,7}(?:\.\d{0,20})?(?:[eE][-+]?\d{1,3})?")
_FRACTION = re.compile(r"(\.\d{6})\d+")


def read(data: bytes) -> Track | None:
    """The points of all tracks, in the order of time; None where it is no GPX, or has no track point.

    A damaged file gives the points before the damage. Raises BrokenMarkup where there are none, and for what only an
    attacker writes.
    """
    if not _ROOT.search(data[:_HEAD_BYTES].replace(b"\0", b"")):
        return None
    fixes: list[Fix] = []
    point: dict[str, str] = {}
    try:
        for element in elements(data):
            if element.started:
                point = dict(element.attributes) if element.name == "trkpt" else point
            elif element.name == "trkpt":
                fixes += filter(None, [_fix(point)])
                if len(fixes) >= MOST_FIXES:
                    break
            elif "trkpt" in element.within:
                point.setdefault(element.name, element.text)
    except BrokenMarkup:
        if not fixes:
            raise
    fixes.sort(key=lambda fix: (fix.at is None, fix.at.timestamp() if fix.at else 0.0))
    return Track(tuple(fixes), "GPX", sidecar=True) if fixes else None


def moment(text: str) -> dt.datetime | None:
    """A time of XML Schema; without a zone it is UTC, which both GPX and KML say. None for anything else."""
    with suppress(ValueError, OverflowError):
        at = dt.datetime.fromisoformat(_FRACTION.sub(r"\1", text.strip()))
        aware = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
        return aware.astimezone(dt.UTC)
    return None


def number(text: str | None) -> float | None:
    """A decimal number; None for everything else, `NaN` included."""
    return float(text) if text is not None and _NUMBER.fullmatch(text.strip()) else None


def _fix(point: dict[str, str]) -> Fix | None:
    lat, lon = number(point.get("lat")), number(point.get("lon"))
    if lat is None or lon is None:
        return None
    return Fix(
        lat,
        lon,
        at=moment(point.get("time", "")),
        altitude_m=number(point.get("ele")),
        speed_mps=number(point.get("speed")),
        bearing_deg=number(point.get("course")),
    )
