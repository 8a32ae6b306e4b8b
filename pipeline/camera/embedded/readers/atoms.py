"""Boxes of their own that cameras put beside the film: BlackVue, 70mai Pro, Navitel, iBox, Garmin, Kenwood, Nextbase.

Layouts: ExifTool's QuickTime.pm and QuickTimeStream.pl, maigps and dashcamigo (70mai Pro), blackclue (BlackVue).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import math
import re
import struct
from bisect import bisect_right

from pipeline.camera.embedded.readers.hidden import XORED, xored_fixes
from pipeline.camera.embedded.readers.nmea import fixes_in
from pipeline.camera.embedded.readers.reading import Reading
from pipeline.camera.embedded.readers.values import (
    KMH_MPS,
    KNOT_MPS,
    MPH_MPS,
    YEARS,
    degrees,
    known,
    make_fix,
    moment,
    signed,
    unix_moment,
)
from pipeline.camera.records import Fix

GARMIN = bytes.fromhex("9b630f8d637440ec8204bc5ff5091728")
#: Seconds from QuickTime's epoch, 1904, to 1970.
_QUICKTIME_EPOCH_S = 2_082_844_800

_STAMPED = re.compile(r"\[(\d{13})\]")
_DENVER = re.compile(
    r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\[1\]\[([NS])\]\[(\d{2})(\d{6})\]\[([EW])\]\[(\d{3})(\d{6})\]"
    r"\[([-+]\d{1,6})\]\[(\d{1,4})\]\[(\d{1,5})\]"
)
_KENWOOD = re.compile(
    rb"\xfe\xfe(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d).\d{14}.([NS])(\d{6,8})([EW])(\d{7,9})(?:([-+]\d{4})(\d{3}))?",
    re.DOTALL,
)
_KENWOOD_TAIL = re.compile(rb"GPSDATA--(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)([NS])([\d.]{13})([EW])([\d.]{13})")
_LIGO_JSON = re.compile(rb"LIGOGPSINFO (\{[^{}]{20,1000}\})")
_ISO_6709 = re.compile(r"([-+]\d{1,3}(?:\.\d{1,10})?)([-+]\d{1,3}(?:\.\d{1,10})?)(?:([-+]\d{1,5}(?:\.\d{1,8})?))?")


def read_blackvue(log: bytes, began_ms: int = 0) -> Reading | None:
    """NMEA, each sentence behind `[milliseconds]` of the camera's clock, which is set to local time.

    `began_ms` is when the recording began by that clock; zero where the file does not say: then the first sentence
    counts.
    """
    text = log.decode("latin-1")
    stamps = list(_STAMPED.finditer(text))
    if not stamps:
        return read_log(log)
    places = [stamp.start() for stamp in stamps]
    first_ms = began_ms or int(stamps[0][1])

    def offset_of(place: int) -> float | None:
        number = bisect_right(places, place)
        return (int(stamps[number - 1][1]) - first_ms) / 1000 if number else None

    fixes = fixes_in(text, offset_of=offset_of)
    return Reading(fixes, "BlackVue NMEA", make="BlackVue", began_at=unix_moment(first_ms / 1000, utc=False))


def read_log(log: bytes) -> Reading | None:
    """A log as text: NMEA, as Datakam and Nextbase write it, or Denver's records in brackets; None for other text."""
    text = log.decode("latin-1")
    if "RMC," in text or "GGA," in text:
        return Reading(fixes_in(text), "NMEA")
    found: list[Fix | None] = []
    for record in _DENVER.finditer(text):
        year, month, day, hour, minute, second = (int(record[number]) for number in range(1, 7))
        lat, lon = int(record[8]) + int(record[9]) / 600_000, int(record[11]) + int(record[12]) / 600_000
        found.append(
            make_fix(
                signed(lat, record[7]),
                signed(lon, record[10]),
                at=moment(year, month, day, hour, minute, second),
                altitude_m=float(record[13]),
                speed_mps=int(record[14]) * KMH_MPS,
                bearing_deg=float(record[15]),
            )
        )
    return Reading(known(found), "Denver GPS log", make="Denver") if found else None


def read_gps0(data: bytes) -> Reading | None:
    """Navitel, iBox, DuDuBell, VSYS: records of 32 bytes; degrees and minutes, height, km/h, UTC, course by two.

    The firmware mixes old records of its ring in, which are passed over. Lamax S9 has hidden text instead.
    """
    if data[2:8] == XORED[0]:
        hidden = [fix for at in range(0, len(data) - 310, 311) for fix in xored_fixes(data[at : at + 311])]
        return Reading(hidden, "Lamax gps0", make="Lamax")
    fixes: list[Fix] = []
    for at in range(0, len(data) - 31, 32):
        lat, lon, height, kmh, year, month, day, hour, minute, second, course = struct.unpack_from("<ddiH7B", data, at)
        clock = moment(2000 + year, month, day, hour, minute, second, utc=True)
        fix = make_fix(
            degrees(lat),
            degrees(lon),
            at=clock,
            altitude_m=float(height),
            speed_mps=kmh * KMH_MPS,
            bearing_deg=course * 2 if course < 180 else None,
        )
        if fix and clock and not (fixes and fixes[-1].at and clock < fixes[-1].at):
            fixes.append(fix)
    return Reading(fixes, "gps0")


def read_mai(data: bytes) -> Reading | None:
    """70mai Pro: records of 36 bytes; seconds since the first frame, metres an hour, minutes by thousand."""
    found: list[Fix | None] = []
    for at in range(0, len(data) - 35, 36):
        _, seen, seconds, speed, north, lat, east, lon = struct.unpack_from("<IIIIcici", data, at)
        if north not in (b"N", b"S") or east not in (b"E", b"W"):
            break
        if seen:
            found.append(
                make_fix(
                    signed(degrees(lat / 1e3), north),
                    signed(degrees(lon / 1e3), east),
                    offset_s=float(seconds),
                    speed_mps=speed / 1000 * KMH_MPS,
                )
            )
    return Reading(known(found), "70mai GPS box", make="70mai") if len(data) >= 36 else None


def read_garmin(data: bytes) -> Reading | None:
    """Garmin DriveAssist 51, behind its UUID: records of 20 bytes; seconds since 1904, mph, parts of a turn."""
    turn = 180 / 2**31
    found: list[Fix | None] = []
    for at in range(17, len(data) - 19, 20):
        seconds, mph, lat, lon = struct.unpack_from(">IH6xii", data, at)
        if -(2**31) in (lat, lon):
            continue
        found.append(
            make_fix(
                lat * turn, lon * turn, at=unix_moment(seconds - _QUICKTIME_EPOCH_S, utc=True), speed_mps=mph * MPH_MPS
            )
        )
    return Reading(known(found), "Garmin uuid", make="Garmin")


def is_log(head: bytes) -> bool:
    """Whether `udta` begins as Kenwood's or LigoGPS's does, and not with a box."""
    return head.startswith((b"VIDEO", b"LIGOGPSINFO {")) or head[8:24] == b"__V35AX_QVDATA__"


def read_user_data(data: bytes) -> Reading | None:
    """What stands in `udta` itself: Kenwood's records, or LigoGPS as JSON (Yada, GKU); None for ordinary boxes."""
    if data.startswith(b"VIDEO"):
        return Reading(_kenwood(data), "Kenwood udta", make="Kenwood")
    if b"LIGOGPSINFO {" in data:
        return Reading(_ligo_json(data), "LigoGPS JSON")
    return None


def read_kenwood_tail(data: bytes) -> Reading | None:
    """Kenwood's trailer: letters C, then records of fixed width in degrees, in local time."""
    found = [
        make_fix(
            signed(_float(record[8]), record[7]),
            signed(_float(record[10]), record[9]),
            at=moment(*(int(record[number]) for number in range(1, 7))),
        )
        for record in _KENWOOD_TAIL.finditer(data)
    ]
    return Reading(known(found), "Kenwood trailer", make="Kenwood") if found else None


def _kenwood(data: bytes) -> list[Fix]:
    """Local time, degrees and minutes by ten thousand, height, km/h."""
    return known(
        make_fix(
            signed(degrees(int(record[8]) / 1e4), record[7]),
            signed(degrees(int(record[10]) / 1e4), record[9]),
            at=moment(*(int(record[number]) for number in range(1, 7))),
            altitude_m=float(record[11]) if record[11] else None,
            speed_mps=int(record[12]) * KMH_MPS if record[12] else None,
        )
        for record in _KENWOOD.finditer(data)
    )


def _ligo_json(data: bytes) -> list[Fix]:
    """One object a second: UTC, degrees, knots; only those with status A."""
    found: list[Fix | None] = []
    for record in _LIGO_JSON.finditer(data):
        said = _json(record[1])
        if not isinstance(said, dict) or said.get("status") != "A":
            continue
        clock = [_float(said.get(name)) for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")]
        at = moment(*(int(part) for part in clock), utc=True) if all(math.isfinite(part) for part in clock) else None
        lat, lon = _float(said.get("Latitude")), _float(said.get("Longitude"))
        found.append(
            make_fix(
                -lat if said.get("NS") == "S" else lat,
                -lon if said.get("EW") == "W" else lon,
                at=at,
                speed_mps=_float(said.get("Speed")) * KNOT_MPS,
            )
        )
    return known(found)


def read_gdat(data: bytes) -> Reading | None:
    """Nextbase's software: one JSON object in base64; mph, a clock that says no zone."""
    try:
        said = _json(base64.b64decode(data.rstrip(b"\0"), validate=True))
    except binascii.Error:
        return None
    rows = said.get("gpsData") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(rows, list):
        return None
    found = []
    for row in rows[:100_000]:
        if isinstance(row, dict) and row.get("gpsStatus") == "A":
            found.append(
                make_fix(
                    _float(row.get("lat")),
                    _float(row.get("lon")),
                    at=_iso(row.get("datetime")),
                    speed_mps=_float(row.get("speed")) * MPH_MPS,
                    bearing_deg=_float(row.get("bearing")),
                )
            )
    model = said.get("cameraModel")
    return Reading(known(found), "Nextbase gdat", make="Nextbase", model=model if isinstance(model, str) else None)


def read_place(text: str) -> Reading | None:
    """The one place of `©xyz` and Apple's keys, as ISO 6709: `+50.1234+014.5678+210/`."""
    found = _ISO_6709.match(text.strip("\0 "))
    if found is None:
        return None
    fix = make_fix(float(found[1]), float(found[2]), offset_s=0.0, altitude_m=float(found[3]) if found[3] else None)
    return Reading(known([fix]), "place of the recording")


def read_loci(data: bytes) -> Reading | None:
    """3GPP's `loci`: flags, language, name, role, then longitude, latitude and height in 65,536ths."""
    end = data.find(b"\0", 6)
    if end < 0 or len(data) < end + 14:
        return None
    lon, lat, height = (value / 65_536 for value in struct.unpack_from(">iii", data, end + 2))
    return Reading(known([make_fix(lat, lon, offset_s=0.0, altitude_m=height)]), "place of the recording")


def _json(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _iso(text: object) -> dt.datetime | None:
    try:
        at = dt.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at and at.year in YEARS else None


def _float(text: object) -> float:
    """A number out of text or JSON; NaN where it is none."""
    try:
        return float(text) if isinstance(text, str | bytes | int | float) else math.nan
    except (ValueError, OverflowError):
        return math.nan
