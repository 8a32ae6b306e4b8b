"""When the fixes of a track were taken: on one scale of seconds, and tied to the video's first frame."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from pipeline.camera.records import Fix, Track
from pipeline.camera.tracks.geometry import distance_m

#: Between fixes that lie further apart in time nothing is known of the way, and nothing is drawn.
LONGEST_GAP_S = 5.0
#: No vehicle with a camera in it is faster: 360 km/h.
FASTEST_MPS = 100.0
#: How far a position is off that is still one, in a street with high houses.
_SCATTER_M = 50.0
#: No degree of latitude is shorter.
_LEAST_DEGREE_M = 110_000.0

#: A camera that knows the second only writes a fix within it.
_FIRST_FIX_ERROR_S = 1.0
_WHOLE_SECONDS_ERROR_S = 0.5
_LEAST_ERROR_S = 0.1
#: What a camera says of its start counts where its first fix came within this time.
_LONGEST_SEARCH_S = 600.0


def since_s(at: dt.datetime, since: dt.datetime) -> float | None:
    """Seconds from one clock time to another; None where only one of them knows its zone."""
    if (at.utcoffset() is None) != (since.utcoffset() is None):
        return None
    return (at - since).total_seconds()


def moments_s(fixes: Sequence[Fix]) -> list[float | None]:
    """Seconds on one scale for all: since the first frame where fixes know it, else since some fix.

    None for a fix that says no time, none that is a number, or one of another kind of clock than the others.
    """
    started = _tied(fixes)
    if started is None and not any(_timed(fix) for fix in fixes):
        started = next((fix.at for fix in _of_one_kind(fixes) if fix.at is not None), None)
    return [_moment_s(fix, started) for fix in fixes]


def began_by_track(track: Track) -> tuple[dt.datetime, float] | None:
    """The moment of the first frame by the fixes' clock, and how far off it may be, in seconds.

    Aware or naive as the fixes' clock is. Where fixes say both their moment in the video and the clock, the median of
    the differences counts. Else the camera's own word on its start, where a fix follows it; else the first fix, since
    cameras write the first one in the first second. None where no believed fix says a clock time, or where the track
    was cut to the video by a clock from elsewhere.
    """
    if not track.tells_start:
        return None
    fixes = [fix for fix in track.fixes if fix.doubt is None]
    started = _tied(fixes)
    if started is not None:
        return started, _tie_error_s(fixes, started)
    first = next((fix.at for fix in fixes if fix.at is not None), None)
    if first is None:
        return None
    searched_s = None if track.began_at is None else since_s(first, track.began_at)
    if track.began_at is not None and searched_s is not None and 0 <= searched_s <= _LONGEST_SEARCH_S:
        return track.began_at, _FIRST_FIX_ERROR_S
    return first, _FIRST_FIX_ERROR_S


def within_reach(fix: Fix, other: Fix, apart_s: float) -> bool:
    """Whether a vehicle can have got from one fix to the other in that time.

    A video that plays time faster than it was recorded has less time between its fixes than their clock says.
    """
    said_s = None if fix.at is None or other.at is None else since_s(fix.at, other.at)
    # Stamps of whole seconds may be one second off from each other.
    most_m = FASTEST_MPS * max(abs(apart_s), abs(said_s or 0.0), 1.0) + _SCATTER_M
    if abs(fix.lat - other.lat) * _LEAST_DEGREE_M > most_m:
        return False  # Most wild fixes are that wild, and this is ten times faster.
    return distance_m(fix.lat, fix.lon, other.lat, other.lon) <= most_m


def believed_parts(fixes: Sequence[Fix], moments: Sequence[float | None]) -> list[list[tuple[float, Fix]]]:
    """The believed fixes with their moments, in the order of time, parted at gaps and jumps."""
    known = [
        (moment, fix) for moment, fix in zip(moments, fixes, strict=True) if fix.doubt is None and moment is not None
    ]
    known.sort(key=lambda pair: pair[0])
    parts: list[list[tuple[float, Fix]]] = [known[:1]] if known else []
    for (before_s, before), (after_s, after) in pairwise(known):
        gap_s = after_s - before_s
        if gap_s > LONGEST_GAP_S or not within_reach(before, after, gap_s):
            parts.append([])
        parts[-1].append((after_s, after))
    return parts


def _timed(fix: Fix) -> bool:
    return fix.offset_s is not None and math.isfinite(fix.offset_s)


def _of_one_kind(fixes: Sequence[Fix]) -> list[Fix]:
    """Those with a clock time of the kind that most of them have: with a zone, or without."""
    aware = [fix for fix in fixes if fix.at is not None and fix.at.utcoffset() is not None]
    naive = [fix for fix in fixes if fix.at is not None and fix.at.utcoffset() is None]
    return aware if len(aware) >= len(naive) else naive


def _tied(fixes: Sequence[Fix]) -> dt.datetime | None:
    """The clock at the first frame, by the fixes that know both their moment in the video and the clock."""
    both = [fix for fix in _of_one_kind(fixes) if _timed(fix)]
    if not both:
        return None
    origin = both[0].at
    assert origin is not None
    try:
        return origin + dt.timedelta(seconds=median(_started_s(fix, origin) for fix in both))
    except OverflowError:
        return None


def _started_s(fix: Fix, origin: dt.datetime) -> float:
    assert fix.at is not None
    assert fix.offset_s is not None
    return (fix.at - origin).total_seconds() - fix.offset_s


def _tie_error_s(fixes: Sequence[Fix], started: dt.datetime) -> float:
    both = [fix for fix in _of_one_kind(fixes) if _timed(fix)]
    whole = all(fix.at is not None and fix.at.microsecond == 0 for fix in both)
    scatter_s = median(abs(_started_s(fix, started)) for fix in both)
    return (_WHOLE_SECONDS_ERROR_S if whole else _LEAST_ERROR_S) + scatter_s


def _moment_s(fix: Fix, started: dt.datetime | None) -> float | None:
    if fix.offset_s is not None:
        return fix.offset_s if math.isfinite(fix.offset_s) else None
    if fix.at is None or started is None:
        return None
    return since_s(fix.at, started)
