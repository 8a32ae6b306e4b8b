"""Tracks of text: NMEA as Thinkware, Nextbase and many others write it, and the sentences of drones and dashcams.

Formats: ExifTool's QuickTimeStream.pl (Mini 0806, Roadhawk, E-PRANCE, DJI, Yuneec, `$G`), nb-dashcam-tools (Nextbase's
binary subtitles), dashcamigo's notes (Thinkware, Viidure). Text without a zone gives naive moments.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from pipeline.camera.embedded.readers.hidden import shown_text
from pipeline.camera.embedded.readers.nmea import fixes_in
from pipeline.camera.embedded.readers.reading import Reading, Stream
from pipeline.camera.embedded.readers.values import KMH_MPS, KNOT_MPS, degrees, known, make_fix, moment, signed
from pipeline.camera.records import Fix

#: Samples without a word that is known, from the beginning: it is a track of something else.
_PATIENCE = 400
#: Longer text is no subtitle.
_MOST_LETTERS = 4096
#: Nextbase's lengths of a subtitle: those cameras' checksums are never right.
_NEXTBASE = (0x0120, 0x0416)

_NUMBER = r"([-+]?\d{1,3}(?:\.\d{1,12})?)"
_DATED = r"(20\d\d)[-/:](\d\d)[-/:](\d\d)[ T](\d\d):(\d\d):(\d\d)"
_MINI = re.compile(
    r"A,(\d\d)(\d\d)(\d\d),(\d\d)(\d\d)(\d\d(?:\.\d{1,6})?),(\d{3,5}(?:\.\d{1,8})?),([NS]),(\d{3,5}(?:\.\d{1,8})?),([EW]),"
    r"(\d{1,4}(?:\.\d{1,4})?)?,(-?\d{1,5}(?:\.\d{1,4})?M?)?"
)
_DJI = re.compile(rf"GPS ?\({_NUMBER}, ?{_NUMBER}(?:, ?(-?\d{{1,5}}(?:\.\d{{1,6}})?))?")
_DJI_SPEED = re.compile(r"H\.S ([\d.]{1,8}) ?m/s")
_NAMED = re.compile(rf"\[?\blat(?:itude)? ?: ?{_NUMBER}\]?[ ,]{{0,3}}\[?lon(?:g?t?itude)? ?: ?{_NUMBER}", re.IGNORECASE)
_NAMED_HEIGHT = re.compile(r"\b(?:abs_alt|alt(?:itude)?) ?: ?(-?\d{1,5}(?:\.\d{1,6})?)", re.IGNORECASE)
_G = re.compile(rf"\$G:{_DATED}-([NS])(\d{{1,2}}\.\d{{1,9}})-([EW])(\d{{1,3}}\.\d{{1,9}})-S(\d{{1,3}})")
_SIDES = re.compile(
    rf"(?:{_DATED}.{{0,8}})?\b([NS]):(\d{{1,2}}\.\d{{1,9}}) ([EW]):(\d{{1,3}}\.\d{{1,9}}) "
    r"(\d{1,3}(?:\.\d{1,3})?) km/h(?: (\d{1,3}(?:\.\d{1,3})?))?"
)
_WHEN = re.compile(_DATED)


def read(stream: Stream) -> Reading | None:
    """The fixes of a track of text; None where it speaks of no position in any way that is known."""
    fixes: list[Fix] = []
    source = ""
    make = None
    for number, sample in enumerate(stream.samples):
        if number >= _PATIENCE and not source:
            return None
        if len(sample.data) > _MOST_LETTERS:
            continue
        length = int.from_bytes(sample.data[:2], "big")
        text = shown_text(_text(sample.data))
        if "gsensori," in text:
            source, make = "Thinkware subtitles", "Thinkware"
        elif length in _NEXTBASE and "RMC," in text:
            source, make = "Nextbase subtitles", "Nextbase"
        found = text_fixes(text, sample.start_s, checksums=length not in _NEXTBASE)
        source = source or ("Subtitles with NMEA" if "RMC," in text else "Subtitles" if found else "")
        fixes += found
    return Reading(fixes, source, make=make) if source else None


def text_fixes(text: str, offset_s: float | None, *, checksums: bool = True) -> list[Fix]:
    """What one text says of the position."""
    found = fixes_in(text, offset_s=offset_s, checksums=checksums)
    if found:
        # Cameras that write several seconds into one subtitle leave their order to the clock.
        return [found[0], *(replace(fix, offset_s=None) for fix in found[1:] if fix.at != found[0].at)]
    for form, read_one in _FORMS:
        match = form.search(text)
        if match:
            return known([read_one(match, text, offset_s)])
    return []


def _text(data: bytes) -> str:
    """A subtitle's letters, without the length before them and the box about its encoding behind."""
    data = data.removesuffix(b"\0\0\0\x0cencd\0\0\1\0")
    if len(data) > 2 and int.from_bytes(data[:2], "big") == len(data) - 2:
        data = data[2:]
    return data.decode("latin-1")


def _mini(found: re.Match[str], _: str, offset_s: float | None) -> Fix | None:
    """Mini 0806: `A,DDMMYY,hhmmss,lat,N,lon,E,km/h,height M,…`; its zone is not known."""
    day, month, year, hour, minute = (int(found[number]) for number in range(1, 6))
    height = found[12].removesuffix("M") if found[12] else ""
    return make_fix(
        signed(degrees(float(found[7])), found[8]),
        signed(degrees(float(found[9])), found[10]),
        offset_s=offset_s,
        at=moment(year, month, day, hour, minute, float(found[6])),
        speed_mps=float(found[11]) * KMH_MPS if found[11] else None,
        altitude_m=float(height) if height else None,
    )


def _dji(found: re.Match[str], text: str, offset_s: float | None) -> Fix | None:
    """DJI: `GPS (lon, lat, height)`, and m/s over ground."""
    speed = _DJI_SPEED.search(text)
    return make_fix(
        float(found[2]),
        float(found[1]),
        offset_s=offset_s,
        altitude_m=float(found[3]) if found[3] else None,
        speed_mps=_float(speed[1]) if speed else None,
    )


def _named(found: re.Match[str], text: str, offset_s: float | None) -> Fix | None:
    """DJI's newer and Yuneec's: `latitude: …`, `longitude: …`, and a local time where one stands."""
    height, when = _NAMED_HEIGHT.search(text), _WHEN.search(text)
    return make_fix(
        float(found[1]),
        float(found[2]),
        offset_s=offset_s,
        altitude_m=float(height[1]) if height else None,
        at=moment(*(int(part) for part in when.groups())) if when else None,
    )


def _dollar_g(found: re.Match[str], _: str, offset_s: float | None) -> Fix | None:
    """`$G:date time-N…-E…-S…`, km/h."""
    return make_fix(
        signed(float(found[8]), found[7]),
        signed(float(found[10]), found[9]),
        offset_s=offset_s,
        at=moment(*(int(found[number]) for number in range(1, 7))),
        speed_mps=float(found[11]) * KMH_MPS,
    )


def _sides(found: re.Match[str], text: str, offset_s: float | None) -> Fix | None:
    """Viidure and other apps: `N:… E:… … km/h course`. Those that say `A:` behind write knots before `km/h`."""
    unit_mps = KNOT_MPS if re.search(r"\bA:\d", text) else KMH_MPS
    when = [int(found[number]) for number in range(1, 7)] if found[1] else None
    return make_fix(
        signed(float(found[8]), found[7]),
        signed(float(found[10]), found[9]),
        offset_s=offset_s,
        at=moment(*when) if when else None,
        speed_mps=float(found[11]) * unit_mps,
        bearing_deg=float(found[12]) if found[12] else None,
    )


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str, float | None], Fix | None]], ...] = (
    (_MINI, _mini),
    (_G, _dollar_g),
    (_SIDES, _sides),
    (_DJI, _dji),
    (_NAMED, _named),
)
