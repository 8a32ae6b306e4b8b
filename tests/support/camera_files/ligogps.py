"""LigoGPS, built from its layouts: plain, in groups of letters, with letters exchanged, as JSON."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable

from tests.support.camera_files.drive import COURSE_DEG, KMH, KNOTS, SECONDS, clock, position
from tests.support.camera_files.mp4 import FTYP, box


def ligo_line(second: int) -> str:
    lat, lon = position(second)
    place = f"N:{lat:.6f} E:{lon:.6f} {KMH:.1f} km/h"
    return f"{clock(second):%Y/%m/%d %H:%M:%S} {place} x:0.00 y:0.00 z:0.00 A:{COURSE_DEG} H:245.0"


def ligo_table(*, name: bytes = b"LIGOGPSINFO") -> bytes:
    slots = b"".join((struct.pack(">I", n + 1) + ligo_line(n).encode()).ljust(132, b"\0") for n in SECONDS)
    head = name + b"     " + struct.pack(">I", len(SECONDS))
    return struct.pack(">I", len(slots) + 24) + b"SKIP" + head + slots + b"####" + struct.pack(">I", len(slots) + 36)


def ligo_grouped(second: int) -> bytes:
    """A slot whose letters are hidden in groups of four, as CARCAM does; knots."""
    lat, lon = position(second)
    text = bytes([second, 0, 0, 0]) + f"{clock(second):%Y/%m/%d %H:%M:%S} N:{lat:.6f} E:{lon:.6f} {KNOTS:.2f}".encode()
    text = text.ljust(-(-len(text) // 4) * 4, b"\0")
    out = bytearray()
    for at in range(0, len(text), 4):
        letters = [letter ^ 0x20 for letter in text[at : at + 4]]
        first = 0xC0 | (letters[0] & 1) | (letters[1] & 2) | (letters[2] & 0x0C) | (letters[3] & 0x10)
        out += bytes([first, letters[0] & ~1, letters[1] & ~2, letters[2] & ~0x0C, letters[3] & ~0x10])
    return b"####" + struct.pack("<I", len(out)) + bytes(out).ljust(132, b"\0")


def ligo_sample(second: int) -> bytes:
    return b"SKIPLIGOGPSINFO" + b"\0\0\0\0\5\5\0\0\0" + ligo_grouped(second)


def ligo_exchanged(seconds: Iterable[int], *, signed: bool = True) -> list[bytes]:
    """Slots with letters exchanged: each digit and capital by another one of 0x30 to 0x5F. South-west, if `signed`."""
    letters = bytes((number * 7 + 11) % 48 + 0x30 for number in range(48))
    table = bytes.maketrans(bytes(range(0x30, 0x60)), letters)
    slots = []
    for second in seconds:
        lat, lon = position(second)
        sides = ("S:-", "W:-") if signed else ("N:", "E:")
        place = f"{sides[0]}{lat:.6f} {sides[1]}{lon:.6f}"
        text = f"{clock(second):%Y/%m/%d %H:%M:%S} {place} {KNOTS:.2f}".encode()
        slots.append((b"####" + bytes([second, 0, 7, 0]) + text.translate(table)).ljust(132, b"\0"))
    return slots


def ligo_json() -> bytes:
    records = b""
    for second in SECONDS:
        lat, lon = position(second)
        names = {"Year": "%Y", "Month": "%m", "Day": "%d", "Hour": "%H", "Minute": "%M", "Second": "%S"}
        said = {name: f"{clock(second):{form}}" for name, form in names.items()}
        said |= {"status": "A", "NS": "N", "EW": "E", "Latitude": f"{lat:.6f}", "Longitude": f"{lon:.6f}"}
        said |= {"Speed": f"{KNOTS:.2f}"}
        records += f"LIGOGPSINFO {json.dumps(said)}".encode().ljust(512, b"\0")
    return FTYP + box(b"mdat", bytes(64)) + box(b"udta", records)
