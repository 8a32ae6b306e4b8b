"""Positions that makers hide from others' eyes: exclusive or, a shifted alphabet, RC4 with published keys.

Ciphers and keys: ExifTool's QuickTimeStream.pl and the threads that it cites. Clocks are the camera's, without a zone,
except where an NMEA sentence appears.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
import struct

from pipeline.camera.embedded.readers.nmea import fixes_in
from pipeline.camera.embedded.readers.values import KMH_MPS, KNOT_MPS, degrees, known, make_fix, moment, signed
from pipeline.camera.records import Fix

#: What the text of Azdome, EEEkit, Lamax, Rove and Ambarella A12 begins with, behind two bytes.
XORED = (b"\xf2\xe1\xf0\xeeTT", b"\xaa\xaa\xaa\xaaTT")
_XOR_AA = bytes(byte ^ 0xAA for byte in range(256))
_LESS_16 = bytes(max(0, byte - 16) if byte >= 16 else byte for byte in range(256))
_XORED_TEXT = re.compile(
    rb".{8}(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d).{16}([NS])(\d{8})([EW])(\d{9})(?:(\d{8})|([-+]\d{4}|.{5})(\d{3}))?",
    re.DOTALL,
)
#: `$GPRMC,` with sixteen added to each letter.
_SHIFTED_RMC = b"4W`b]S<"
_BASE64 = re.compile(rb"([A-Za-z0-9+/]{8,20}={0,2})\0*")
_RC4_KEYS = (b"luckychip gps", *(b"customer %c%c gps" % (letter, letter) for letter in b"abcdefghijklmnopqrs"))
_DDMM = re.compile(rb"\d{1,5}\.\d{1,12}")
#: Roadhawk writes each of these 40 letters as the one that stands 43 above its place.
_ROADHAWK = {chr(43 + place): letter for place, letter in enumerate("-I8XQWRVNZOYPUTA0B1C2SJ9K.L,M$D3E4F5G6H7")}


def hidden_fixes(block: bytes) -> list[Fix] | None:
    """The fixes of a hidden freeGPS block; None where it hides nothing, or nothing known."""
    if block[20:26] == XORED[0]:
        return xored_fixes(block[18:])
    if block[60:67] == _SHIFTED_RMC:
        return fixes_in(block[60:160].translate(_LESS_16).decode("latin-1"))
    if block[69:72] == b"ATC":
        return _atc(block)
    return _rc4_block(block)


def xored_fixes(data: bytes) -> list[Fix]:
    """Text under 0xAA: date and time, sides, degrees and minutes times ten thousand, height, km/h."""
    found = _XORED_TEXT.match(data[:96].translate(_XOR_AA))
    if found is None:
        return []
    year, month, day, hour, minute, second = (int(found[number]) for number in range(1, 7))
    kmh = found[11] or found[13]
    fix = make_fix(
        signed(degrees(int(found[8]) / 1e4), found[7]),
        signed(degrees(int(found[10]) / 1e4), found[9]),
        at=moment(year, month, day, hour, minute, second),
        speed_mps=int(kmh) * KMH_MPS if kmh else None,
    )
    return known([fix])


def _atc(block: bytes) -> list[Fix]:
    """Records of 52 bytes, each with its own two keys; the whole ring of the camera's memory stands in each block."""
    found: list[Fix | None] = []
    for at in range(48, min(len(block), 2048) - 51, 52):
        record = bytearray(block[at : at + 52])
        if record[0x15:0x18] != b"ATC" or record[0x1D:0x20] != b"001":
            continue
        first, second = record[0x14], record[0x1C]
        for place in (*range(0x15), *range(0x18, 0x1C)):
            record[place] ^= first
        for place in (0x1C, *range(0x20, 0x33)):
            record[place] ^= second
        hour, minute, seconds = record[13:16]
        lat, lon = struct.unpack_from("<i4xi", record, 0x10)
        cm_s, course, _, mm, year, month, day = struct.unpack_from("<ihhiHBB", record, 0x20)
        clock = moment(year, month, day, hour + 1, minute, seconds)
        if clock is not None:
            found.append(
                make_fix(
                    lat / 1e7,
                    lon / 1e7,
                    at=clock,
                    speed_mps=cm_s / 100,
                    bearing_deg=course / 100 % 360,
                    altitude_m=mm / 1000,
                )
            )
    return known(found)


def _rc4_block(block: bytes) -> list[Fix] | None:
    """E-ACE B44: Viofo's layout with both angles as text in base64, mostly under RC4."""
    if len(block) < 92 or not re.match(rb"[AV][NS][EW]", block[40:43]):
        return None
    texts = [_BASE64.fullmatch(block[start : start + 20]) for start in (44, 64)]
    if not texts[0] or not texts[1]:
        return None
    hour, minute, second, year, month, day = struct.unpack_from("<6I", block, 16)
    angles = _rc4_angles(texts[0][1], texts[1][1])
    if angles is None or block[40:41] != b"A":
        return []
    knots, course = struct.unpack_from("<ff", block, 84)
    fix = make_fix(
        signed(degrees(angles[0]), block[41:42]),
        signed(degrees(angles[1]), block[42:43]),
        at=moment(year, month, day, hour, minute, second),
        speed_mps=knots * KNOT_MPS,
        bearing_deg=course,
    )
    return known([fix])


def _rc4_angles(lat: bytes, lon: bytes) -> tuple[float, float] | None:
    """Both angles under the first key that makes numbers of both."""
    try:
        hidden = base64.b64decode(lat), base64.b64decode(lon)
    except binascii.Error:
        return None
    for key in _RC4_KEYS:
        shown = [_rc4(text, key) for text in hidden]
        if all(_DDMM.fullmatch(text) for text in shown):
            return float(shown[0]), float(shown[1])
    return None


def _rc4(data: bytes, key: bytes) -> bytes:
    box = list(range(256))
    swap = 0
    for place in range(256):
        swap = (swap + box[place] + key[place % len(key)]) & 255
        box[place], box[swap] = box[swap], box[place]
    place = swap = 0
    out = bytearray()
    for byte in data:
        place = (place + 1) & 255
        swap = (swap + box[place]) & 255
        box[place], box[swap] = box[swap], box[place]
        out.append(byte ^ box[(box[place] + box[swap]) & 255])
    return bytes(out)


def shown_text(text: str) -> str:
    """A subtitle whose letters a camera has exchanged, in the clear; `text` itself where that is none."""
    if re.search(r"\*[0-9A-F]{2}~\s*$", text):
        clear = "".join(_ROADHAWK.get(letter, letter) for letter in text.rstrip()[:-4])
        return clear if "$GPRMC," in clear else text
    if len(text) > 40 and text[0] == "\0" and text[-1] == "\n":
        # E-PRANCE B47FS adds a number to each letter; the fourth from the end is the asterisk before the checksum.
        shift = ord("*") - ord(text[-4])
        clear = "".join(chr((ord(letter) + shift) & 255) for letter in text[1:-1])
        return clear if "RMC," in clear and set(clear) <= set(string.printable) else text
    return text
