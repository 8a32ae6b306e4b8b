"""Tracks of binary records: CAMM, RVMI, Vueroid's TXET, Garmin's PNDM, Wolfbox, Vantrue's FMAS, and LigoGPS in a track.

Layouts: Google's CAMM specification, ExifTool's QuickTimeStream.pl, dashcamigo's notes on real files (TXET, RVMI,
Wolfbox with three cameras) and trip-viewer's (the latter).
"""

from __future__ import annotations

import datetime as dt
import math
import struct
from dataclasses import replace

from pipeline.camera.embedded.readers.hidden import XORED, xored_fixes
from pipeline.camera.embedded.readers.ligogps import MAGIC as LIGO
from pipeline.camera.embedded.readers.ligogps import ligogps_samples
from pipeline.camera.embedded.readers.reading import Reading, Stream
from pipeline.camera.embedded.readers.values import (
    KMH_MPS,
    KNOT_MPS,
    MPH_MPS,
    degrees,
    known,
    make_fix,
    moment,
    signed,
    unix_moment,
)
from pipeline.camera.records import Fix

NO_LOCK = "The camera had no satellite fix."
EITHER_WAY = "Nobody says for sure which of this format's two numbers is the latitude."
#: From 1970 to GPS's own epoch in 1980, and the leap seconds that GPS does not count, as of 2017 and since.
_GPS_EPOCH_S, _LEAP_S = 315_964_800, 18
#: Days from 1899, where Windows begins to count, to 1970.
_OLE_DAYS = 25_569
_POWERS = frozenset(10**power for power in range(10))


def read_camm(stream: Stream) -> Reading | None:
    """Camera motion metadata: packets of type 5 (position) and 6 (position, speed, clock)."""
    if stream.kind != b"camm":
        return None
    found: list[Fix | None] = []
    for sample in stream.samples:
        data, kind = sample.data, int.from_bytes(sample.data[2:4], "little")
        if kind == 5 and len(data) >= 28:
            lat, lon, height = struct.unpack_from("<3d", data, 4)
            found.append(make_fix(lat, lon, offset_s=sample.start_s, altitude_m=height))
        elif kind == 6 and len(data) >= 60:
            seconds, locked, lat, lon, height, _, _, east, north, _, _ = struct.unpack_from("<dIdd7f", data, 4)
            moving = math.isfinite(east) and math.isfinite(north)
            found.append(
                make_fix(
                    lat,
                    lon,
                    offset_s=sample.start_s,
                    at=_camm_moment(seconds, stream.near),
                    altitude_m=height,
                    speed_mps=math.hypot(east, north) if moving else None,
                    bearing_deg=math.degrees(math.atan2(east, north)) % 360 if moving and (east or north) else None,
                    doubt=None if locked else NO_LOCK,
                )
            )
    return Reading(known(found), "CAMM")


def _camm_moment(seconds: float, near: dt.date | None) -> dt.datetime | None:
    """Since 1980 by the specification, since 1970 by Insta360: whichever is closer to `near`, or later than CAMM is."""
    unix = unix_moment(seconds, utc=True)
    gps = unix_moment(seconds + _GPS_EPOCH_S - _LEAP_S, utc=True)
    if near is None or unix is None or gps is None:
        return unix if unix is not None and unix.year >= 2017 else gps
    return min(unix, gps, key=lambda at: abs(at.date() - near))


def read_rvmi(stream: Stream) -> Reading | None:
    """RegistratorViewer's exports: `gReV` is a position, `tReV` the beginning as days since 1899, of no known zone.

    ExifTool takes the first number for the latitude, dashcamigo, on files from Russia, the second. A number beyond 90
    settles it; elsewhere it is as ExifTool has it, and doubted.
    """
    if stream.kind != b"RVMI":
        return None
    found: list[Fix | None] = []
    began_at = None
    for sample in stream.samples:
        data = sample.data
        if data[:4] == b"tReV" and len(data) >= 12:
            (days,) = struct.unpack_from("<d", data, 4)
            began_at = began_at or unix_moment((days - _OLE_DAYS) * 86_400, utc=False)
        elif data[:4] == b"gReV" and len(data) >= 20:
            one, two, tenths, course = struct.unpack_from("<ii4xhH", data, 4)
            lat, lon, sure = one / 1e6, two / 1e6, abs(two) > 90e6
            if abs(one) > 90e6:
                lat, lon, sure = lon, lat, True
            found.append(
                make_fix(
                    lat,
                    lon,
                    offset_s=sample.start_s,
                    speed_mps=tenths / 10 * KMH_MPS,
                    bearing_deg=course * 2 % 360,
                    doubt=None if sure else EITHER_WAY,
                )
            )
    began_at = began_at and began_at.replace(microsecond=0)
    return Reading(known(found), "RVMI", began_at=began_at)


def read_txet(stream: Stream) -> Reading | None:
    """Vueroid's 72 bytes, 20 a second: sides, height, km/h, degrees and minutes, local time as if it were UTC.

    The two bytes taken for the sides were seen in one region only.
    """
    samples = stream.samples
    if stream.kind != b"mp4s" or not samples or any(len(sample.data) != 72 for sample in samples):
        return None
    found: list[Fix | None] = []
    plain = False
    for sample in samples:
        north, east, height, kmh, lat, lon, seconds = struct.unpack_from("<BBHfffI", sample.data, 0x34)
        at = unix_moment(seconds, utc=False)
        plain = plain or not any(sample.data)
        if north > 1 or east > 1 or lat < 0 or lon < 0 or at is None:
            continue
        found.append(
            make_fix(
                degrees(lat) if north else -degrees(lat),
                degrees(lon) if east else -degrees(lon),
                offset_s=sample.start_s,
                at=at,
                altitude_m=float(height),
                speed_mps=kmh * KMH_MPS,
            )
        )
    fixes = known(found)
    return Reading(fixes, "Vueroid TXET", make="Vueroid") if fixes or plain else None


def read_pndm(stream: Stream) -> Reading | None:
    """Garmin's Dash Cams: `PNDM`, mph, and both angles as parts of a turn; no clock."""
    found: list[Fix | None] = []
    hits = 0
    for sample in stream.samples:
        start = sample.data[:8].find(b"PNDM")
        if start < 0 or len(sample.data) < start + 20:
            continue
        hits += 1
        mph, lat, lon = struct.unpack_from("<H2xii", sample.data, start + 8)
        turn = 180 / 2**31
        found.append(make_fix(lat * turn, lon * turn, offset_s=sample.start_s, speed_mps=mph * MPH_MPS))
    return Reading(known(found), "Garmin PNDM", make="Garmin") if hits else None


def read_wolfbox(stream: Stream) -> Reading | None:
    """Wolfbox and Redtiger: values with their scales, as 64-bit integers; one layout has a date in UTC, one has none.

    Both count a second from sample to sample, whatever the track's table says.
    """
    if not stream.samples or stream.kind not in (b"gpmd", b""):
        return None
    data = stream.samples[0].data
    if len(data) >= 0xF8 and _wolfbox_moment(data) is not None:
        fixes = _by_clock(
            known(_wolfbox(sample.data, sample.start_s) for sample in stream.samples if len(sample.data) >= 0xF8)
        )
    elif len(data) >= 0x78 and _is_without_date(data):
        fixes = _wolfbox_without_date([sample.data for sample in stream.samples if len(sample.data) >= 0x78])
    else:
        return None
    return Reading(fixes, "Wolfbox gpmd", make="Wolfbox")


def _wolfbox(data: bytes, start_s: float) -> Fix | None:
    return make_fix(
        degrees(_ratio(data, 0xB0)),
        degrees(_ratio(data, 0xC0)),
        offset_s=start_s,
        at=_wolfbox_moment(data),
        altitude_m=_ratio(data, 0xE8),
        speed_mps=_ratio(data, 0x48) * KNOT_MPS,
        bearing_deg=_ratio(data, 0x58),
    )


def _by_clock(fixes: list[Fix]) -> list[Fix]:
    """The first fix's second by the track's table, and all others by their clock."""
    first = fixes[0] if fixes else None
    return [
        replace(fix, offset_s=first.offset_s + (fix.at - first.at).total_seconds())
        if first and first.at and fix.at and first.offset_s is not None
        else fix
        for fix in fixes
    ]


def _wolfbox_moment(data: bytes) -> dt.datetime | None:
    day, month, year = struct.unpack_from("<3I", data, 0x68)
    return moment(year, month, day, *struct.unpack_from("<3I", data, 0xA0), utc=True) if year >= 2000 else None


def _is_without_date(data: bytes) -> bool:
    (status,) = struct.unpack_from("<i", data)
    scales = [struct.unpack_from("<q", data, at)[0] for at in (0x30, 0x40)]
    return status in (0, 1) and all(scale in _POWERS for scale in scales)


def _wolfbox_without_date(rows: list[bytes]) -> list[Fix]:
    found: list[Fix | None] = []
    first: tuple[int, int] | None = None
    for number, data in enumerate(rows):
        (status,) = struct.unpack_from("<i", data)
        hour, minute, second = struct.unpack_from("<3I", data, 0x10)
        if status != 1:
            continue
        offset_s = float(number)
        if hour < 24 and minute < 60 and second < 60:
            of_day = hour * 3600 + minute * 60 + second
            first = first or (number, of_day)
            offset_s = first[0] + (of_day - first[1]) % 86_400
        found.append(
            make_fix(
                degrees(_ratio(data, 0x28)),
                degrees(_ratio(data, 0x38)),
                offset_s=offset_s,
                speed_mps=_ratio(data, 0x48) * KNOT_MPS,
                bearing_deg=_ratio(data, 0x58),
            )
        )
    return known(found)


def _ratio(data: bytes, at: int) -> float:
    """A value by its scale; zero by zero is zero, as fields are that the camera leaves out."""
    value, scale = struct.unpack_from("<qq", data, at)
    return value / scale if scale else math.nan if value else 0.0


def read_fmas(stream: Stream) -> Reading | None:
    """Vantrue N2S: `FMAS`, year to second, sides, longitude before latitude in degrees, minutes and parts; mph."""
    found: list[Fix | None] = []
    hits = 0
    for sample in stream.samples:
        data = sample.data
        if data[:8] != b"FMAS\0\0\0\0" or len(data) < 160 or data[80:84] != b"SAMM":
            continue
        hits += 1
        year, month, day, hour, minute, second = struct.unpack_from("<H5B", data, 96)
        status, east, north = data[120:121], data[121:122], data[122:123]
        x_deg, x_min, x_part, y_deg, y_min, y_part, mph, course = struct.unpack_from("<BBxHBBHHH", data, 123)
        if status != b"A":
            continue
        found.append(
            make_fix(
                signed(y_deg + (y_min + y_part / 6000) / 60, north),
                signed(x_deg + (x_min + x_part / 6000) / 60, east),
                offset_s=sample.start_s,
                at=moment(year, month, day, hour, minute, second),
                speed_mps=mph * MPH_MPS,
                bearing_deg=course,
            )
        )
    return Reading(known(found), "Vantrue FMAS", make="Vantrue") if hits else None


def read_ligogps(stream: Stream) -> Reading | None:
    """LigoGPS in samples. Those of kind `ssmd` were found to be plain whatever their header says; others may not be."""
    samples = [sample for sample in stream.samples if LIGO.search(sample.data)]
    if not samples:
        return None
    scale = None if stream.kind == b"ssmd" else 1
    read = ligogps_samples([sample.data for sample in samples], scale=scale)
    fixes = [
        replace(fix, offset_s=sample.start_s) for sample, found in zip(samples, read, strict=True) for fix in found
    ]
    return Reading(fixes, "LigoGPS")


def read_xored(stream: Stream) -> Reading | None:
    """Rove Stealth 4K, BlueSkySea: the hidden text of Azdome's blocks in a track."""
    samples = [sample for sample in stream.samples if sample.data[2:8] in XORED or sample.data[4:8] == b"\xaa\xaaTT"]
    if not samples:
        return None
    fixes = [replace(fix, offset_s=sample.start_s) for sample in samples for fix in xored_fixes(sample.data)]
    return Reading(fixes, "Text under 0xAA")
