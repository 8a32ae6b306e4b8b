"""LigoGPS: lines of text with date, position and speed, plain or hidden; CARCAM, Kingslim, iiway, Rexing, Redtiger, …

`LIGOGPSINFO`, nine bytes, then slots of 132 bytes. A slot that begins with `####` hides its text: in groups of four
letters whose first byte says how, or with letters exchanged, which the seconds' counting gives away. Some firmwares
also swap the fractions of latitude and longitude and stretch them. Source: ExifTool's LigoGPS.pm; which carrier is
stretched and which is not: that, and dashcamigo's notes on real files. The clock is the camera's local time.
"""

from __future__ import annotations

import math
import re
import struct
from collections import Counter
from collections.abc import Sequence
from itertools import islice, pairwise

from pipeline.camera.embedded.readers.values import KMH_MPS, KNOT_MPS, degrees, known, make_fix, moment
from pipeline.camera.records import Fix

MAGIC = re.compile(rb"L(?:IGO|CAI)GPSINFO[\0 ]")
SLOT_BYTES = 132
HEAD_BYTES = 20
#: A day at one slot a second.
MOST_SLOTS = 86_400
#: Real files have two.
MOST_DIRECTORIES = 64
STRETCHED = "The camera stretches its positions by a factor of its model's; this one was taken for the usual one."
SIDELESS = "The camera hides which hemisphere this is in."

#: By how much fractions of degrees are stretched: most, then iiway S1, then ABASK A8.
_SCALES = {1: 1.524855137, 2: 1.456027985, 3: 1.15368}
_LINE = re.compile(
    rb".{4}(\d{4})/(\d\d?)/(\d\d?) (\d\d?):(\d\d?):(\d\d?)\s+([NS?]):(-?)([\d.]{1,12})\s+([EW?]):(-?)([\d.]{1,12})"
    rb"\s+([\d.]{1,8})",
    re.DOTALL,
)
_COURSE, _HEIGHT = re.compile(rb"\bA:(\d[\d.]{0,7})"), re.compile(rb"\bH:(-?\d[\d.]{0,7})")
#: `YYYY/MM/DD HH:MM:SS ` with letters exchanged: those of the digits and of the colon are not known yet.
_EXCHANGED = re.compile(rb"([0-_])[0-_]{3}/[0-_]{2}/[0-_]{2} ..([0-_])..([0-_]).([0-_]) ")


def ligogps_fixes(data: bytes, *, scale: int | None = None) -> list[Fix]:
    """The fixes of a directory that begins with its name; `scale` says that hidden positions may be stretched."""
    if not MAGIC.match(data):
        return []
    if data[12:16] in (b"\0\0\0\1", b"\0\0\0\x14"):
        scale = None
    slots = [data[at : at + SLOT_BYTES] for at in range(HEAD_BYTES, len(data) - 7, SLOT_BYTES)][:MOST_SLOTS]
    if not slots or slots[0].startswith(b"####") or not any(slot[:SLOT_BYTES].strip(b"\0") for slot in slots[:1]):
        return _hidden([slot for slot in slots if slot.startswith(b"####")], scale)
    return _plain(slots)


def directories(data: bytes) -> list[bytes]:
    """The directories in a stretch of a file, each from its name to the next one's."""
    starts = [found.start() for found in islice(MAGIC.finditer(data), MOST_DIRECTORIES)]
    return [data[start:until] for start, until in pairwise([*starts, len(data)])]


def ligogps_samples(samples: Sequence[bytes], *, scale: int | None) -> list[list[Fix]]:
    """The fixes of each sample of a track; letters exchanged in one are known from all of them."""
    slots = []
    for sample in samples:
        found = MAGIC.search(sample)
        slots.append(sample[found.start() + HEAD_BYTES :][: SLOT_BYTES + 8] if found else b"")
        if found and sample[found.start() + 12 : found.start() + 16] in (b"\0\0\0\1", b"\0\0\0\x14"):
            scale = None
    letters = _letters(slots)
    return [_shown(slot, letters, scale) if slot.startswith(b"####") else [] for slot in slots]


def _plain(slots: Sequence[bytes]) -> list[Fix]:
    """Redtiger F9, Beferich J18: km/h, never stretched; `####` or `&&&&` ends the table."""
    found: list[Fix | None] = []
    for slot in slots:
        if slot[:4] in (b"####", b"&&&&"):
            break
        found.append(_fix(slot, KMH_MPS, None))
    return known(found)


def _hidden(slots: Sequence[bytes], scale: int | None) -> list[Fix]:
    letters = _letters(slots)
    return [fix for slot in slots for fix in _shown(slot, letters, scale)]


def _shown(slot: bytes, letters: bytes | None, scale: int | None) -> list[Fix]:
    text = _ungrouped(slot)
    fix = _fix(text, KNOT_MPS, scale) if text is not None else None
    if fix is None and letters is not None:
        fix = _fix(slot[4:8] + slot[8:].translate(letters), KNOT_MPS, scale, sideless=True)
    return known([fix])


def _fix(line: bytes, unit_mps: float, scale: int | None, *, sideless: bool = False) -> Fix | None:
    """A line's fix: date, time, sides and degrees, speed, and course and height where they stand.

    A question mark for a side says that there is no fix, and in a `sideless` line that its letter is not known.
    """
    found = _LINE.match(line)
    if found is None:
        return None
    try:
        lat, lon, speed = float(found[9]), float(found[12]), float(found[13])
        course, height = (float(field[1]) if (field := form.search(line)) else None for form in (_COURSE, _HEIGHT))
    except ValueError:
        return None
    doubt = None
    if re.match(rb"\d{3}", found[9]) and lat >= 100:
        lat, lon, unit_mps = degrees(lat), degrees(lon), KMH_MPS
    if scale is not None:
        lat, lon, doubt = *_unstretched(lat, lon, _SCALES[scale]), STRETCHED
    if b"?" in (found[7], found[10]) and not (found[8] or found[11]):
        if not sideless:
            return None
        doubt = SIDELESS
    lat = -lat if found[8] or found[7] == b"S" else lat
    lon = -lon if found[11] or found[10] == b"W" else lon
    at = moment(*(int(found[number]) for number in range(1, 7)))
    return make_fix(lat, lon, at=at, speed_mps=speed * unit_mps, bearing_deg=course, altitude_m=height, doubt=doubt)


def _unstretched(lat: float, lon: float, factor: float) -> tuple[float, float]:
    """Fractions of ten degrees are swapped between the angles and stretched."""
    tens_lat, tens_lon = math.trunc(lat / 10) * 10, math.trunc(lon / 10) * 10
    return tens_lat + (lon - tens_lon) * factor, tens_lon + (lat - tens_lat) * factor


def _ungrouped(slot: bytes) -> bytes | None:
    """A slot's text out of its groups; None where it was hidden otherwise."""
    if len(slot) < 12:
        return None
    (length,) = struct.unpack_from("<I", slot, 4)
    if length < 4:
        return None
    data = slot[8 : 8 + min(length, SLOT_BYTES)]
    out = bytearray()
    at = 0
    while at < len(data):
        group = _group(data[at], data[at + 1 : at + 5])
        if group is None:
            # A line ends where the slot does, in the middle of a group or not.
            return bytes(out) if len(out) > 60 else None
        letters, used = group
        out += letters
        at += 1 + used
    return bytes(out)


#: By the first byte's upper three bits: where the space stands that is left out, and which bits each letter lost.
_GROUPS = {
    0x40: (0, (0x01, 0x06, 0x18)),
    0x60: (1, (0x03, 0x04, 0x18)),
    0x80: (2, (0x03, 0x0C, 0x10)),
    0xA0: (3, (0x01, 0x06, 0x18)),
}


def _group(first: int, rest: bytes) -> tuple[bytes, int] | None:
    """The letters of one group, and how many bytes behind the first it took."""
    kind = first & 0xE0
    if kind >= 0xC0:
        if len(rest) < 4:
            return None
        lost = (first & 0x01, first & 0x02, first & 0x0C)
        letters = bytes((byte | bits) ^ 0x20 for byte, bits in zip(rest, lost, strict=False))
        return letters + bytes([(rest[3] ^ 0x20) | (first & 0x30)]), 4
    if kind == 0:
        return (bytes([rest[0] | (first & 0x13)]), 1) if rest else None
    if kind not in _GROUPS or len(rest) < 3:
        return None
    space, masks = _GROUPS[kind]
    letters = bytes((byte | (first & mask)) ^ 0x20 for byte, mask in zip(rest, masks, strict=False))
    return letters[:space] + b" " + letters[space:], 3


def _letters(slots: Sequence[bytes]) -> bytes | None:
    """The table back from exchanged letters: the seconds' last digit counts up, and the year begins with a two."""
    heads = [head for slot in slots if slot.startswith(b"####") and (head := _EXCHANGED.match(slot, 8))]
    heads = [head for head in heads if head[2] == head[3]]
    steps = Counter((one[4], two[4]) for one, two in pairwise(heads) if one[4] != two[4])
    following: dict[bytes, bytes] = {}
    for (one, two), _ in steps.most_common():
        following.setdefault(one, two)
    if not heads or len(following) != 10:
        return None
    order = [heads[0][1]]
    while len(order) < 10 and (after := following.get(order[-1])) is not None and after not in order:
        order.append(after)
    if len(order) != 10 or following[order[9]] != order[0]:
        return None
    table = bytearray(range(256))
    table[0x30:0x60] = b"?" * 0x30
    for number, letter in enumerate(order):
        table[letter[0]] = 0x30 + (2 + number) % 10
    table[heads[0][2][0]] = ord(":")
    return bytes(table)
