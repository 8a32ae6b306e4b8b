"""What the sources of one recording say of its start."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from pipeline.camera.file_names import Named
from pipeline.camera.records import ClockClaim, Track
from pipeline.camera.timing import began_by_track, since_s
from pipeline.records import Recorded, RecordedFrom
from pipeline.utc import as_utc

#: A camera's own metadata say the second.
_SECOND_S = 1.0
#: A receiver's own clock, since it saw satellites last.
_UNLOCKED_ERROR_S = 60.0
#: A copy may be as new as today; nothing tells by how much it is newer.
_FILE_ERROR_S = 86_400.0


def name_claim(named: Named) -> ClockClaim | None:
    return None if named.at is None else ClockClaim(named.at, RecordedFrom.FILENAME, named.error_s)


def track_claims(track: Track) -> Iterator[ClockClaim]:
    """By the fixes' clock, and by what the camera says of the start apart from them.

    A file beside the video is a source of its own, whatever its clock. Where no fix is believed, their clock is the
    receiver's own, which runs on without satellites.
    """
    told = began_by_track(track)
    if told is not None:
        at, error_s = told
        yield ClockClaim(at, _kind(track, at), error_s)
    elif (unlocked := began_by_track(_at_its_word(track))) is not None:
        told = unlocked
        yield ClockClaim(told[0], RecordedFrom.SIDECAR if track.sidecar else RecordedFrom.EMBEDDED, _UNLOCKED_ERROR_S)
    if track.began_at is not None and track.tells_start and (told is None or since_s(track.began_at, told[0]) != 0):
        told_by = RecordedFrom.SIDECAR if track.sidecar else RecordedFrom.EMBEDDED
        yield ClockClaim(track.began_at, told_by, _SECOND_S)


def _at_its_word(track: Track) -> Track:
    return replace(track, fixes=tuple(replace(fix, doubt=None) for fix in track.fixes))


def _kind(track: Track, at: dt.datetime) -> RecordedFrom:
    if track.sidecar:
        return RecordedFrom.SIDECAR
    return RecordedFrom.EMBEDDED if at.tzinfo is None else RecordedFrom.GPS


def file_claims(
    recorded: Recorded | None, written: dt.datetime | None, length_s: float, local: bool | None
) -> Iterator[ClockClaim]:
    """By the container and by the file system.

    `recorded` is what the probe made of both, and `written` is when the file was last written. `local` says that the
    camera's maker writes local time into containers. A container may say when the recording ended, as some cameras do.
    """
    if recorded is not None and recorded.told_by is RecordedFrom.CONTAINER:
        at = recorded.at.replace(tzinfo=None) if local else as_utc(recorded.at)
        yield ClockClaim(at, RecordedFrom.CONTAINER, _SECOND_S + max(length_s, 0.0))
    if written is not None:
        try:
            yield ClockClaim(written - dt.timedelta(seconds=length_s), RecordedFrom.FILE, _FILE_ERROR_S)
        except OverflowError:
            return
