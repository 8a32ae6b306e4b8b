"""What a camera writes beside the pictures: a `free` box with NMEA sentences, as BlackVue's cameras have it.

Each sentence stands behind the milliseconds of the camera's clock at which it came in; the box `sttm` says when the
recording began by that clock. Sources: the layout as blackclue and mapillary_tools read it; NMEA 0183.
"""

from __future__ import annotations

import datetime as dt
import struct
from functools import reduce
from pathlib import Path

import numpy as np

from synthesis.fleet.plan import Plan
from synthesis.fleet.way import Spot, Way

#: A receiver tells a position so long after the moment that it is of.
_LATE_S = 0.08
#: What a receiver in a car is off by, metres, and over how many seconds that wanders.
_NOISE_M, _WANDER_S = 1.5, 8
_KNOT_MPS = 1852 / 3600
_METRES_A_DEGREE = 111_195.0


def add_track(path: Path, plan: Plan, way: Way, clip: int) -> None:
    """Append the camera's box to a finished clip."""
    began_s = plan.begins_s(clip)
    log = _log(plan, way, began_s, began_s + plan.clip_s)
    start = _box(b"sttm", struct.pack(">Q", _clock_ms(plan, began_s, began_s)))
    with path.open("ab") as file:
        file.write(_box(b"free", _box(b"gps ", log) + start))


def rmc(moment: dt.datetime, spot: Spot | None) -> str:
    """Return the sentence of a moment; without a spot one that has no fix."""
    when = f"{moment:%H%M%S}.{moment.microsecond // 10_000:02}"
    if spot is None:
        return _summed(f"GPRMC,{when},V,,,,,,,{moment:%d%m%y},,,N")
    knots, course = f"{spot.speed_mps / _KNOT_MPS:.3f}", f"{spot.bearing_deg:.2f}"
    place = f"{_angle(spot.lat, 'NS', 2)},{_angle(spot.lon, 'EW', 3)}"
    return _summed(f"GPRMC,{when},A,{place},{knots},{course},{moment:%d%m%y},,,A")


def _log(plan: Plan, way: Way, from_s: float, until_s: float) -> bytes:
    """One sentence each full second of the satellites' time."""
    lines = []
    second = plan.moment(from_s).replace(microsecond=0)
    while (time_s := plan.from_s + (second - plan.began_at).total_seconds()) + _LATE_S < until_s:
        if time_s + _LATE_S >= from_s:
            hidden = plan.tunnel[0] <= time_s < plan.tunnel[1]
            sentence = rmc(second, None if hidden else _measured(plan, way, time_s))
            lines.append(f"[{_clock_ms(plan, from_s, time_s + _LATE_S)}]{sentence}\r\n")
        second += dt.timedelta(seconds=1)
    return "".join(lines).encode("ascii")


def _measured(plan: Plan, way: Way, time_s: float) -> Spot:
    """What a receiver makes of where the car is: off by a little that wanders, alike for all who ask."""
    spot = way.spot(time_s)
    rng = np.random.default_rng([plan.seed, 4])
    knots = rng.normal(0.0, _NOISE_M, (2, int(plan.until_s / _WANDER_S) + 3))
    places = (np.arange(knots.shape[1]) - 1) * _WANDER_S
    north_m, east_m = (float(np.interp(time_s, places, row)) for row in knots)
    lon_m = _METRES_A_DEGREE * float(np.cos(np.radians(spot.lat)))
    return Spot(spot.lat + north_m / _METRES_A_DEGREE, spot.lon + east_m / lon_m, spot.speed_mps, spot.bearing_deg)


def _clock_ms(plan: Plan, began_s: float, time_s: float) -> int:
    """The camera's clock, read as if it were UTC; within a clip it runs on, whatever the clock on the wall does."""
    shown = plan.shown(began_s).replace(tzinfo=dt.UTC)
    return round(1000 * (shown.timestamp() + time_s - began_s))


def _angle(degrees: float, sides: str, digits: int) -> str:
    whole, minutes = divmod(abs(degrees) * 60, 60)
    return f"{whole:0{digits}.0f}{minutes:08.5f},{sides[degrees < 0]}"


def _summed(body: str) -> str:
    return f"${body}*{reduce(lambda total, letter: total ^ ord(letter), body, 0):02X}"


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content
