"""Which of the times on screen run with the video, and when its first frame was by them.

A clock that shows whole seconds says `floor(start + t)` at the time `t` of the video. So each reading bounds the start
to one second, and readings at other fractions of a second narrow it down. Most readings that agree are right; a
misread digit puts the start elsewhere, and agrees with nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.camera.on_screen.written import ShownDate, ShownTime

DAY_S = 86_400.0
#: A run needs so many looks, and the time must have been seen to move: a caption stands still.
LEAST_LOOKS, LEAST_VALUES = 3, 2
#: Share of the looks with any time, from a run's first to its last, that must be of it.
LEAST_SHARE = 0.5
#: A run lasts so many of its units, or is of so large a share of all looks, or the video's end cuts it short: readings
#: that are wrong, or no times at all, agree for a moment.
LEAST_UNITS, NEARLY_ALL = 3.0, 0.8
#: Cameras draw their clock late, now and then, by this much of its unit at most.
JITTER = 0.5


@dataclass(frozen=True, slots=True)
class Look:
    """What the screen said in one frame."""

    #: Of the frame, seconds since the first one.
    time_s: float
    dates: frozenset[ShownDate]
    times: frozenset[ShownTime]


@dataclass(frozen=True, slots=True)
class Run:
    """A clock that ran with the video for a while."""

    #: The second of the day at the video's first frame, by this clock: between these two, which may lie below 0 or past
    #: the day's end.
    earliest_s: float
    latest_s: float
    unit_s: int
    #: The looks whose times are of it, in order.
    looks: tuple[Look, ...]

    @property
    def start_s(self) -> float:
        return (self.earliest_s + self.latest_s) / 2

    @property
    def error_s(self) -> float:
        return (self.latest_s - self.earliest_s) / 2

    @property
    def first_s(self) -> float:
        return self.looks[0].time_s

    @property
    def last_s(self) -> float:
        return self.looks[-1].time_s


def runs_of(looks: Iterable[Look]) -> list[Run]:
    """The clocks that ran with the video, by when they are first seen. Several where recordings were joined, or where
    the clock was put forward; a clock with seconds goes before one without."""
    left = sorted((look for look in looks if look.times), key=lambda look: look.time_s)
    for unit_s in (1, 60):
        runs = _runs(left, unit_s)
        if runs:
            return sorted(runs, key=lambda run: run.first_s)
    return []


def _runs(looks: Sequence[Look], unit_s: int) -> list[Run]:
    runs: list[Run] = []
    left = list(looks)
    while (run := _largest(left, unit_s)) is not None:
        inside = [look for look in looks if run.first_s <= look.time_s <= run.last_s]
        left = [look for look in left if look not in run.looks]
        lasts = run.last_s - run.first_s >= LEAST_UNITS * unit_s or len(run.looks) >= NEARLY_ALL * len(looks)
        cut_short = run.first_s == looks[0].time_s or run.last_s == looks[-1].time_s
        if (lasts or cut_short) and len(run.looks) >= LEAST_SHARE * len(inside):
            runs.append(run)
    return runs


def _largest(looks: Sequence[Look], unit_s: int) -> Run | None:
    """The run that most looks agree on; None where too few do, or the time stands still."""
    bounds = [(look, time) for look in looks for time in look.times if time.unit_s == unit_s]
    best: Run | None = None
    for look, time in bounds:
        run = _around(time.second - look.time_s, bounds, unit_s)
        if run is not None and (best is None or len(run.looks) > len(best.looks)):
            best = run
    return best


def _around(pivot_s: float, bounds: Sequence[tuple[Look, ShownTime]], unit_s: int) -> Run | None:
    """The run whose start lies within a unit after the pivot; None where there is none."""
    near: list[tuple[float, Look, ShownTime]] = []
    for look, time in bounds:
        # How much later than the pivot the start is at least, by this reading.
        after_s = (time.second - look.time_s - pivot_s + DAY_S / 2) % DAY_S - DAY_S / 2
        if abs(after_s) < (1 + JITTER) * unit_s:
            near.append((after_s, look, time))
    seen = {id(look) for _, look, _ in near}
    if len(seen) < LEAST_LOOKS or len({time.second for _, _, time in near}) < LEAST_VALUES:
        return None
    return _narrowed(pivot_s, near, unit_s)


def _narrowed(pivot_s: float, near: Sequence[tuple[float, Look, ShownTime]], unit_s: int) -> Run | None:
    """Where most of the bounds overlap, and those that overlap there but for the jitter."""

    def holding(at_s: float, slack_s: float) -> list[tuple[float, Look, ShownTime]]:
        return [one for one in near if one[0] - slack_s <= at_s < one[0] + unit_s + slack_s]

    most = max((one[0] for one in near), key=lambda at_s: (len(holding(at_s, 0.0)), -abs(at_s)))
    exact = holding(most, 0.0)
    earliest_s, latest_s = max(one[0] for one in exact), min(one[0] for one in exact) + unit_s
    own = holding((earliest_s + latest_s) / 2, JITTER * unit_s)
    looks = sorted({id(look): look for _, look, _ in own}.values(), key=lambda look: look.time_s)
    if len(looks) < LEAST_LOOKS or len({time.second for _, _, time in own}) < LEAST_VALUES:
        return None
    return Run(pivot_s + earliest_s, pivot_s + latest_s, unit_s, tuple(looks))
