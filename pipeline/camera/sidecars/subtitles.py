"""Subtitles (`.srt`) in which a camera wrote where it was: DJI's, TrueCam's, and plain `N 48.1234 E 17.1234`.

A cue's start is its moment in the video. A date and time in its text are the camera's local ones.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import suppress

from pipeline.camera.records import MOST_FIXES, Fix, Track
from pipeline.camera.sidecars import nmea

_CUE = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)[,.](\d{1,3})[ \t]{0,4}-->[^\n]{0,80}\n")
_DATE = re.compile(r"(20\d\d)[-./](\d\d)[-./](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:[.,:](\d{1,3}))?")
_DEGREES = r"([-+]?\d{1,3}\.\d{3,15})"
#: DJI, newer: `[latitude: 59.302335] [longitude: 18.203059]`, in older ones misspelt.
_NAMED = re.compile(rf"latitude ?: ?{_DEGREES}\]?[,; ]{{0,3}}\[?long?t?itude ?: ?{_DEGREES}")
#: DJI, older: `GPS (18.203059, 59.302335, 26)`, the longitude first.
_IN_BRACKETS = re.compile(rf"GPS ?\( ?{_DEGREES} ?, ?{_DEGREES} ?,")
#: `N:48.123456 E:17.123456`, and the letters behind the numbers.
_BEFORE = re.compile(r"\b([NS])[: ]{0,2}(\d{1,2}\.\d{3,15})°?[, ]{1,3}([EW])[: ]{0,2}(\d{1,3}\.\d{3,15})")
_BEHIND = re.compile(r"(\d{1,2}\.\d{3,15})°? ?([NS])[, ]{1,3}(\d{1,3}\.\d{3,15})°? ?([EW])\b")
#: TrueCam: `A,200131,101112.000,+4812.3456,N,+01712.3456,E,+30.00,`; the speed is in miles an hour.
_TRUECAM = re.compile(
    r"\bA,(\d{6}),(\d{6}\.\d{1,6}),\+?(\d{4}\.\d{2,8}),([NS]),\+?(\d{5}\.\d{2,8}),([EW]),\+?(\d{1,3}\.\d{1,4})"
)
_ALTITUDE = re.compile(r"abs_alt ?: ?(-?\d{1,5}(?:\.\d{1,4})?)")
_SPEED = re.compile(r"\b(\d{1,3}(?:\.\d{1,4})?) ?(km/h|kmh|kph|mph|m/s)", re.IGNORECASE)
_UNITS = {"km/h": 1 / 3.6, "kmh": 1 / 3.6, "kph": 1 / 3.6, "mph": 0.44704, "m/s": 1.0}
#: Drones write a cue for each frame, and most repeat the one before.
_REPEATED_S = 1.0


def read(data: bytes) -> Track | None:
    """The track; None where no cue says a place."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    fixes: list[Fix] = []
    for fix in _fixes(text):
        if not fixes or not _repeats(fix, fixes[-1]):
            fixes.append(fix)
        if len(fixes) >= MOST_FIXES:
            break
    return Track(tuple(fixes), "Subtitles", sidecar=True) if fixes else None


def _repeats(fix: Fix, last: Fix) -> bool:
    soon = 0 <= (fix.offset_s or 0.0) - (last.offset_s or 0.0) < _REPEATED_S
    return soon and (fix.lat, fix.lon) == (last.lat, last.lon)


def _fixes(text: str) -> Iterator[Fix]:
    for cue, said in _cues(text):
        hours, minutes, seconds = (int(part) for part in cue.groups()[:3])
        offset_s = hours * 3600 + minutes * 60 + seconds + int(cue[4].ljust(3, "0")) / 1000
        fix = _truecam(said, offset_s) or _plain(said, offset_s)
        if fix is not None:
            yield fix


def _cues(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """The times of each cue, and what stands between them and the next one's."""
    last: re.Match[str] | None = None
    for cue in _CUE.finditer(text):
        if last is not None:
            yield last, text[last.end() : cue.start()]
        last = cue
    if last is not None:
        yield last, text[last.end() :]


def _truecam(text: str, offset_s: float) -> Fix | None:
    found = _TRUECAM.search(text)
    if found is None:
        return None
    where = nmea.position(*found.groups()[2:6])
    if where is None:
        return None
    at = None
    with suppress(ValueError):
        at = dt.datetime.strptime(found[1] + found[2], "%y%m%d%H%M%S.%f")
    return Fix(*where, offset_s, at, speed_mps=float(found[7]) * _UNITS["mph"])


def _plain(text: str, offset_s: float) -> Fix | None:
    where = _position(text)
    if where is None:
        return None
    altitude, speed = _ALTITUDE.search(text), _SPEED.search(text)
    return Fix(
        *where,
        offset_s,
        _moment(text),
        altitude_m=float(altitude[1]) if altitude else None,
        speed_mps=float(speed[1]) * _UNITS[speed[2].lower()] if speed else None,
    )


def _position(text: str) -> tuple[float, float] | None:
    if found := _NAMED.search(text):
        return float(found[1]), float(found[2])
    if found := _IN_BRACKETS.search(text):
        return float(found[2]), float(found[1])
    if found := _BEFORE.search(text):
        return _signed(found[2], found[1]), _signed(found[4], found[3])
    if found := _BEHIND.search(text):
        return _signed(found[1], found[2]), _signed(found[3], found[4])
    return None


def _signed(degrees: str, letter: str) -> float:
    return -float(degrees) if letter in "SW" else float(degrees)


def _moment(text: str) -> dt.datetime | None:
    found = _DATE.search(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    try:
        return dt.datetime(year, month, day, hour, minute, second, int((found[7] or "0").ljust(3, "0")) * 1000)
    except ValueError:
        return None
