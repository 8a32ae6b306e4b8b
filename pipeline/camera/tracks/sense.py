"""Checks the fixes of a track for sense. What is not believed says why; nothing is dropped.

A single wild fix must not condemn its neighbours, and a jump that stays is a jump: after it the track goes on in
another part. So fixes are not held against their neighbours one by one. Of all ways to leave some out, the one is
taken that costs least, where each fix that is left out costs one, and each jump that remains a little more.
"""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from pipeline.camera.records import Fix, Track
from pipeline.camera.timing import FASTEST_MPS, moments_s, within_reach
from pipeline.camera.tracks.geometry import full_circle

#: What a jump costs, in fixes left out: two fixes at a track's end or four within it are enough to believe in one.
_JUMP_COST = 1.75
#: A stretch of wild fixes is looked back over so far. Longer ones cost one jump more each time.
_LOOK_BACK = 60
#: A receiver that has lost its satellites repeats its last fix to the last digit. Many cameras write a fix several
#: times a second, so only longer repeats count, and only those that say they move: parked cars do not.
_LONGEST_REPEAT_S = 2.5
_MOVING_MPS = 2.0
#: Both coordinates closer to 0 than this, 10 m, are no place but an empty record.
_NOWHERE_DEG = 1e-4
#: Summer time; a camera writes its fixes closer than this.
_HOUR = dt.timedelta(hours=1)
_CHANGE_WITHIN = dt.timedelta(seconds=5)
#: Deepest shore and highest flight, generously.
_ALTITUDES_M = (-1_000.0, 20_000.0)

NOT_A_NUMBER = "Its position is not a number."
OUT_OF_RANGE = "Its position lies outside the earth's coordinates."
NOWHERE = "Its position is 0/0, which receivers write while they know none."
NO_TIME = "It says no time that fits the others'."
RUNS_BACK = "Its time runs back."
REPEATED = "It repeats the fix before it while it claims to move: the receiver had lost its satellites."
STANDING_CLOCK = "It repeats the fix before it, and its clock stands still: the receiver had lost its satellites."
TOO_FAR = "No vehicle gets there in that time."


def checked(track: Track) -> Track:
    """The track with its fixes in the order of time, and a doubt on those that are not to be believed.

    Speeds, bearings and heights that cannot be are taken out of fixes whose positions are good. Doubts that are there
    already stay. Local times go on as they began where a camera changes between summer and winter time.
    """
    fixes = [_with_sound_values(fix) for fix in _in_one_zone(track.fixes)]
    fixes = [fix if fix.doubt else replace(fix, doubt=_doubt_of_position(fix)) for fix in fixes]
    for rule in (_untimed, _running_back):
        _mark(fixes, rule(fixes, moments_s(fixes)))
    fixes = _in_time(fixes)
    for rule in (_repeating, _too_far):
        _mark(fixes, rule(fixes, moments_s(fixes)))
    return replace(track, fixes=tuple(fixes))


#: Positions in a list of fixes, each with why it is doubted.
_Doubts = Iterator[tuple[int, str]]


def _mark(fixes: list[Fix], doubts: _Doubts) -> None:
    for index, doubt in list(doubts):
        fixes[index] = replace(fixes[index], doubt=doubt)


def _in_one_zone(fixes: Sequence[Fix]) -> list[Fix]:
    """With local times as if their zone had not changed: no recording goes on just an hour later, or earlier."""
    found = []
    ahead = dt.timedelta()
    last: dt.datetime | None = None
    for fix in fixes:
        if fix.at is not None and fix.at.utcoffset() is None:
            with suppress(OverflowError):
                step = dt.timedelta() if last is None else fix.at - ahead - last
                if abs(abs(step) - _HOUR) <= _CHANGE_WITHIN:
                    ahead += _HOUR if step > dt.timedelta() else -_HOUR
                fix = replace(fix, at=fix.at - ahead)
                last = fix.at
        found.append(fix)
    return found


def _with_sound_values(fix: Fix) -> Fix:
    speed, bearing, altitude = fix.speed_mps, fix.bearing_deg, fix.altitude_m
    low_m, high_m = _ALTITUDES_M
    return replace(
        fix,
        speed_mps=speed if speed is not None and 0 <= speed <= FASTEST_MPS else None,
        bearing_deg=full_circle(bearing) if bearing is not None and -360 <= bearing <= 360 else None,
        altitude_m=altitude if altitude is not None and low_m <= altitude <= high_m else None,
    )


def _doubt_of_position(fix: Fix) -> str | None:
    if not (math.isfinite(fix.lat) and math.isfinite(fix.lon)):
        return NOT_A_NUMBER
    if abs(fix.lat) > 90 or abs(fix.lon) > 180:
        return OUT_OF_RANGE
    return NOWHERE if abs(fix.lat) < _NOWHERE_DEG and abs(fix.lon) < _NOWHERE_DEG else None


def _untimed(fixes: Sequence[Fix], moments: Sequence[float | None]) -> _Doubts:
    if all(moment is None for moment in moments):
        return  # A format without times: what it shows is a line on the map, and no place at any moment.
    for index, (fix, moment) in enumerate(zip(fixes, moments, strict=True)):
        if moment is None and fix.doubt is None:
            yield index, NO_TIME


def _running_back(fixes: Sequence[Fix], moments: Sequence[float | None]) -> _Doubts:
    """All but the longest row of fixes, in the order of the file, whose time never runs back."""
    known = [(index, moment) for index, moment, fix in _believed(fixes, moments)]
    ends: list[float] = []  # Of the rows of each length, the earliest end; and which fix that is.
    end_at: list[int] = []
    before: dict[int, int | None] = {}
    for index, moment in known:
        length = bisect_right(ends, moment)
        before[index] = end_at[length - 1] if length else None
        ends[length : length + 1], end_at[length : length + 1] = [moment], [index]
    row = set()
    last = end_at[-1] if end_at else None
    while last is not None:
        row.add(last)
        last = before[last]
    for index, _ in known:
        if index not in row:
            yield index, RUNS_BACK


def _in_time(fixes: Sequence[Fix]) -> list[Fix]:
    """Sorted by time; what says none stays behind the fix that it followed."""
    keys, last = [], -math.inf
    for moment in moments_s(fixes):
        last = last if moment is None else moment
        keys.append(last)
    return [fix for _, fix in sorted(zip(keys, fixes, strict=True), key=lambda pair: pair[0])]


def _repeating(fixes: Sequence[Fix], moments: Sequence[float | None]) -> _Doubts:
    run: list[tuple[int, float, Fix]] = []
    for found in _believed(fixes, moments):
        if run and _says(run[0][2]) != _says(found[2]):
            yield from _doubts_of_run(run)
            run = []
        run.append(found)
    yield from _doubts_of_run(run)


def _says(fix: Fix) -> tuple[float | None, ...]:
    return fix.lat, fix.lon, fix.speed_mps, fix.bearing_deg, fix.altitude_m


def _doubts_of_run(run: Sequence[tuple[int, float, Fix]]) -> _Doubts:
    if not run or run[-1][1] - run[0][1] <= _LONGEST_REPEAT_S:
        return
    first = run[0][2]
    if (first.speed_mps or 0.0) >= _MOVING_MPS:
        yield from ((index, REPEATED) for index, _, _ in run[1:])
    elif first.at is not None and all(fix.at == first.at for _, _, fix in run):
        yield from ((index, STANDING_CLOCK) for index, _, _ in run[1:])


def _too_far(fixes: Sequence[Fix], moments: Sequence[float | None]) -> _Doubts:
    known = list(_believed(fixes, moments))
    kept = _cheapest_way(known)
    if len(kept) > 1:  # Where no two of them agree, none is more doubtful than another.
        yield from ((index, TOO_FAR) for place, (index, _, _) in enumerate(known) if place not in kept)


def _cheapest_way(known: Sequence[tuple[int, float, Fix]]) -> set[int]:
    """Which fixes to keep, as positions in `known`."""
    costs: list[float] = []
    before: list[int | None] = []
    for here in range(len(known)):
        cost, best = float(here), None  # All before it left out.
        start = max(0, here - _LOOK_BACK)
        lowest = min(costs[start:here], default=0.0)
        for earlier in range(here - 1, start - 1, -1):
            skipped = here - earlier - 1
            if lowest + skipped >= cost:
                break
            through = costs[earlier] + skipped
            if through < cost and not _reachable(known[earlier], known[here]):
                through += _JUMP_COST
            if through < cost:
                cost, best = through, earlier
        costs.append(cost)
        before.append(best)
    ends = [cost + len(known) - 1 - here for here, cost in enumerate(costs)]
    last = min(range(len(known)), key=ends.__getitem__, default=None)
    kept = set()
    while last is not None:
        kept.add(last)
        last = before[last]
    return kept


def _reachable(earlier: tuple[int, float, Fix], later: tuple[int, float, Fix]) -> bool:
    return within_reach(earlier[2], later[2], later[1] - earlier[1])


def _believed(fixes: Sequence[Fix], moments: Sequence[float | None]) -> Iterator[tuple[int, float, Fix]]:
    for index, (fix, moment) in enumerate(zip(fixes, moments, strict=True)):
        if fix.doubt is None and moment is not None:
            yield index, moment, fix
