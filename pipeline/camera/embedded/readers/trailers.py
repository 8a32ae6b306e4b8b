"""What cameras append behind the last box: LigoGPS's tables, Auto-Vox's chunks, Kenwood's records.

Layouts: dashcamigo's notes on real files (LigoGPS), ExifTool's QuickTimeStream.pl (the others). Clocks are local.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pipeline.camera.embedded.readers.atoms import read_kenwood_tail
from pipeline.camera.embedded.readers.ligogps import directories, ligogps_fixes
from pipeline.camera.embedded.readers.reading import Reading
from pipeline.camera.embedded.readers.values import KNOT_MPS, degrees, known, make_fix, moment
from pipeline.camera.records import Fix


def read_trailer(data: bytes) -> Reading | None:
    """The fixes of a trailer; None where it is none that is known."""
    return _ligogps(data) or _autovox(data) or read_kenwood_tail(data)


def _ligogps(data: bytes) -> Reading | None:
    """Two tables of the same records, one hidden and one plain: the plain one is taken where it holds any."""
    found = [ligogps_fixes(table, scale=1) for table in directories(data)]
    if not found:
        return None
    best = max(found, key=lambda fixes: (sum(fix.doubt is None for fix in fixes), len(fixes)))
    return Reading(best, "LigoGPS trailer")


def _autovox(data: bytes) -> Reading | None:
    """Chunks as of RIFF; `gps0` holds records of 40 bytes. The bytes for the sides are ExifTool's guess."""
    fixes: list[Fix | None] = []
    hits = False
    for name, body in _chunks(data):
        if name != b"gps0" or body[:4] != b"AITG":
            continue
        hits = True
        for at in range(0, len(body) - 39, 40):
            if body[at : at + 4] != b"AITG":
                break
            lat, lon, knots, year, month, day, hour, minute, second, course, north, east, millis = struct.unpack_from(
                "<dd4xH9BxI", body, at + 4
            )
            fixes.append(
                make_fix(
                    degrees(lat) * (-1 if north == 2 else 1),
                    degrees(lon) * (-1 if east == 2 else 1),
                    offset_s=millis / 1000,
                    at=moment(1900 + year, month, day, hour, minute, second),
                    speed_mps=knots * KNOT_MPS,
                    bearing_deg=course * 2 if course <= 180 else None,
                )
            )
    return Reading(known(fixes), "Auto-Vox gps0", make="Auto-Vox") if hits else None


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        if name == bytes(4):
            return
        yield name, data[at + 8 : at + 8 + length]
        at += 8 + length
