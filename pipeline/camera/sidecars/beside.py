"""Which file beside a video holds its track.

Three kinds of files do: one of the video's own name (`MOV_0581.nmea` beside `MOV_0581.mp4`), one that all cameras of a
moment share (`20231114_120000_N.gps` beside `20231114_120000_NF.mp4` and `…_NR.mp4`), and one for a whole drive or
card, of which the minutes of this video are cut out.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePath

from pipeline.camera.records import Clock, Track
from pipeline.camera.sidecars import formats, seventymai
from pipeline.camera.sidecars.folder import Allowed, Folder, Tell
from pipeline.camera.sidecars.remembered import Found, Remembered
from pipeline.camera.timing import since_s
from pipeline.errors import DashplateError
from pipeline.sources.source import Source

#: Files for a whole drive: so many are opened at most to find the one that covers a video.
_MOST_LOGS = 8
_LOG_ENDINGS = frozenset((".gpx", ".kml", ".nmea"))
#: In a bucket, what is asked for: by the video's name, by that of all its cameras, and on a 70mai's card.
_GUESSED = (".gpx", ".nmea", ".NMEA", ".map")
_GUESSED_SHARED = (".gps",)
_GUESSED_LOGS = ["GPSData000001.txt"]
_CARD_LOG = re.compile(r"GPSData\d{0,8}\.txt", re.IGNORECASE)
#: The letter of a camera at a name's end, and before it, behind a number or a `_`, that of the kind of recording.
_CAMERA = re.compile(r"(.*[0-9_-])([a-z]?)[frbiacstl]")
#: A log that goes on for so long after a video of known length is none of that video alone.
_LONGER_S = 60.0
#: Fixes so long before the first and after the last frame are kept, to place these between fixes.
_AROUND_S = 5.0
#: Of this process.
_LOGS = Remembered()


def sidecar_track(
    source: Source,
    *,
    allowed: Allowed | None = None,
    clock: Clock | None = None,
    length_s: float | None = None,
    tell: Tell | None = None,
) -> Track | None:
    """The track in a file beside a video; None where there is none. It is not checked for sense yet.

    Only the video's own folder is looked through, and for a 70mai those above, as far as the card's. A file is opened
    as `allowed` gives it; without, as `Folder` says. A log for many videos, where it does not name them, needs `clock`
    and `length_s` of this one. In buckets, files of likely names are asked for; of web addresses nothing is.

    Files that cannot be read, or are larger than 64 MB, are passed over, with a sentence for `tell`.
    """
    folder = Folder(source, allowed, tell)
    names = folder.names()
    for name in _own(source.name, _guesses(source.name) if names is None else names):
        track = _read(folder, name)
        if track is not None:
            return _of_this_video(track, clock, length_s)
    clip = seventymai.clip_named(source.name)
    if clip is not None:
        return _of_card(folder, clip)
    return _of_drive(folder, names or [], clock, length_s)


def _read(folder: Folder, name: str) -> Track | None:
    data = folder.content(name)
    return None if data is None else _told(folder, name, _parsed(data, PurePath(name).suffix))


def _read_log(folder: Folder, name: str) -> Track | None:
    """The same, of a file that all videos of its folder ask for: it is read once."""
    identity = folder.identity(name)
    if identity is None:
        return _read(folder, name)
    key = identity, PurePath(name).suffix.lower()
    known = _LOGS.get(key)
    if known is None:
        data = folder.content(name)
        if data is None:
            return None
        known = (_parsed(data, key[1]),)
        # Unless it grew meanwhile.
        if folder.identity(name) == identity:
            _LOGS.put(key, known[0])
    return _told(folder, name, known[0])


def _told(folder: Folder, name: str, found: Found) -> Track | None:
    if isinstance(found, DashplateError):
        folder.say_unread(name, found)
        return None
    return found


def _parsed(data: bytes, ending: str) -> Found:
    try:
        return formats.read(data, ending)
    except DashplateError as problem:
        # Without what it was raised in, which holds the file.
        return problem.with_traceback(None)


def _guesses(video: str) -> list[str]:
    """The files that cameras write beside a video of that name."""
    if seventymai.clip_named(video) is not None:
        return []
    stem = PurePath(video).stem
    bare = _without_camera(stem.casefold())
    shared = [] if bare is None else [stem[: len(bare)] + ending for ending in _GUESSED_SHARED]
    return [*shared, *(stem + ending for ending in _GUESSED)]


def _own(video: str, names: list[str]) -> list[str]:
    """The files that share a video's name, or its name but for the camera, the closest first."""
    stem = PurePath(video).stem.casefold()
    bare = _without_camera(stem)
    ranked = []
    for name in names:
        path = PurePath(name)
        ending, other = path.suffix.lower(), path.stem.casefold()
        if ending in formats.ENDINGS and (distance := _distance(stem, bare, other)) is not None:
            ranked.append((distance, formats.ENDINGS.index(ending), name))
    return [name for _, _, name in sorted(ranked)]


def _distance(stem: str, bare: str | None, other: str) -> int | None:
    """How far two names are from each other: one and the same, one of all cameras, one of another camera."""
    if other == stem:
        return 0
    if bare is None:
        return None
    return 1 if other == bare else 2 if _without_camera(other) == bare else None


def _without_camera(stem: str) -> str | None:
    """A name in lower case without its camera's letter; None where none stands at its end."""
    found = _CAMERA.fullmatch(stem)
    return None if found is None else (found[1] + found[2]).rstrip("_-")


def _of_card(folder: Folder | None, clip: str) -> Track | None:
    """Out of a 70mai's log, the part of one recording."""
    while folder is not None:
        names = folder.names()
        logs = _GUESSED_LOGS if names is None else [name for name in names if _CARD_LOG.fullmatch(name)]
        for name in reversed(logs):
            data = folder.content(name)
            track = None if data is None else seventymai.read_clip(data, clip)
            if track is not None:
                return track
        folder = folder.above()
    return None


def _of_drive(folder: Folder, names: list[str], clock: Clock | None, length_s: float | None) -> Track | None:
    """Out of the logs in the folder that belong to no other video, the one that covers this one."""
    if clock is None or length_s is None:
        return None
    logs = [name for name in names if PurePath(name).suffix.lower() in _LOG_ENDINGS and _is_alone(name, names)]
    for name in logs[:_MOST_LOGS]:
        track = _read_log(folder, name)
        cut = None if track is None else _cut(track, clock, length_s)
        if cut is not None:
            return cut
    return None


def _is_alone(log: str, names: list[str]) -> bool:
    """Whether no file but this one goes by its name."""
    stem = PurePath(log).stem.casefold()
    return not any(name != log and PurePath(name).stem.casefold() == stem for name in names)


def _of_this_video(track: Track, clock: Clock | None, length_s: float | None) -> Track:
    """A file of the video's name may hold more than the video: a whole drive, from a logger."""
    moments = [fix.at for fix in track.fixes if fix.at is not None and fix.at.utcoffset() is not None]
    if length_s is None or not moments or any(fix.offset_s is not None for fix in track.fixes):
        return track
    if (max(moments) - min(moments)).total_seconds() <= length_s + _LONGER_S:
        return track
    cut = None if clock is None else _cut(track, clock, length_s)
    return cut or replace(track, tells_start=False)


def _cut(track: Track, clock: Clock, length_s: float) -> Track | None:
    """The fixes of one video's time; None where none lies within it, or where only one of both knows its zone."""
    inside = []
    covers = False
    for fix in track.fixes:
        moment_s = None if fix.at is None else since_s(fix.at, clock.start.at)
        if moment_s is not None and -_AROUND_S <= moment_s <= length_s + _AROUND_S:
            inside.append(fix)
            covers = covers or 0 <= moment_s <= length_s
    return replace(track, fixes=tuple(inside), tells_start=False, began_at=None) if covers else None
