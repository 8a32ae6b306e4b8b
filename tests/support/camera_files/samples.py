"""Samples of tracks, built from their formats' layouts; one a second of the drive."""

from __future__ import annotations

import datetime as dt
import struct

from tests.support.camera_files.drive import (
    BEGAN,
    COURSE_DEG,
    KMH,
    KNOTS,
    SPEED_MPS,
    STEP_DEG,
    clock,
    ddmm,
    hms_ymd,
    position,
    rmc,
)


def gpmf(second: int, *, lock: int = 3, nine: bool = False) -> bytes:
    def item(key: bytes, kind: bytes, width: int, data: bytes) -> bytes:
        return (key + kind + struct.pack(">BH", width, len(data) // width) + data).ljust(
            8 + -(-len(data) // 4) * 4, b"\0"
        )

    rows = b""
    for part in range(10):
        lat, lon = position(second)
        row = (
            round((lat + part * STEP_DEG / 10) * 1e7),
            round((lon + part * STEP_DEG / 10) * 1e7),
            245_000,
            10_000,
            10_000,
        )
        rows += struct.pack(">5i", *row)
        if nine:
            days = (clock(second).date() - dt.date(2000, 1, 1)).days
            at = clock(second)
            millis = (at.hour * 3600 + at.minute * 60 + at.second) * 1000 + part * 100
            rows += struct.pack(">2i2H", days, millis, 150, lock)
    scale = [10_000_000, 10_000_000, 1000, 1000, 1000, *([1, 1000, 100, 1] if nine else [])]
    stream = (
        item(b"GPSF", b"L", 4, struct.pack(">I", lock))
        + item(b"GPSU", b"U", 16, f"{clock(second):%y%m%d%H%M%S}.000".encode())
        + item(b"SCAL", b"l", 4, struct.pack(f">{len(scale)}i", *scale))
        + (item(b"GPS9", b"?", 32, rows) if nine else item(b"GPS5", b"l", 20, rows))
    )
    device = item(b"DVNM", b"c", 1, b"HERO11 Black") + item(b"STRM", b"\0", 1, stream)
    return item(b"DEVC", b"\0", 1, device)


def camm(second: int) -> list[bytes]:
    lat, lon = position(second)
    moved = struct.pack("<HH3f", 0, 3, 0.1, 0.2, 9.8)
    seconds = (clock(second) - dt.datetime(1980, 1, 6)).total_seconds() + 18
    fix = struct.pack("<HHdIdd7f", 0, 6, seconds, 3, lat, lon, 245, 3, 3, 6.9466, 7.1934, 0, 1)
    return [moved, moved, fix]


def ssmd(second: int, *, flags: int = 0x057E) -> bytes:
    lat, lon = position(second)
    at = clock(second)
    fields = at.day, at.hour, at.minute, at.second, int(COURSE_DEG / 2)
    return struct.pack("<ddiHH5B", lat, lon, 245, int(KMH), flags, *fields) + b"\1\1\0" + struct.pack("<II", 1, 0)


def ssmd_unlocked(second: int) -> bytes:
    at = clock(second) + dt.timedelta(hours=2)
    return struct.pack(
        "<ddiHH4B", 4_294_967_295.0, 4_294_967_295.0, -1, 0xFFFF, 0x047E, at.day, at.hour, at.minute, at.second
    ) + bytes.fromhex("ff00ffff0100000000000000")


def rove(second: int) -> bytes:
    lat, lon = position(second)
    hour, minute, sec, year, month, day = hms_ymd(second)
    return (
        struct.pack("<dd4xH6B", ddmm(lat), ddmm(lon), round(KNOTS), year, month, day, hour, minute, sec) + b"\xff\1\1\0"
    )


def txet(second: int) -> bytes:
    lat, lon = position(second)
    seconds = int(clock(second).replace(tzinfo=dt.UTC).timestamp())
    return bytes(52) + struct.pack("<BBHfffI", 1, 1, 245, KMH, ddmm(lat), ddmm(lon), seconds)


def pndm(second: int) -> bytes:
    lat, lon = (round(angle * 2**31 / 180) for angle in position(second))
    return struct.pack("<4s4xH2xii", b"PNDM", round(SPEED_MPS / 0.44704), lat, lon)


def rvmi(second: int) -> bytes:
    lat, lon = position(second)
    return b"gReV" + struct.pack(
        "<iiihHB", round(lat * 1e6), round(lon * 1e6), 0, int(KMH * 10), int(COURSE_DEG / 2), 12
    )


def rvmi_start() -> bytes:
    days = (BEGAN - dt.datetime(1899, 12, 30)) / dt.timedelta(days=1)
    return b"tReV" + struct.pack("<dB", days, 12)


def wolfbox(second: int) -> bytes:
    lat, lon = position(second)
    hour, minute, sec, year, month, day = hms_ymd(second)
    data = bytearray(0xF8)
    for at, value, scale in (
        (0x48, KNOTS, 100),
        (0x58, COURSE_DEG, 100),
        (0xB0, ddmm(lat), 100_000),
        (0xC0, ddmm(lon), 100_000),
        (0xE8, 245, 10),
    ):
        struct.pack_into("<qq", data, at, round(value * scale), scale)
    struct.pack_into("<3I", data, 0x68, day, month, year + 2000)
    struct.pack_into("<3I", data, 0xA0, hour, minute, sec)
    return bytes(data)


def wolfbox_without_date(second: int) -> bytes:
    lat, lon = position(second)
    data = bytearray(1000)
    for at, value, scale in (
        (0x28, ddmm(lat), 100_000),
        (0x38, ddmm(lon), 100_000),
        (0x48, KNOTS, 100),
        (0x58, COURSE_DEG, 100),
    ):
        struct.pack_into("<qq", data, at, round(value * scale), scale)
    struct.pack_into("<i", data, 0, 1)
    struct.pack_into("<3I", data, 0x10, *hms_ymd(second)[:3])
    return bytes(data)


def fmas(second: int) -> bytes:
    lat, lon = position(second)
    at = clock(second)

    def parts(angle: float) -> tuple[int, int, int]:
        minutes = (angle - int(angle)) * 60
        return int(angle), int(minutes), round((minutes - int(minutes)) * 6000)

    x, y = parts(lon), parts(lat)
    head = b"FMAS".ljust(80, b"\0") + b"SAMM".ljust(16, b"\0")
    clock_ = struct.pack("<H5B", at.year, at.month, at.day, at.hour, at.minute, at.second)
    body = b"AEN" + struct.pack("<BBxHBBHHH", *x, *y, round(SPEED_MPS / 0.44704), int(COURSE_DEG))
    return (head + clock_.ljust(24, b"\0") + body).ljust(160, b"\0")


def tx3g(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def thinkware(second: int) -> bytes:
    return tx3g(f"gsensori,4,512,5,-3,8;{rmc(second)}\r\n;CAR,0,0,0,0.0")


def nextbase(second: int) -> bytes:
    """288 bytes: zeros, the clock, accelerations, then two sentences; the checksum is never right."""
    body = bytes(4) + f"{clock(second):%Y%m%d%H%M%S}".encode().ljust(28, b"\0")
    sentence = b"$" + rmc(second, checksum=0).encode()
    return struct.pack(">H", 288) + (body + sentence.ljust(128, b"\0")).ljust(288, b"\0")


def roadhawk(second: int) -> bytes:
    """A sentence whose letters are exchanged for those at their place in the camera's table, from 43 on."""
    table = {letter: chr(43 + place) for place, letter in enumerate("-I8XQWRVNZOYPUTA0B1C2SJ9K.L,M$D3E4F5G6H7")}
    clear = "X0000.2340Y-000.0720Z0000.9900G0001.0400$" + rmc(second).split("*")[0]
    return ("".join(table[letter] for letter in clear) + "*6F~").encode()


def eprance(second: int) -> bytes:
    """A sentence with a number added to each of its letters."""
    return b"\0" + bytes((letter - 9) & 255 for letter in f"12\t34\t56\t${rmc(second)}".encode()) + b"\n"


def dji(second: int) -> bytes:
    lat, lon = position(second)
    return tx3g(f"F/3.5, SS 1000, ISO 100, EV 0, GPS ({lon:.4f}, {lat:.4f}, 18), D 24.26m, H 6.00m, H.S 10.00m/s")


def dji_named(second: int) -> bytes:
    lat, lon = position(second)
    return tx3g(f"{clock(second)} [iso : 100] [latitude: {lat:.6f}] [longtitude: {lon:.6f}] [altitude: 245.0]")


def mini(second: int) -> bytes:
    lat, lon = (ddmm(angle) for angle in position(second))
    place = f"{lat:.4f},N,{lon:010.4f},E,{KMH:.1f},245.0M"
    return f"A,{clock(second):%d%m%y,%H%M%S}.000,{place},+01.84,-09.80,-00.61;\n".encode()
