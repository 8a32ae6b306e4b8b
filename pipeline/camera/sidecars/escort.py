"""Escort M2: `20260511_0016_CAM.map` beside each video, a line a second.

`A,110526,001555,3700.0000,N,12100.0000,W,117.36,0.10,-0.17,1.59;`: validity, day, time, position as in NMEA, speed in
km/h, and the accelerometer.
"""

from __future__ import annotations

import datetime as dt
import io
from itertools import islice

from pipeline.camera.records import MOST_FIXES, Fix, Track
from pipeline.camera.sidecars import nmea

_FIELDS = 11
_KMH = 1 / 3.6


def read(data: bytes) -> Track | None:
    """The track; None where no line is a valid fix of this format."""
    found = (_fix(line) for line in io.TextIOWrapper(io.BytesIO(data), "ascii", "replace"))
    fixes = tuple(islice((fix for fix in found if fix is not None), MOST_FIXES))
    return Track(fixes, "Escort map", make="Escort", sidecar=True) if fixes else None


def _fix(line: str) -> Fix | None:
    fields = line.strip().rstrip(";").split(",", _FIELDS)
    if len(fields) != _FIELDS or fields[0] != "A":
        return None
    day, time, where = nmea.date(fields[1]), nmea.clock(fields[2]), nmea.position(*fields[3:7])
    if day is None or time is None or where is None:
        return None
    speed_kmh = nmea.number(fields[7])
    speed_mps = None if speed_kmh is None else speed_kmh * _KMH
    return Fix(*where, at=dt.datetime.combine(day, time, dt.UTC), speed_mps=speed_mps)
