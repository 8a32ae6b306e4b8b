"""Where the camera was at a moment of its video, and how far off that may be."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.camera.records import Clock, Fix, Track
from pipeline.camera.timing import LONGEST_GAP_S, began_by_track, believed_parts, moments_s, since_s
from pipeline.camera.tracks import geometry

__all__ = ["LONGEST_GAP_S", "Bounds", "Place", "began_by_track", "bounds", "length_m", "parts", "place_at", "places_at"]

#: A receiver under open sky is this far off.
_FIX_ERROR_M = 5.0
#: How far the moment of a fix may be off from the frame that it was written with.
_OFFSET_ERROR_S = 0.5
#: Between two fixes, a vehicle may brake, speed up or turn so hard, m/s²: it then leaves the straight, even way.
_CHANGE_MPS2 = 3.0
#: Cameras write a fix a second, so a video goes on for up to a second after its last one.
_REACH_S = 1.5
#: For a lone fix that says no speed.
_ANY_SPEED_MPS = 30.0
#: Slower, a bearing says nothing; nor does a direction between positions that lie this close.
_STANDING_MPS = 1.0
_NO_DIRECTION_M = 3.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the camera was at one moment."""

    #: WGS 84, degrees; north and east are positive.
    lat: float
    lon: float
    altitude_m: float | None
    speed_mps: float | None
    #: Degrees clockwise from north, 0 to 360; None for a vehicle that stands.
    bearing_deg: float | None
    #: How far off the position may be, metres.
    error_m: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """The smallest box around positions; `west` is greater than `east` where it lies across the 180th meridian."""

    south: float
    west: float
    north: float
    east: float


def place_at(track: Track, offset_s: float, clock: Clock | None = None) -> Place | None:
    """Where the camera was so many seconds after the first frame, between the two believed fixes around that moment.

    Fixes that know only the clock are placed by `clock`, the video's own; where none is given, or where only one of
    both knows its zone, by what the track itself says of its start. None between fixes of a gap of more than 5 s and
    between the parts of a track; before the first and after the last fix only within a second and a half.
    """
    return places_at(track, [offset_s], clock)[0]


def places_at(track: Track, offsets_s: Sequence[float], clock: Clock | None = None) -> list[Place | None]:
    """`place_at` for many moments of one track."""
    road = _Road(track, clock)
    return [road.place(offset_s) for offset_s in offsets_s]


def parts(track: Track) -> list[list[Fix]]:
    """The believed fixes in the order of time, parted where one is more than 5 s after the one before, or out of its
    reach: what may be drawn as one line. Where no fix says its time, their order counts, as if one came each second."""
    moments = moments_s(track.fixes)
    if all(moment is None for moment in moments):
        moments = [float(index) for index in range(len(moments))]
    return [[fix for _, fix in part] for part in believed_parts(track.fixes, moments)]


def length_m(track: Track) -> float:
    """The way along the believed fixes, gaps and jumps left out."""
    return sum((_apart_m(before, after) for part in parts(track) for before, after in pairwise(part)), 0.0)


def bounds(track: Track) -> Bounds | None:
    """The box around the believed fixes, whether or not they know their time; None where there are none."""
    fixes = [fix for fix in track.fixes if fix.doubt is None]
    if not fixes:
        return None
    lons = sorted({fix.lon for fix in fixes})
    # The widest stretch without a fix lies outside the box; across the meridian, it runs from the last to the first.
    gaps = [after - before for before, after in pairwise(lons)] + [lons[0] + 360 - lons[-1]]
    widest = max(range(len(gaps)), key=lambda index: (gaps[index], index))
    lats = [fix.lat for fix in fixes]
    return Bounds(min(lats), lons[(widest + 1) % len(lons)], max(lats), lons[widest])


class _Road:
    """The believed fixes of a track on the video's own time."""

    def __init__(self, track: Track, clock: Clock | None) -> None:
        moments, self._time_error_s = _offsets_s(track, clock)
        self._parts = believed_parts(track.fixes, moments)
        self._starts = [part[0][0] for part in self._parts]

    def place(self, offset_s: float) -> Place | None:
        if not self._parts or not math.isfinite(offset_s):
            return None
        number = bisect_right(self._starts, offset_s) - 1
        part = self._parts[max(number, 0)]
        if offset_s < part[0][0]:
            return self._beyond(part[0], part[1:2], offset_s)
        if offset_s > part[-1][0]:
            is_last = number == len(self._parts) - 1
            return self._beyond(part[-1], part[-2:-1], offset_s) if is_last else None
        after = bisect_right(part, offset_s, key=lambda known: known[0])
        return self._among(part[after - 1], part[min(after, len(part) - 1)], offset_s)

    def _among(self, before: tuple[float, Fix], after: tuple[float, Fix], offset_s: float) -> Place:
        (start_s, a), (end_s, b) = before, after
        gap_s = end_s - start_s
        share = (offset_s - start_s) / gap_s if gap_s else 0.0
        lat, lon = geometry.between(a.lat, a.lon, b.lat, b.lon, share)
        speed = _speed_mps(a, b, gap_s, share)
        off_the_line_m = _CHANGE_MPS2 * (offset_s - start_s) * (end_s - offset_s) / 2
        error_m = _FIX_ERROR_M + (speed or 0.0) * self._time_error_s + off_the_line_m
        return Place(lat, lon, _altitude_m(a, b, share), speed, _bearing_deg(a, b, speed, share), error_m)

    def _beyond(self, end: tuple[float, Fix], neighbour: list[tuple[float, Fix]], offset_s: float) -> Place | None:
        """Straight on from the track's first or last fix."""
        (moment_s, fix), beyond_s = end, offset_s - end[0]
        if abs(beyond_s) > _REACH_S:
            return None
        speed, bearing = fix.speed_mps, fix.bearing_deg
        if neighbour:
            before, after = (end, neighbour[0]) if neighbour[0][0] > moment_s else (neighbour[0], end)
            gap_s, share = after[0] - before[0], 1.0 if after is end else 0.0
            speed = _speed_mps(before[1], after[1], gap_s, share)
            bearing = _bearing_deg(before[1], after[1], speed, share)
        if speed is None or bearing is None:
            lat, lon, lost_m = fix.lat, fix.lon, (_ANY_SPEED_MPS if speed is None else speed) * abs(beyond_s)
        else:
            (lat, lon), lost_m = geometry.step(fix.lat, fix.lon, bearing, speed * beyond_s), 0.0
        changed_m = _CHANGE_MPS2 * beyond_s**2 / 2
        error_m = _FIX_ERROR_M + (speed or 0.0) * self._time_error_s + changed_m + lost_m
        return Place(lat, lon, fix.altitude_m, speed, bearing, error_m)


def _offsets_s(track: Track, clock: Clock | None) -> tuple[list[float | None], float]:
    """The seconds since the first frame for each fix, None where nothing says them, and how far off they may be."""
    fixes = track.fixes
    if any(fix.offset_s is not None for fix in fixes):
        return moments_s(fixes), _OFFSET_ERROR_S
    kind = next((fix.at for fix in fixes if fix.at is not None and fix.doubt is None), None)
    told = began_by_track(track)
    # A camera's local time stands in its fixes as it was shown; in the clock it may have been put right.
    as_shown = told is not None and told[0].utcoffset() is None
    if not as_shown and clock is not None and kind is not None and since_s(kind, clock.start.at) is not None:
        told = clock.start.at, clock.start.error_s
    if told is None:
        return [None] * len(fixes), 0.0
    began, error_s = told
    return [None if fix.at is None else since_s(fix.at, began) for fix in fixes], error_s


def _apart_m(a: Fix, b: Fix) -> float:
    return geometry.distance_m(a.lat, a.lon, b.lat, b.lon)


def _altitude_m(a: Fix, b: Fix, share: float) -> float | None:
    if a.altitude_m is None or b.altitude_m is None:
        return a.altitude_m if b.altitude_m is None else b.altitude_m
    return a.altitude_m + (b.altitude_m - a.altitude_m) * share


def _speed_mps(a: Fix, b: Fix, gap_s: float, share: float) -> float | None:
    if a.speed_mps is not None and b.speed_mps is not None:
        return a.speed_mps + (b.speed_mps - a.speed_mps) * share
    said = a.speed_mps if b.speed_mps is None else b.speed_mps
    return said if said is not None or not gap_s else _apart_m(a, b) / gap_s


def _bearing_deg(a: Fix, b: Fix, speed_mps: float | None, share: float) -> float | None:
    if speed_mps is not None and speed_mps < _STANDING_MPS:
        return None
    if a.bearing_deg is not None and b.bearing_deg is not None:
        return geometry.turned(a.bearing_deg, b.bearing_deg, share)
    said = a.bearing_deg if b.bearing_deg is None else b.bearing_deg
    if said is not None or _apart_m(a, b) < _NO_DIRECTION_M:
        return said
    return geometry.direction_deg(a.lat, a.lon, b.lat, b.lon)
