"""Whole files whose positions lie in a box of their own, or behind the film."""

from __future__ import annotations

import base64
import datetime as dt
import json
import struct
from collections.abc import Sequence

from tests.support.camera_files.drive import (
    BEGAN,
    COURSE_DEG,
    KMH,
    KNOTS,
    LAT,
    LON,
    SECONDS,
    SPEED_MPS,
    clock,
    ddmm,
    position,
    rmc,
)
from tests.support.camera_files.mp4 import FTYP, box


def gps0() -> bytes:
    records = b""
    for second in SECONDS:
        lat, lon = position(second)
        at = clock(second)
        records += struct.pack(
            "<ddiH7B3x",
            ddmm(lat),
            ddmm(lon),
            245,
            int(KMH),
            at.year - 2000,
            at.month,
            at.day,
            at.hour,
            at.minute,
            at.second,
            int(COURSE_DEG / 2),
        )
    return (
        FTYP
        + box(b"IDIT", f"{BEGAN + dt.timedelta(hours=2):%Y-%m-%d %H:%M:%S}".encode() + b"\0")
        + box(b"gps0", records)
    )


def mai() -> bytes:
    records = b""
    for second in SECONDS:
        lat, lon = (round(ddmm(angle) * 1000) for angle in position(second))
        records += (
            struct.pack("<IIII", 1, 1, second, int(KMH * 1000))
            + b"N"
            + struct.pack("<I", lat)
            + b"E"
            + struct.pack("<I", lon)
            + bytes(10)
        )
    return FTYP + box(b"GPS ", records + bytes(36))


def blackvue(*, broken: Sequence[int] = ()) -> bytes:
    began_ms = int((BEGAN + dt.timedelta(hours=2)).replace(tzinfo=dt.UTC).timestamp() * 1000)
    log = "".join(f"[{began_ms + 300 + n * 1000}]${rmc(n, checksum=0 if n in broken else None)}\n\n" for n in SECONDS)
    return FTYP + box(
        b"free",
        box(b"cprt", b'{"model":"DR900X Plus","ver":1.000}'),
        box(b"sttm", struct.pack(">Q", began_ms)),
        box(b"gps ", log.encode()),
    )


def garmin_uuid() -> bytes:
    records = b""
    for second in SECONDS:
        lat, lon = (round(angle * 2**31 / 180) for angle in position(second))
        seconds = int((clock(second) - dt.datetime(1904, 1, 1)).total_seconds())
        records += struct.pack(">IH6xii", seconds, round(SPEED_MPS / 0.44704), lat, lon)
    return FTYP + box(b"moov", box(b"uuid", bytes.fromhex("9b630f8d637440ec8204bc5ff5091728"), bytes(17), records))


def kenwood_udta() -> bytes:
    text = b"VIDEO" + b"U" * 22
    for second in SECONDS:
        lat, lon = (round(ddmm(angle) * 1e4) for angle in position(second))
        stamp = f"{clock(second):%Y%m%d%H%M%S}"
        text += b"\xfe\xfe" + f"{stamp}.{stamp}\x03N{lat:08d}E{lon:09d}+0245{int(KMH):03d}+006+009+004".encode()
    return FTYP + box(b"mdat", bytes(64)) + box(b"udta", text)


def kenwood_tail() -> bytes:
    text = b"C" * 14
    for second in SECONDS:
        lat, lon = position(second)
        text += f"GPSDATA--{clock(second):%Y%m%d%H%M%S}N{lat:013.10f}E{lon:013.10f}33.0000000000".encode()
    return FTYP + box(b"mdat", bytes(128)) + text


def gdat() -> bytes:
    rows = [
        {
            "datetime": f"{clock(second):%Y-%m-%dT%H:%M:%S}",
            "lat": position(second)[0],
            "lon": str(position(second)[1]),
            "speed": SPEED_MPS / 0.44704,
            "bearing": COURSE_DEG,
            "gpsStatus": "A",
        }
        for second in SECONDS
    ]
    said = json.dumps({"cameraModel": "622GW", "gpsData": [*rows, {"gpsStatus": "V"}]})
    return FTYP + box(b"gdat", base64.b64encode(said.encode()))


def denver() -> bytes:
    lines = ""
    for second in SECONDS:
        lat, lon = (f"{round(angle % 1 * 600_000):06d}" for angle in position(second))
        place = f"[N][{int(LAT):02d}{lat}][E][{int(LON):03d}{lon}]"
        lines += f"{clock(second):%y%m%d%H%M%S}[1]{place}[+00245][{int(KMH)}][00044][C000000]+000\n"
    return FTYP + box(b"udat", lines.encode().ljust(1024, b"\0"))


def autovox() -> bytes:
    records = b""
    for second in SECONDS:
        lat, lon = position(second)
        at = clock(second)
        records += b"AITG" + struct.pack(
            "<dd4xH9BxI",
            ddmm(lat),
            ddmm(lon),
            round(KNOTS),
            at.year - 1900,
            at.month,
            at.day,
            at.hour,
            at.minute,
            at.second,
            int(COURSE_DEG / 2),
            1,
            1,
            second * 1000,
        )
    return FTYP + box(b"mdat", bytes(64)) + b"gps0" + struct.pack("<I", len(records)) + records


def place() -> bytes:
    text = f"{LAT:+.4f}{LON:+09.4f}+245/".encode()
    return FTYP + box(b"moov", box(b"udta", box(b"\xa9xyz", struct.pack(">HH", len(text), 0x15C7), text)))
