"""Raw values of cameras into fixes: units, degrees and minutes, clocks, and what cannot be on Earth."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable

from pipeline.camera.records import Fix

KNOT_MPS = 1852 / 3600
KMH_MPS = 1 / 3.6
MPH_MPS = 0.44704
#: No car and no aeroplane with a dashcam is faster; what says so is another field or a broken one.
MOST_SPEED_MPS = 350.0
#: Receivers without a fix write zeros; the point off Ghana is nobody's road.
NOWHERE_DEG = 1e-6
#: The years that a camera with a receiver may have recorded in.
YEARS = range(2000, 2100)


def degrees(ddmm: float) -> float:
    """`ddmm.mmmm`, as NMEA writes an angle, into degrees with its sign; NaN where the minutes are 60 or more."""
    if not math.isfinite(ddmm):
        return math.nan
    whole, minutes = divmod(abs(ddmm), 100)
    return math.copysign(whole + minutes / 60, ddmm) if minutes < 60 else math.nan


def signed(value: float, side: str | bytes) -> float:
    """The magnitude of `value`, negative where `side` is south or west."""
    return -abs(value) if side in ("S", "W", b"S", b"W") else abs(value)


def make_fix(  # one argument a field of `Fix`
    lat: float,
    lon: float,
    *,
    offset_s: float | None = None,
    at: dt.datetime | None = None,
    altitude_m: float | None = None,
    speed_mps: float | None = None,
    bearing_deg: float | None = None,
    doubt: str | None = None,
) -> Fix | None:
    """A fix of raw values; None where there is no such place, without those fields that make no sense."""
    if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
        return None
    if abs(lat) < NOWHERE_DEG and abs(lon) < NOWHERE_DEG:
        return None
    return Fix(
        lat=lat,
        lon=lon,
        offset_s=offset_s,
        at=at,
        altitude_m=_within(altitude_m, -1000, 20_000),
        speed_mps=_within(speed_mps, 0, MOST_SPEED_MPS),
        bearing_deg=None if (bearing := _within(bearing_deg, 0, 360)) is None else bearing % 360,
        doubt=doubt,
    )


def moment(
    year: int, month: int, day: int, hour: int, minute: int, second: float, *, utc: bool = False
) -> dt.datetime | None:
    """A clock's fields as a moment, naive unless they are `utc`; a year of two digits is of this century.

    None where a clock cannot show that.
    """
    year += 2000 if 0 <= year < 100 else 0
    if year not in YEARS or not 0 <= second < 60:
        return None
    try:
        at = dt.datetime(year, month, day, hour, minute, int(second), round(second % 1 * 1e6) % 1_000_000)
    except (ValueError, OverflowError):
        return None
    return at.replace(tzinfo=dt.UTC) if utc else at


def unix_moment(seconds: float, *, utc: bool) -> dt.datetime | None:
    """Seconds since 1970 as a moment; naive where the camera counts its local time as if that were UTC."""
    if not math.isfinite(seconds) or not 946_684_800 <= seconds < 4_102_444_800:
        return None
    at = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return at if utc else at.replace(tzinfo=None)


def known(fixes: Iterable[Fix | None]) -> list[Fix]:
    """Without those that are nowhere."""
    return [fix for fix in fixes if fix is not None]


def _within(value: float | None, least: float, most: float) -> float | None:
    return value if value is not None and math.isfinite(value) and least <= value <= most else None
