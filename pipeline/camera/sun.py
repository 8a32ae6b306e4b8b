"""The sun's height at a place: whether it was day there, as a hint."""

from __future__ import annotations

import datetime as dt
import math

#: Below this the street lamps are lit, in civil twilight they are being lit.
_NIGHT_DEG = -6.0
#: The upper edge of the sun, with the air's refraction, is seen from here on.
_RISEN_DEG = -0.833
_J2000 = dt.datetime(2000, 1, 1, 12, tzinfo=dt.UTC)


def sun_height_deg(at: dt.datetime, lat: float, lon: float) -> float:
    """Degrees of the sun's centre above the horizon, negative below it, without the air's refraction.

    `at` is aware; `lat` and `lon` are degrees. The low-precision formulas of the Astronomical Almanac (U.S. Naval
    Observatory): within a hundredth of a degree between 1950 and 2050.

    >>> round(sun_height_deg(dt.datetime(2026, 6, 21, 12, tzinfo=dt.UTC), 51.48, 0.0), 1)
    62.0
    """
    days = (at - _J2000).total_seconds() / 86_400
    anomaly = math.radians(357.529 + 0.98560028 * days)
    longitude = math.radians(280.459 + 0.98564736 * days + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 0.00000036 * days)
    ascension = math.atan2(math.cos(tilt) * math.sin(longitude), math.cos(longitude))
    declination = math.asin(math.sin(tilt) * math.sin(longitude))
    turned = math.radians((18.697374558 + 24.06570982441908 * days) * 15 + lon)
    hour = turned - ascension
    height = math.sin(math.radians(lat)) * math.sin(declination)
    height += math.cos(math.radians(lat)) * math.cos(declination) * math.cos(hour)
    return math.degrees(math.asin(max(-1.0, min(1.0, height))))


def light(height_deg: float) -> str:
    """`day`, `twilight` or `night`, by the sun's height."""
    if height_deg >= _RISEN_DEG:
        return "day"
    return "twilight" if height_deg >= _NIGHT_DEG else "night"
