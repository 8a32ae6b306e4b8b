"""`freeGPS ` blocks, built from their layouts; a function a layout, and a block a second."""

from __future__ import annotations

import struct

from tests.support.camera_files.drive import COURSE_DEG, KMH, KNOTS, SPEED_MPS, clock, ddmm, hms_ymd, position, rmc

#: The block that ExifTool's source prints of an E-ACE B44: 43.7121 N, 79 or so W, 21.5 knots.
EACE = bytes.fromhex(
    "0000400066726565475053 20f003000008000000220000000100000018000000"
    "080000001000000041 4e4500674e69695a384a54744863613674773d00000000"
    "687475695a4d4a5373585558374e6f3d00000000643bac41e13a1d432b010000".replace(" ", "")
).ljust(512, b"\0")


def freegps(content: bytes, length: int = 512) -> bytes:
    """A block: its size, its name, then what makers put into it."""
    return (struct.pack(">I", length) + b"freeGPS " + content).ljust(length, b"\0")


def novatek(second: int, anchor: int = 72, status: bytes = b"A") -> bytes:
    lat, lon = position(second)
    floats = struct.pack("<4f", ddmm(lat), ddmm(lon), KNOTS, COURSE_DEG)
    head = bytes(anchor - 24 - 12)
    return freegps(head + struct.pack("<6I", *hms_ymd(second)) + status + b"NE\0" + floats)


def viofo_unlocked(second: int) -> bytes:
    return freegps(struct.pack("<4x6I", *hms_ymd(second)) + b"V00\0")


def vantrue(second: int) -> bytes:
    return freegps(bytes(90) + b" $" + rmc(second, talker="GNRMC").encode() + b"\r\n")


def seventymai(second: int) -> bytes:
    lat, lon = (round(ddmm(angle) * 1e5) for angle in position(second))
    head = b"\xed\1\0\0\3\0\xed\1\0\0\0\x0f\0\0\x70\x08\0\0A"
    return freegps(head + struct.pack("<4i", lat, lon, int(COURSE_DEG), int(KMH)))


def akaso(second: int) -> bytes:
    lat, lon = position(second)
    hour, minute, sec, year, month, day = hms_ymd(second)
    body = struct.pack(
        "<3I4sf4sf4sff3I",
        hour,
        minute,
        sec,
        b"A",
        ddmm(lat),
        b"N",
        ddmm(lon),
        b"E",
        KMH,
        COURSE_DEG,
        year + 2000,
        month,
        day,
    )
    return freegps(bytes(36) + body)


def doubles(second: int) -> bytes:
    lat, lon = position(second)
    hour, minute, sec, year, month, day = hms_ymd(second)
    body = struct.pack(
        "<3I4sd8sd8sdd3I",
        hour,
        minute,
        sec,
        b"A",
        ddmm(lat),
        b"N",
        ddmm(lon),
        b"E",
        KNOTS,
        COURSE_DEG,
        year,
        month,
        day,
    )
    return freegps(b"20130815.01".ljust(36, b"\0") + body)


def vantrue_doubles(second: int) -> bytes:
    lat, lon = position(second)
    hour, minute, sec, year, month, day = hms_ymd(second)
    body = struct.pack(
        "<3I4sd8sd8sdd3I",
        hour,
        minute,
        sec,
        b"A",
        ddmm(lat),
        b"N",
        ddmm(lon),
        b"E",
        KNOTS,
        COURSE_DEG,
        year,
        month,
        day,
    )
    return freegps(bytes(4) + body)


def horsontech(second: int) -> bytes:
    lat, lon = position(second)
    hour, minute, sec, year, month, day = hms_ymd(second)
    clock_ = struct.pack("<6I", year, month, day, hour, minute, sec)
    return freegps(
        bytes(36)
        + b"horsontech".ljust(16, b"\0")
        + b"ANE\0"
        + clock_
        + struct.pack("<5f", ddmm(lon), ddmm(lat), KNOTS, COURSE_DEG, 210)
    )


def iqs(second: int) -> bytes:
    lat, lon = position(second)
    ints = struct.pack("<3i", round(lat * 1e7), round(lon * 1e7), round(SPEED_MPS * 100))
    head = b"\x4c\0\0\0IQS_A7_20150417\0".ljust(36, b"\0")
    return freegps(head + struct.pack("<6I", *hms_ymd(second)) + b"ANE\0" + ints)


def innovv(second: int) -> bytes:
    lat, lon = position(second)
    record = b"ANE\0" + struct.pack("<4f3i", ddmm(lat), ddmm(lon), KNOTS, COURSE_DEG, 1, 2, 3)
    return freegps(b"\xf0\3\0\0" + record)


def xbht(second: int) -> bytes:
    lat, lon = (round(ddmm(angle) * 1e4) for angle in position(second))
    hour, minute, sec, year, month, day = hms_ymd(second)
    record = bytes([0, year, month, day, hour, minute, sec, 0]) + b"ANEd" + struct.pack("<4xIII", lat, lon, 0)
    return freegps(b"\xf0\3\0\0" + record + struct.pack("<H", int(KMH)))


def xgody(second: int) -> bytes:
    lat, lon = position(second)
    place = f"N:{lat:.6f} E:{lon:.6f} {KNOTS:.1f} km/h"
    line = f"normal:{clock(second):%Y/%m/%d %H:%M:%S} {place} x:0.00 y:0.99 z:0.1 A:{COURSE_DEG} H:245.5"
    return freegps(struct.pack("<I", len(line)) + line.encode())


def nextbase_512(second: int) -> bytes:
    lat, lon = position(second)
    at = clock(second)
    record = b"$S" + struct.pack(
        ">HhHBBBBHBii",
        1000,
        int(COURSE_DEG * 100),
        at.year,
        at.month,
        at.day,
        at.hour,
        at.minute,
        at.second * 10,
        2,
        round(lat * 1e7),
        round(lon * 1e7),
    )
    return freegps(b"\x78\1\0\0x.xx".ljust(36, b"\0") + record)


def xored_text(second: int) -> bytes:
    """Azdome's text under 0xAA, from its second byte on."""
    lat, lon = position(second)
    text = (
        b"\0\0XKZD\xfe\xfe"
        + f"{clock(second):%Y%m%d%H%M%S}".encode()
        + bytes(16)
        + f"N{round(ddmm(lat) * 1e4):08d}E{round(ddmm(lon) * 1e4):09d}{int(KMH):08d}".encode()
    )
    return bytes(byte ^ 0xAA for byte in text.ljust(290, b"\0"))


def azdome(second: int) -> bytes:
    return freegps(b"\5\1\0\0\1\3" + xored_text(second))


def shifted(second: int) -> bytes:
    hidden = bytes(byte + 16 for byte in b"$" + rmc(second).encode())
    return freegps(bytes(48) + hidden.ljust(100, b"\0"))


def atc(second: int) -> bytes:
    lat, lon = position(second)
    at = clock(second)
    record = bytearray(52)
    record[13:16] = bytes([at.hour - 1, at.minute, at.second])
    struct.pack_into("<i", record, 0x10, round(lat * 1e7))
    struct.pack_into("<i", record, 0x18, round(lon * 1e7))
    struct.pack_into("<ihhiHBB", record, 0x20, 1000, int(COURSE_DEG * 100), 0, 210_000, at.year, at.month, at.day)
    for place in (*range(0x15), *range(0x18, 0x1C)):
        record[place] ^= 0x5A
    for place in (0x1C, *range(0x20, 0x33)):
        record[place] ^= 0xC3
    record[0x15:0x18], record[0x1D:0x20] = b"ATC", b"001"
    return freegps(b"IQS20130306B".rjust(16, b"\0").ljust(36, b"\0") + bytes(record))
