"""Asks the clock on screen where no better source tells when a video was recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pipeline.camera.clock import ClockOptions, with_claim
from pipeline.camera.clock.judge import ORDER
from pipeline.camera.clock.options import corrected
from pipeline.camera.on_screen.screen_clock import read_screen_clock
from pipeline.camera.on_screen.text import TextReader
from pipeline.camera.records import Clock
from pipeline.records import MediaInfo, MediaKind, Recorded, RecordedFrom
from pipeline.utc import as_utc


def is_wanted(kind: MediaKind, told_by: RecordedFrom | None) -> bool:
    """Whether the screen would tell more than what is known: it takes seconds, and most cameras name their files by the
    same clock."""
    worse = told_by is None or ORDER.index(told_by) > ORDER.index(RecordedFrom.OVERLAY)
    return kind is MediaKind.VIDEO and worse


def with_screen(info: MediaInfo, clock: Clock | None, options: ClockOptions, reader: TextReader) -> Clock | None:
    """What is known of a recording's clock, with what the screen says of it, put right as its camera's others are.

    `info` needs what the probe and `opened` learnt: keyframes, overlays, make and model. Raises `Away` where the file
    cannot be reached now.
    """
    hints = () if clock is None else (clock.start, *clock.others, *clock.agreed)
    claim = read_screen_clock(info, reader, hints)
    if claim is None:
        return clock
    camera = options.for_camera(info.path, info.make, info.model)
    return with_claim(clock, corrected(claim, camera), camera.zone)


def with_screen_clock(info: MediaInfo, options: ClockOptions, load: Callable[[], TextReader]) -> MediaInfo:
    """What the probe has learnt, with the clock on screen where it is wanted and there; `load` gives the reader."""
    told_by = info.clock.start.told_by if info.clock is not None else None
    if not is_wanted(info.kind, told_by):
        return info
    clock = with_screen(info, info.clock, options, load())
    if clock is None:
        return info
    return replace(info, clock=clock, recorded=Recorded(as_utc(clock.start.at), clock.start.told_by))
