"""Blocks with one position, by their layouts. All offsets count from the four bytes of size before the name."""

from __future__ import annotations

import datetime as dt
import re
import struct

from pipeline.camera.embedded.readers.ligogps import ligogps_fixes
from pipeline.camera.embedded.readers.nmea import fixes_in
from pipeline.camera.embedded.readers.values import KMH_MPS, KNOT_MPS, degrees, known, make_fix, moment, signed
from pipeline.camera.records import Fix

#: Where status, north or south, and east or west stand, the commonest first: Viofo A119 and most others, Viofo A129
#: Plus and A119 Mini 2, an older firmware, Kenwood; then anywhere, since vendors lengthen the header.
_ANCHORS = (72, 40, 44, 88, *range(28, 256))
_SIDES = re.compile(rb"[AV][NS][EW]")


def ligogps(block: bytes) -> list[Fix] | None:
    for start in (16, 48, 80):
        if block[start : start + 12] == b"LIGOGPSINFO\0":
            small = start == 16 and block[12:16] == b"\xf0\x03\0\0" and block[32:36] == bytes(4)
            return ligogps_fixes(block[start:], scale=3 if small else 1)
    return None


def sentence(block: bytes) -> list[Fix] | None:
    """Vantrue N2X and N4, Nextbase 512GW: an RMC sentence stands in the block."""
    return fixes_in(block.decode("latin-1")) if b"RMC," in block else None


def seventymai(block: bytes) -> list[Fix] | None:
    """70mai A810, M500, A510: status, then degrees and minutes as integers, course, km/h; no clock."""
    if len(block) < 47 or block[12:14] != block[18:20] or block[14:16] != bytes(2):
        return None
    if block[30:31] not in (b"A", b"V"):
        return None
    lat, lon, course, kmh = struct.unpack_from("<4i", block, 31)
    if block[30:31] == b"V":
        return []
    return known([make_fix(degrees(lat / 1e5), degrees(lon / 1e5), speed_mps=kmh * KMH_MPS, bearing_deg=course)])


def akaso(block: bytes) -> list[Fix] | None:
    """Akaso and a nameless one: floats, each with its side as a word behind it; km/h."""
    if len(block) < 100 or block[60:64] not in (b"A\0\0\0", b"V\0\0\0"):
        return None
    if block[68:72] not in (b"N\0\0\0", b"S\0\0\0") or block[76:80] not in (b"E\0\0\0", b"W\0\0\0"):
        return None
    hour, minute, second, status, lat, north, lon, east, kmh, course, year, month, day = struct.unpack_from(
        "<3I4sf4sf4sffIII", block, 48
    )
    # This firmware writes where the car comes from.
    course += 180 if block[16:20] == b"x.xx" else 0
    return _one(
        status[:1],
        (lat, north[:1]),
        (lon, east[:1]),
        (year, month, day, hour, minute, second),
        speed_mps=kmh * KMH_MPS,
        bearing_deg=course % 360,
    )


def doubles(block: bytes) -> list[Fix] | None:
    """Firmware 20130815.01: doubles, each with its side as a word behind it; knots."""
    if len(block) < 124 or block[60:62] not in (b"A\0", b"V\0"):
        return None
    if block[72:74] not in (b"N\0", b"S\0") or block[88:90] not in (b"E\0", b"W\0"):
        return None
    hour, minute, second, status, lat, north, lon, east, knots, course, year, month, day = struct.unpack_from(
        "<3I4sd8sd8sdd3I", block, 48
    )
    return _one(
        status[:1],
        (lat, north[:1]),
        (lon, east[:1]),
        (year, month, day, hour, minute, second),
        speed_mps=knots * KNOT_MPS,
        bearing_deg=course,
    )


def vantrue_doubles(block: bytes) -> list[Fix] | None:
    """Vantrue N4 without its sentence: doubles early in the block; knots."""
    if len(block) < 92 or block[28:29] not in (b"A", b"V") or block[40:41] not in (b"N", b"S"):
        return None
    if block[56:57] not in (b"E", b"W"):
        return None
    hour, minute, second, status, lat, north, lon, east, knots, course, year, month, day = struct.unpack_from(
        "<3I4sd8sd8sdd3I", block, 16
    )
    return _one(
        status[:1],
        (lat, north[:1]),
        (lon, east[:1]),
        (year, month, day, hour, minute, second),
        speed_mps=knots * KNOT_MPS,
        bearing_deg=course,
    )


def horsontech(block: bytes) -> list[Fix] | None:
    """Vantrue S1: sides before the clock, longitude before latitude, then knots, course, height."""
    if len(block) < 112 or not _SIDES.match(block, 64) or block[67] or block[48:58] != b"horsontech":
        return None
    year, month, day, hour, minute, second = struct.unpack_from("<6I", block, 68)
    lon, lat, knots, course, height = struct.unpack_from("<5f", block, 92)
    return _one(
        block[64:65],
        (lat, block[65:66]),
        (lon, block[66:67]),
        (year, month, day, hour, minute, second),
        speed_mps=knots * KNOT_MPS,
        bearing_deg=course,
        altitude_m=height,
    )


def unsolved(block: bytes) -> list[Fix] | None:
    """Akaso V1, Redtiger F7N: nobody but the maker's server knows the cipher of the coordinates."""
    return [] if re.match(rb".{64}[\1-\x0c]\0{3}[\1-\x1f]\0{3}A[NS][EW]\0{5}", block, re.DOTALL) else None


def floats(block: bytes) -> list[Fix] | None:
    """The layout of Novatek's own kit: hour to day as words, status and sides, floats; knots."""
    for anchor in _ANCHORS:
        found = _floats_at(block, anchor) if _SIDES.match(block, anchor) else None
        if found is not None:
            return found
    return None


def _floats_at(block: bytes, anchor: int) -> list[Fix] | None:
    if anchor < 24 or len(block) < anchor + 20:
        return None
    hour, minute, second, year, month, day = struct.unpack_from("<6I", block, anchor - 24)
    clock = year, month, day, hour, minute, second
    if moment(*clock) is None:
        return None
    status, north, east = (block[anchor + number : anchor + number + 1] for number in range(3))
    lat, lon, knots, course = struct.unpack_from("<4f", block, anchor + 4)
    if anchor == 72 and block[16:19] == b"IQS":
        lat, lon, cm_s = struct.unpack_from("<3i", block, anchor + 4)
        fix = make_fix(signed(lat / 1e7, north), signed(lon / 1e7, east), at=moment(*clock), speed_mps=cm_s / 100)
        return known([fix]) if status == b"A" else []
    if anchor == 72 and len(block) >= 136:
        # Transcend DrivePro 230 has both again as doubles, which a float cannot hold to a metre.
        finer = struct.unpack_from("<d8xd", block, 112)
        if abs(finer[0] - lat) < 1e-3 and abs(finer[1] - lon) < 1e-3 and lat:
            lat, lon = finer
    return _one(status, (lat, north), (lon, east), clock, speed_mps=knots * KNOT_MPS, bearing_deg=course)


def camera_clock(block: bytes) -> dt.datetime | None:
    """The camera's clock in a block without a fix, as Novatek's own kit and Viofo write it."""
    for anchor in (72, 40, 44, 88):
        if re.match(rb"V(?:[NS][EW]|00)\0", block[anchor : anchor + 4]):
            hour, minute, second, year, month, day = struct.unpack_from("<6I", block, anchor - 24)
            return moment(year, month, day, hour, minute, second)
    return None


def without_fix(block: bytes) -> list[Fix] | None:
    """Viofo before it sees a satellite: the clock is there, the sides are not."""
    return [] if any(block[at : at + 1] == b"V" for at in (28, 40, 44, 60, 72, 88)) else None


def _one(
    status: bytes,
    lat: tuple[float, bytes],
    lon: tuple[float, bytes],
    clock: tuple[int, int, int, int, int, int],
    *,
    speed_mps: float,
    bearing_deg: float,
    altitude_m: float | None = None,
) -> list[Fix] | None:
    """The one fix of a block, with angles in degrees and minutes; none without status A, None without a clock."""
    at = moment(*clock)
    if at is None:
        return None
    if status != b"A":
        return []
    angles = signed(degrees(lat[0]), lat[1]), signed(degrees(lon[0]), lon[1])
    return known([make_fix(*angles, at=at, speed_mps=speed_mps, bearing_deg=bearing_deg, altitude_m=altitude_m)])
