"""The moment at which a recording began, by the clock that its camera burnt into the pictures."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipeline.camera.on_screen.dating import day_of
from pipeline.camera.on_screen.glances import Screen, moments, window
from pipeline.camera.on_screen.running import DAY_S, Look, Run, runs_of
from pipeline.camera.on_screen.text import TextReader
from pipeline.camera.records import ClockClaim
from pipeline.records import MediaInfo, MediaKind, RecordedFrom

#: Frames around a tick of the clock that are read to narrow it down, each halving what is left.
PROBES = 6
#: Frames that are kept of the seconds around a tick, and how many seconds may be decoded for it.
TICK_FRAMES, MOST_DECODED_S = 40, 6.0
#: Cameras draw their ticks late by a frame or two: those of one clip are 0.1 s apart.
LEAST_ERROR_S = 0.1
_HOUR_S = 3600


def read_screen_clock(info: MediaInfo, reader: TextReader, hints: Sequence[ClockClaim] = ()) -> ClockClaim | None:
    """The moment of the first frame by the clock on screen, a local time; None where there is none, or none that can be
    told surely.

    `info.path` is opened: give one that was allowed. `hints` are what other sources say; they choose between day and
    month where the screen leaves both open, and nothing else. Raises `Away` where the file cannot be reached now.
    """
    return next(iter(screen_clocks(info, reader, hints)), None)


def screen_clocks(info: MediaInfo, reader: TextReader, hints: Sequence[ClockClaim] = ()) -> list[ClockClaim]:
    """The same, followed by what the clock says later, where it jumps: the first frame's moment by those pictures.

    It jumps where recordings were joined, and where it was put forward or back.
    """
    if info.kind is MediaKind.PHOTO:
        return []
    screen = Screen(info, reader)
    runs = without_noise(runs_of(_looks(info, screen)))
    runs[:1] = [_narrowed(info, screen, run) for run in runs[:1]]
    return [claim for run in runs if (claim := _claim(run, hints)) is not None]


def _looks(info: MediaInfo, screen: Screen) -> list[Look]:
    looks: list[Look] = []
    for frame in moments(info):
        looks.append(screen.look(frame))
        if screen.is_blank:
            return []
    return looks


def _claim(run: Run, hints: Sequence[ClockClaim]) -> ClockClaim | None:
    day = day_of(run, hints)
    if day is None:
        return None
    at = dt.datetime.combine(day, dt.time()) + dt.timedelta(seconds=run.start_s)
    return ClockClaim(at, RecordedFrom.OVERLAY, max(run.error_s, LEAST_ERROR_S))


def without_noise(runs: Iterable[Run]) -> list[Run]:
    """The runs that follow each other. Of two at one time the larger one counts, as it does of two whose times differ
    in one digit: that digit was misread for a while."""
    kept: list[Run] = []
    for run in sorted(runs, key=lambda run: -len(run.looks)):
        if not any(_overlap(run, other) or _misread(run, other) for other in kept):
            kept.append(run)
    return sorted(kept, key=lambda run: run.first_s)


def _overlap(one: Run, other: Run) -> bool:
    return one.first_s <= other.last_s and other.first_s <= one.last_s


def _misread(one: Run, other: Run) -> bool:
    """Whether the clocks differ in one digit alone, and not because it was put forward or back by an hour."""
    first, second = sorted((one, other), key=lambda run: run.first_s)
    between_s = (first.last_s + second.first_s) / 2
    before, after = (_digits(run.start_s + between_s) for run in (first, second))
    if sum(a != b for a, b in zip(before, after, strict=True)) != 1:
        return False
    hours = abs(abs(second.start_s - first.start_s) - _HOUR_S) < 2
    passes_hour = (first.start_s + first.last_s) // _HOUR_S != (first.start_s + second.first_s) // _HOUR_S
    return not (hours and passes_hour)


def _digits(second: float) -> str:
    whole = int(second % DAY_S)
    return f"{whole // 3600:02}{whole // 60 % 60:02}{whole % 60:02}"


def _narrowed(info: MediaInfo, screen: Screen, run: Run) -> Run:
    """The run with its start narrowed down by frames around one of its ticks."""
    if run.error_s <= LEAST_ERROR_S:
        return run
    tick_s, from_s, decoded_s = _next_tick(info, run)
    width_s = run.latest_s - run.earliest_s
    if decoded_s > MOST_DECODED_S:
        return run
    fps = TICK_FRAMES / width_s if info.frame_rate * width_s > TICK_FRAMES else None
    until_s = tick_s - run.earliest_s
    frames = [(frame.time_s, screen.cut(frame.image)) for frame in window(info, from_s, until_s, fps)]
    for _ in range(PROBES):
        inside = [one for one in frames if tick_s - run.latest_s < one[0] < tick_s - run.earliest_s]
        if not inside:
            break
        probed = inside[len(inside) // 2]
        frames.remove(probed)
        run = _told(run, tick_s, screen.read(*probed))
    return run


def _next_tick(info: MediaInfo, run: Run) -> tuple[float, float, float]:
    """A tick that is soon reached from a keyframe: the clock then, in seconds of its day; when the frames around it
    begin in the video; and how many seconds are decoded for them."""
    entries = [0.0, *(info.seconds(pts) for pts in info.keyframes if pts > info.start_pts)]
    inside = [at_s for at_s in entries if run.first_s <= at_s <= run.last_s] or [
        max(at_s for at_s in entries if at_s <= run.first_s)
    ]
    ticks: list[tuple[float, float, float]] = []
    for entry_s in inside:
        tick_s = math.ceil((run.latest_s + max(entry_s, run.first_s)) / run.unit_s) * run.unit_s
        if tick_s - run.earliest_s < info.duration_s:
            ticks.append((tick_s, tick_s - run.latest_s, tick_s - run.earliest_s - entry_s))
    return min(ticks, key=lambda tick: tick[2], default=(0.0, 0.0, math.inf))


def _told(run: Run, tick_s: float, look: Look) -> Run:
    """The run with what a frame near the tick says: that it was past it, or that it was not yet."""
    shown = {time.second for time in look.times if time.unit_s == run.unit_s}
    bound_s = tick_s - look.time_s
    if int(tick_s % DAY_S) in shown:
        return replace(run, earliest_s=max(run.earliest_s, bound_s))
    if int((tick_s - run.unit_s) % DAY_S) in shown:
        return replace(run, latest_s=min(run.latest_s, bound_s))
    return run


__all__ = ["read_screen_clock", "screen_clocks"]
