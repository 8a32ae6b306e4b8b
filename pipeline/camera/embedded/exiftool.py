"""ExifTool as the last resort: knows makes that nothing here reads, where it is installed and allowed.

Off unless asked for: it is a large program that parses whatever a stranger recorded. It gets no name, no shell and no
file but the one that is open already, and as much time as a table says.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
from typing import BinaryIO

from pipeline.camera.embedded.readers.reading import Reading
from pipeline.camera.embedded.readers.values import KMH_MPS, known, make_fix, moment
from pipeline.camera.records import Fix

SETTING = "DASHPLATE_EXIFTOOL"
#: It reads a file from end to end where it finds no list.
TIMEOUT_S = 60.0
MOST_ANSWER_BYTES = 32 << 20
_TAGS = ("GPSLatitude", "GPSLongitude", "GPSAltitude", "GPSSpeed", "GPSTrack", "GPSDateTime", "SampleTime")
_WHEN = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d(?:\.\d{1,6})?)(Z?)")


def exiftool_reading(file: BinaryIO, asked: bool | None) -> Reading | None:
    """What ExifTool finds in an open file on a disk; None where it may not be asked, is missing, or finds nothing."""
    allowed = os.environ.get(SETTING) == "1" if asked is None else asked
    program = shutil.which("exiftool") if allowed else None
    if program is None:
        return None
    try:
        number = file.fileno()
    except (AttributeError, io.UnsupportedOperation, OSError):
        return None
    command = [program, "-ee", "-n", "-G3", "-j", "-api", "LargeFileSupport=1", *(f"-{tag}" for tag in _TAGS)]
    with tempfile.TemporaryFile() as answer:
        try:
            subprocess.run(
                [*command, f"/proc/self/fd/{number}"],
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                pass_fds=(number,),
                timeout=TIMEOUT_S,
                check=False,
                env={"PATH": os.environ.get("PATH", os.defpath)},
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        answer.seek(0)
        return _reading(answer.read(MOST_ANSWER_BYTES))


def _reading(answer: bytes) -> Reading | None:
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    documents: dict[str, dict[str, object]] = {}
    for key, value in said[0].items() if isinstance(said, list) and said and isinstance(said[0], dict) else ():
        group, _, tag = key.partition(":")
        if group.startswith("Doc") and tag in _TAGS:
            documents.setdefault(group, {})[tag] = value
    fixes = known(_fix(tags) for tags in documents.values())
    return Reading(fixes, "ExifTool") if fixes else None


def _fix(tags: dict[str, object]) -> Fix | None:
    lat, lon = _number(tags.get("GPSLatitude")), _number(tags.get("GPSLongitude"))
    if lat is None or lon is None:
        return None
    kmh = _number(tags.get("GPSSpeed"))
    return make_fix(
        lat,
        lon,
        offset_s=_number(tags.get("SampleTime")),
        at=_moment(tags.get("GPSDateTime")),
        altitude_m=_number(tags.get("GPSAltitude")),
        speed_mps=None if kmh is None else kmh * KMH_MPS,
        bearing_deg=_number(tags.get("GPSTrack")),
    )


def _moment(text: object) -> dt.datetime | None:
    found = _WHEN.match(text) if isinstance(text, str) else None
    if found is None:
        return None
    year, month, day, hour, minute = (int(found[number]) for number in range(1, 6))
    return moment(year, month, day, hour, minute, float(found[6]), utc=found[7] == "Z")


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
