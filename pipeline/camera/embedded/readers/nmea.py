"""NMEA 0183: sentences RMC and GGA into fixes. RMC says UTC, and so do these.

Cameras leave out the dollar sign (Thinkware), glue sentences to other text and end them as they like, so sentences are
found wherever they are. Source: NMEA 0183 as receivers' manuals print it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from pipeline.camera.embedded.readers.values import KNOT_MPS, degrees, make_fix, moment, signed
from pipeline.camera.records import Fix

BAD_CHECKSUM = "The sentence's checksum does not fit."

#: A talker's two letters, the sentence's name, its fields, its checksum.
_SENTENCE = re.compile(r"([A-Z]{2})(RMC|GGA),([0-9A-Za-z.,+-]{8,120})(?:\*([0-9A-Fa-f]{2}))?")
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d(?:\.\d{0,9})?)")
_DATE = re.compile(r"(\d\d)(\d\d)(\d\d)")
_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{0,12})?")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: where it stands in the text, which one, its fields, and whether its checksum contradicts it."""

    at: int
    name: str
    fields: tuple[str, ...]
    broken: bool


def sentences(text: str) -> list[Sentence]:
    """RMC and GGA sentences in the order of the text; other ones are passed over."""
    return [
        Sentence(
            at=found.start(),
            name=found[2],
            fields=tuple(found[3].split(",")),
            broken=found[4] is not None and int(found[4], 16) != _checksum(f"{found[1]}{found[2]},{found[3]}"),
        )
        for found in _SENTENCE.finditer(text)
    ]


def fixes_in(
    text: str,
    *,
    offset_s: float | None = None,
    offset_of: Callable[[int], float | None] | None = None,
    checksums: bool = True,
) -> list[Fix]:
    """What the text's sentences say; a GGA adds its altitude to the RMC of its moment.

    They are all at `offset_s` seconds, or each where `offset_of` says of its place in the text.
    A GGA of another moment is a fix of its own, on the date of the RMC before it. Sentences without a fix give none;
    those with a wrong checksum give one that is doubted, unless the camera is known for wrong `checksums`.
    """
    found: list[Fix] = []
    for sentence in sentences(text):
        doubt = BAD_CHECKSUM if sentence.broken and checksums else None
        if sentence.name == "RMC":
            fix = rmc(sentence.fields)
        else:
            fix = gga(sentence.fields, found[-1].at if found else None)
            if fix and found and fix.at == found[-1].at and doubt == found[-1].doubt:
                found[-1] = replace(found[-1], altitude_m=fix.altitude_m)
                continue
        if fix:
            at_s = offset_of(sentence.at) if offset_of else offset_s
            found.append(replace(fix, offset_s=at_s, doubt=doubt))
    return found


def without_idle_doubt(fixes: Sequence[Fix]) -> list[Fix]:
    """The same fixes; believed where not one has a right checksum: such cameras count wrong, they do not read wrong."""
    idle = bool(fixes) and all(fix.doubt == BAD_CHECKSUM for fix in fixes)
    return [replace(fix, doubt=None) for fix in fixes] if idle else list(fixes)


def rmc(fields: tuple[str, ...]) -> Fix | None:
    """Recommended minimum: time, status, position, speed in knots, course, date. None without a fix."""
    if len(fields) < 9 or fields[1] not in ("A", ""):
        return None
    time, date = _TIME.fullmatch(fields[0]), _DATE.fullmatch(fields[8])
    at = (
        moment(int(date[3]), int(date[2]), int(date[1]), int(time[1]), int(time[2]), float(time[3]), utc=True)
        if (time and date)
        else None
    )
    position = _position(fields[2:6])
    if position is None or at is None:
        return None
    knots, course = _number(fields[6]), _number(fields[7])
    speed_mps = None if knots is None else knots * KNOT_MPS
    return make_fix(*position, at=at, speed_mps=speed_mps, bearing_deg=course)


def gga(fields: tuple[str, ...], near: dt.datetime | None) -> Fix | None:
    """Fix data: time of day, position, quality, altitude; dated by `near`, which may be the day before."""
    time = _TIME.fullmatch(fields[0])
    if len(fields) < 9 or fields[5] in ("", "0") or not time:
        return None
    position = _position(fields[1:5])
    if position is None:
        return None
    at = None
    if near is not None:
        at = moment(near.year, near.month, near.day, int(time[1]), int(time[2]), float(time[3]), utc=True)
        if at is not None and near - at > dt.timedelta(hours=12):
            at += dt.timedelta(days=1)
    return make_fix(*position, at=at, altitude_m=_number(fields[8]))


def _position(fields: tuple[str, ...]) -> tuple[float, float] | None:
    lat, lon = _number(fields[0]), _number(fields[2])
    if lat is None or lon is None or fields[1] not in ("N", "S") or fields[3] not in ("E", "W"):
        return None
    return signed(degrees(lat), fields[1]), signed(degrees(lon), fields[3])


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def _checksum(body: str) -> int:
    return reduce(lambda sum_, letter: sum_ ^ ord(letter), body, 0)
