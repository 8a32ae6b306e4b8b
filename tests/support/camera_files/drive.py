"""The drive that all built camera files hold: three seconds through Prague, north-east at 36 km/h."""

from __future__ import annotations

import datetime as dt
from functools import reduce

LAT, LON = 50.0875, 14.4212
STEP_DEG = 0.0001
SPEED_MPS = 10.0
KNOTS = SPEED_MPS * 3600 / 1852
KMH = SPEED_MPS * 3.6
COURSE_DEG = 44.0
BEGAN = dt.datetime(2026, 5, 20, 17, 39, 51)
SECONDS = range(3)


def position(second: int) -> tuple[float, float]:
    """Latitude and longitude in degrees at a second of the drive."""
    return LAT + second * STEP_DEG, LON + second * STEP_DEG


def clock(second: int) -> dt.datetime:
    return BEGAN + dt.timedelta(seconds=second)


def ddmm(angle: float) -> float:
    """Degrees into NMEA's degrees and minutes."""
    return int(angle) * 100 + (angle - int(angle)) * 60


def rmc(second: int, *, talker: str = "GPRMC", status: str = "A", checksum: int | None = None) -> str:
    lat, lon = position(second)
    body = (
        f"{talker},{clock(second):%H%M%S}.00,{status},{ddmm(lat):010.5f},N,{ddmm(lon):011.5f},E,"
        f"{KNOTS:.3f},{COURSE_DEG:.2f},{clock(second):%d%m%y},,,A"
    )
    right = reduce(lambda sum_, letter: sum_ ^ ord(letter), body, 0)
    return f"{body}*{right if checksum is None else checksum:02X}"


def hms_ymd(second: int) -> tuple[int, ...]:
    at = clock(second)
    return at.hour, at.minute, at.second, at.year - 2000, at.month, at.day
