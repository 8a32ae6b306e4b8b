"""NMEA 0183: the sentences that a receiver sends, a line each.

`$GPRMC,120000.00,A,5000.00000,N,03000.00000,E,5.0,90.0,141123,,,A*6F` says time, validity, position, speed in knots,
course and date. GGA says time and height, ZDA time and date. Fields are those of the NMEA 0183 standard, version 4.
BlackVue writes before each sentence when the camera got it, `[milliseconds since 1970]`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import xor

from pipeline.camera.records import MOST_FIXES, Fix, Track

KNOT_MPS = 1852 / 3600
#: A sentence is at most 82 characters; some receivers write more decimals than they should.
_SENTENCE = re.compile(rb"(?:\[(\d{9,16})\])?\$([A-Z]{2}(RMC|GGA|ZDA),[^*\r\n$]{5,160})(?:\*([^\r\n]{0,2}))?")
_STAMP = re.compile(rb"\[(\d{9,16})\]\$")
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(?:\.(\d{1,6})\d*)?")
_DATE = re.compile(r"(\d\d)(\d\d)(\d\d)")
_ANGLE = re.compile(r"(\d{1,3})(\d\d(?:\.\d{1,12})?)")
_NUMBER = re.compile(r"-?\d{1,7}(?:\.\d{1,12})?")
WRONG_SUM = "The checksum of its sentence is wrong."
_HALF_DAY = dt.timedelta(hours=12)


@dataclass
class _Moment:
    """What the sentences of one time of day say together."""

    time: dt.time
    date: dt.date | None = None
    #: Milliseconds, as the camera stamped it.
    stamp: int | None = None
    valid: bool = True
    #: Whether the checksums of its sentences are right.
    sound: bool = True
    position: tuple[float, float] | None = None
    altitude_m: float | None = None
    speed_mps: float | None = None
    bearing_deg: float | None = None

    @property
    def at(self) -> dt.datetime | None:
        return None if self.date is None else dt.datetime.combine(self.date, self.time, dt.UTC)


def read(data: bytes) -> Track | None:
    """The track of a file with NMEA sentences, whatever else stands in it; None where no sentence holds a position.

    A fix whose sentences have a wrong checksum is doubted; one without a checksum counts. Where most checksums of a
    file are wrong, its writer does not know how to count them, or somebody has changed the positions since; then they
    say nothing. RMC and GGA of one time are one fix. A GGA has no date: it gets the one that brings it closest to the
    sentences around it, over midnight too.
    """
    moments = _dated(list(islice(_moments(data), MOST_FIXES)))
    counted = sum(moment.sound for moment in moments) * 2 >= len(moments)
    stamp = _STAMP.search(data)
    start = int(stamp[1]) if stamp else None
    fixes = tuple(_fix(moment, start, counted) for moment in moments if moment.valid and moment.position)
    if not fixes:
        return None
    make = None if start is None else "BlackVue"
    source = "NMEA" if start is None else "BlackVue NMEA"
    return Track(fixes, source, make=make, sidecar=True, began_at=moments[0].at)


def position(lat: str, north: str, lon: str, east: str) -> tuple[float, float] | None:
    """Degrees from `ddmm.mmmm`, `N` or `S`, `dddmm.mmmm`, `E` or `W`; None where that is no position on earth."""
    angles = _degrees(lat, 90), _degrees(lon, 180)
    if angles[0] is None or angles[1] is None or north not in ("N", "S") or east not in ("E", "W"):
        return None
    return angles[0] * (-1 if north == "S" else 1), angles[1] * (-1 if east == "W" else 1)


def clock(text: str) -> dt.time | None:
    """The time of day in `hhmmss` or `hhmmss.sss`, without a zone."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, second = (int(part) for part in found.groups()[:3])
    try:
        return dt.time(hour, minute, second, int((found[4] or "0").ljust(6, "0")))
    except ValueError:
        return None


def date(text: str) -> dt.date | None:
    """The day in `ddmmyy`; a year from 80 on is one of the last century, when GPS began."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    day, month, year = (int(part) for part in found.groups())
    try:
        return dt.date(year + (1900 if year >= 80 else 2000), month, day)
    except ValueError:
        return None


def _degrees(text: str, most: int) -> float | None:
    found = _ANGLE.fullmatch(text)
    if found is None or float(found[2]) >= 60:
        return None
    degrees = int(found[1]) + float(found[2]) / 60
    return degrees if degrees <= most else None


def number(text: str) -> float | None:
    """A plain decimal number; None for everything else, `nan` and `1e9` included."""
    return float(text) if _NUMBER.fullmatch(text) else None


def _moments(data: bytes) -> Iterator[_Moment]:
    """One for each time of day; sentences of one time follow each other."""
    last: _Moment | None = None
    for found in _SENTENCE.finditer(data):
        fields = found[2].decode("ascii", "replace").split(",")
        time = clock(fields[1])
        if time is None:
            continue
        if last is None or last.time != time:
            if last is not None:
                yield last
            last = _Moment(time, stamp=int(found[1]) if found[1] else None)
        last.sound = last.sound and (found[4] is None or _sums_up(found[2], found[4]))
        {b"RMC": _add_rmc, b"GGA": _add_gga, b"ZDA": _add_zda}[found[3]](last, fields + [""] * 12)
    if last is not None:
        yield last


def _sums_up(sentence: bytes, checksum: bytes) -> bool:
    try:
        return reduce(xor, sentence) == int(checksum, 16) and len(checksum) == 2
    except ValueError:
        return False


def _add_rmc(moment: _Moment, fields: Sequence[str]) -> None:
    moment.date = date(fields[9]) or moment.date
    moment.valid = moment.valid and fields[2] == "A"
    moment.position = position(*fields[3:7]) or moment.position
    knots = number(fields[7])
    moment.speed_mps = None if knots is None else knots * KNOT_MPS
    moment.bearing_deg = number(fields[8])


def _add_gga(moment: _Moment, fields: Sequence[str]) -> None:
    moment.valid = moment.valid and fields[6] not in ("", "0")
    moment.position = moment.position or position(*fields[2:6])
    moment.altitude_m = number(fields[9]) if fields[10] in ("M", "") else None


def _add_zda(moment: _Moment, fields: Sequence[str]) -> None:
    day, month, year = fields[2:5]
    moment.date = date(f"{day:0>2}{month:0>2}{year[2:]}") or moment.date


def _dated(moments: list[_Moment]) -> list[_Moment]:
    """With the date of its neighbours for each that says none."""
    for row in (moments, moments[::-1]):
        last: dt.datetime | None = None
        for moment in row:
            if moment.date is None and last is not None:
                moment.date = _closest(moment.time, last)
            last = moment.at or last
    return moments


def _closest(time: dt.time, to: dt.datetime) -> dt.date | None:
    same_day = dt.datetime.combine(to.date(), time, dt.UTC)
    try:
        if same_day - to > _HALF_DAY:
            return to.date() - dt.timedelta(days=1)
        return to.date() + dt.timedelta(days=1) if to - same_day > _HALF_DAY else to.date()
    except OverflowError:
        return None


def _fix(moment: _Moment, start: int | None, counted: bool) -> Fix:
    assert moment.position is not None
    lat, lon = moment.position
    offset_s = None if start is None or moment.stamp is None else (moment.stamp - start) / 1000
    doubt = WRONG_SUM if counted and not moment.sound else None
    return Fix(lat, lon, offset_s, moment.at, moment.altitude_m, moment.speed_mps, moment.bearing_deg, doubt)
