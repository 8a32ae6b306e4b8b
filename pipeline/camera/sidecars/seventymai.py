"""70mai: one log for the whole card, `GPSData000001.txt`, beside the folders `Normal`, `Event` and `Parking`.

A header `$V02` begins each session, and each second has a line:
`1767240000,A,50.000000,30.000000,9000,1389,0,100,0,NO20260101-120000-000001F.MP4,0,0,0`: time, validity, position,
bearing in hundredths of a degree, speed in cm/s, the accelerometer, and the front camera's file that was being
recorded. The time is that of UTC less eight hours, counted since 1970: the cameras take UTC for the time of China.

The clock behind the files' names is not that of the satellites; half a minute between them is nothing special. But the
log itself says how they relate: where one file's lines follow the lines of the file before without a pause, the file
began with its first line.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from statistics import median

from pipeline.camera.records import MOST_FIXES, Fix, Track

SOURCE = "70mai log"
MAKE = "70mai"
_HEADER = re.compile(rb"\A(?:\xef\xbb\xbf)?\s{0,16}\$V\d\d\b")
_LINE = re.compile(
    rb"^(\d{1,11}),A,(-?\d{1,3}\.\d{1,12}),(-?\d{1,3}\.\d{1,12}),(-?\d{1,6}),(-?\d{1,6}),([^\r\n]{1,200})", re.MULTILINE
)
#: The file's kind, when its recording began, and its number on the card; a letter for the camera follows.
_CLIP = re.compile(r"([A-Z]{2}(\d{8}-\d{6})-\d{6})[A-Z]?\.(?:MP4|TS)", re.IGNORECASE)
_CLIP_START = re.compile(r"[A-Z]{2}(20\d\d)(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-")
#: What is to be added to the times of the log.
_CHINA_S = 8 * 3600
#: Between lines that follow each other without a pause, though a second may be written early or late.
_NO_PAUSE_S = 1.5
#: Zones are whole quarters of an hour apart.
_QUARTER_S = 900
#: No file is longer, and no camera searches longer for its satellites, within one.
_LONGEST_CLIP_S = 3600.0


@dataclass(frozen=True, slots=True)
class _Line:
    fix: Fix
    at: dt.datetime
    clip: str | None


def clip_named(name: str) -> str | None:
    """What the log calls the recording that a video file is of, the camera's letter left out; None for other names."""
    found = _CLIP.fullmatch(name)
    return found[1].upper() if found else None


def read(data: bytes) -> Track | None:
    """All of a log, over all its recordings; None where it is none, or holds no position."""
    if not _HEADER.match(data):
        return None
    return _track((line.fix for line in islice(_lines(data), MOST_FIXES)), tells_start=False)


def read_clip(data: bytes, clip: str) -> Track | None:
    """The part of a log that was written during one recording, see `clip_named`.

    Its fixes know their moment in the video. Where the log does not say when the recording began, its name does, and
    the track does not tell the start. None where the log says nothing of it.
    """
    if not _HEADER.match(data):
        return None
    # A camera that has lost its clock gives names twice; the newest session counts.
    last = data.upper().rfind(clip.encode("ascii", "replace"))
    if last < 0:
        return None
    start, end = data.rfind(b"$V", 0, last), data.find(b"$V", last)
    session = list(islice(_lines(data[max(start, 0) : end if end >= 0 else len(data)]), MOST_FIXES))
    own = [line for line in session if line.clip == clip]
    if not own:
        return None
    began, tells_start = _began(session, own, clip)
    fixes = (replace(line.fix, offset_s=_since(line, began)) for line in own)
    return _track(fixes, tells_start)


def _track(fixes: Iterable[Fix], tells_start: bool) -> Track | None:
    track = Track(tuple(fixes), SOURCE, make=MAKE, sidecar=True, tells_start=tells_start)
    return track if track.fixes else None


def _since(line: _Line, began: dt.datetime | None) -> float | None:
    return None if began is None else (line.at - began).total_seconds()


def _lines(data: bytes) -> Iterator[_Line]:
    for found in _LINE.finditer(data):
        seconds, lat, lon, bearing, speed, rest = (part.decode("ascii", "replace") for part in found.groups())
        at = dt.datetime.fromtimestamp(int(seconds) + _CHINA_S, dt.UTC)
        clip = _CLIP.search(rest)
        fix = Fix(float(lat), float(lon), at=at, speed_mps=int(speed) / 100, bearing_deg=int(bearing) / 100)
        yield _Line(fix, at, clip[1].upper() if clip else None)


def _began(session: list[_Line], own: list[_Line], clip: str) -> tuple[dt.datetime | None, bool]:
    """When a recording began by the satellites' clock, and whether that clock says so."""
    named = _named_start(clip)
    starts = _starts(session)
    if clip in starts:
        return starts[clip], True
    if named is None:
        return None, False
    shifts = [(_named_start(other), at) for other, at in starts.items()]
    known = [(name - at).total_seconds() for name, at in shifts if name is not None]
    first = own[0].at
    if known:
        began = named - dt.timedelta(seconds=median(known))
        if 0 <= (first - began).total_seconds() <= _LONGEST_CLIP_S:
            return began, True
    zone_s = round((named - first).total_seconds() / _QUARTER_S) * _QUARTER_S
    began = named - dt.timedelta(seconds=zone_s)
    return (began if began <= first else None), False


def _starts(session: list[_Line]) -> dict[str, dt.datetime]:
    """When the recordings began whose first line follows another's last one without a pause."""
    starts: dict[str, dt.datetime] = {}
    for before, after in pairwise(session):
        pause_s = (after.at - before.at).total_seconds()
        if after.clip is not None and before.clip not in (None, after.clip) and 0 <= pause_s <= _NO_PAUSE_S:
            starts.setdefault(after.clip, after.at)
    return starts


def _named_start(clip: str) -> dt.datetime | None:
    """The camera's local time in a recording's name, as if it were UTC."""
    found = _CLIP_START.match(clip)
    if found is None:
        return None
    try:
        year, month, day, hour, minute, second = (int(part) for part in found.groups())
        return dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError:
        return None
