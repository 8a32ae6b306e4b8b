"""Dates of receivers that have lost count of the weeks.

Satellites tell the week in ten bits. Since April 2019, receivers that were built for the count before it are 1024 weeks
behind, with the right time of day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from pipeline.camera.records import ClockClaim, Fix, Track
from pipeline.camera.timing import began_by_track
from pipeline.utc import as_utc
from pipeline.video.recorded import AHEAD

_BEHIND = dt.timedelta(weeks=1024)
#: What else dates the recording may be off by this, zones included.
_NEAR = dt.timedelta(days=2)
NOTE = "The satellites' date was 1024 weeks behind, as that of old receivers is; these are added."


def weeks_behind(track: Track, others: Iterable[ClockClaim]) -> bool:
    """Whether a track's dates are 1024 weeks before the recording, as anything else dates it."""
    told = began_by_track(replace(track, tells_start=True))
    if told is None or told[0].tzinfo is None:
        return False
    mended = _later(told[0])
    if mended > dt.datetime.now(dt.UTC) + AHEAD:
        return False
    return any(abs(as_utc(one.at) - mended) <= _NEAR for one in others)


def with_weeks(track: Track) -> Track:
    """The track with these weeks added to its dates."""
    began = track.began_at
    return replace(
        track,
        fixes=tuple(_mended(fix) for fix in track.fixes),
        began_at=None if began is None else _later(began),
    )


def _mended(fix: Fix) -> Fix:
    return fix if fix.at is None else replace(fix, at=_later(fix.at))


def _later(at: dt.datetime) -> dt.datetime:
    """These weeks later; a date at the end of all years stays."""
    try:
        return at + _BEHIND
    except OverflowError:
        return at
