"""Blocks with several records, or a line of text."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from pipeline.camera.embedded.readers.values import KMH_MPS, KNOT_MPS, degrees, known, make_fix, moment, signed
from pipeline.camera.records import Fix

_XGODY = re.compile(
    rb"(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d) ([NS]):([\d.]{3,12}) ([EW]):([\d.]{3,12}) ([\d.]{1,8})"
)
_XGODY_COURSE = re.compile(rb" A:([\d.]{1,8})")


def innovv(block: bytes) -> list[Fix] | None:
    """INNOVV: records of 32 bytes without any clock; knots."""
    if not re.match(rb"[AV](?:[NS][EW]|00)\0", block[16:20]):
        return None
    found: list[Fix | None] = []
    for record in re.finditer(rb"A([NS])([EW])\0(.{16})", block, re.DOTALL):
        lat, lon, knots, course = struct.unpack("<4f", record[3])
        found.append(
            make_fix(
                signed(degrees(lat), record[1]),
                signed(degrees(lon), record[2]),
                speed_mps=knots * KNOT_MPS,
                bearing_deg=course,
            )
        )
    return known(found)


def xbht(block: bytes) -> list[Fix] | None:
    """XBHT XB702: records of 36 bytes with a packed clock; km/h, which nobody has confirmed."""
    if not re.match(rb".{20}[\0-\x18][\0-\x3b]{2}[\0-\x09][AV][NS][EW]", block, re.DOTALL):
        return None
    found: list[Fix | None] = []
    for record in re.finditer(
        rb".([\0-\x63][\1-\x0c][\1-\x1f][\0-\x17][\0-\x3b]{2}[\0-\x09])A([NS])([EW])(.{22})", block, re.DOTALL
    ):
        year, month, day, hour, minute, second, tenths = record[1]
        lat, lon, kmh = struct.unpack_from("<II4xH", record[4], 5)
        found.append(
            make_fix(
                signed(degrees(lat / 1e4), record[2]),
                signed(degrees(lon / 1e4), record[3]),
                at=moment(year, month, day, hour, minute, second + tenths / 10),
                speed_mps=kmh * KMH_MPS,
            )
        )
    return known(found)


def xgody(block: bytes) -> list[Fix] | None:
    """XGODY: a line of text; it writes km/h behind knots."""
    line = _XGODY.search(block, 16, 200)
    if line is None:
        return None
    course = _XGODY_COURSE.search(block, line.end(), 240)
    try:
        lat, lon, speed = float(line[8]), float(line[10]), float(line[11])
        bearing = float(course[1]) if course else None
    except ValueError:
        return []
    at = moment(*(int(line[number]) for number in range(1, 7)))
    # Juscar writes the same line into transport streams, which have no size before it, and there km/h are km/h.
    unit_mps = KNOT_MPS if any(block[:4]) else KMH_MPS
    fix = make_fix(signed(lat, line[7]), signed(lon, line[9]), at=at, speed_mps=speed * unit_mps, bearing_deg=bearing)
    return known([fix])


def nextbase(block: bytes) -> list[Fix] | None:
    """Nextbase 512G: big-endian records of 32 bytes, each begins with `$S`; cm/s, degrees times ten million."""
    if block[48:50] != b"$S":
        return None

    def records() -> Iterator[Fix | None]:
        for at in range(48, len(block) - 23, 32):
            if block[at : at + 2] != b"$S":
                return
            cm_s, course, year, month, day, hour, minute, tenths, _, lat, lon = struct.unpack_from(
                ">HhHBBBBHBii", block, at + 2
            )
            yield make_fix(
                lat / 1e7,
                lon / 1e7,
                at=moment(year, month, day, hour, minute, tenths / 10, utc=True),
                speed_mps=cm_s / 100,
                bearing_deg=course / 100 % 360,
            )

    return known(records())
