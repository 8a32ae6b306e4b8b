"""What a look at a file tells, as JSON and for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from output.track_picture import track_picture
from pipeline.camera.clock.zones import spelled
from pipeline.camera.records import Clock, ClockClaim, Fix, Track
from pipeline.camera.report import Report
from pipeline.camera.sun import light, sun_height_deg
from pipeline.camera.tracks.place import length_m
from pipeline.records import RecordedFrom
from pipeline.sources.source import stored
from pipeline.video.mp4.outline import StreamSeen

#: Sources as people call them, where rows call them otherwise.
_SOURCE_NAMES = {RecordedFrom.FILE: "file time"}


def as_json_object(report: Report) -> dict[str, Any]:
    """One object a file: everything in it that nothing is known of is null."""
    seen, media, found = report.outline, report.media, report.found
    return {
        "file": stored(report.source),
        "kind": None if media is None else str(media.kind),
        "make": found.make,
        "model": found.model,
        "camera": found.named.camera,
        "recording": found.named.kind,
        "container": None if seen is None else seen.container,
        "streams": [] if seen is None else [_stream(stream) for stream in seen.streams],
        "frame_rate": _frame_rate(report),
        "constant_frame_rate": None if seen is None else seen.is_even,
        "duration_s": report.duration_s,
        "announced_duration_s": None if seen is None else seen.announced_s,
        "damage": report.damage,
        "recovered": media is not None and media.recovered,
        "start": None if found.clock is None else _start(found.clock),
        "track": _track(found.track, found.clock),
        "sun": _sun(found.track, found.clock),
        "notes": _notes(report),
    }


def in_words(report: Report) -> Iterator[tuple[str, str]]:
    """The same for people: what is told, and a line or more of text."""
    if streams := _streams_in_words(report):
        yield "streams", streams
    if report.duration_s is not None:
        yield "length", _length_in_words(report)
    yield "damage", report.damage or ("none seen" if report.media is not None else "not looked for")
    if camera := [word for word in _camera(report) if word]:
        yield "camera", ", ".join(camera)
    yield "start", "\n".join(_clock_in_words(report.found.clock))
    yield "track", "\n".join(_track_in_words(report))
    if notes := _notes(report):
        yield "notes", "\n".join(notes)


# JSON


def _stream(stream: StreamSeen) -> dict[str, Any]:
    told = {"kind": stream.kind, "codec": stream.codec}
    sized = {"width": stream.width, "height": stream.height, "sample_rate": stream.sample_rate}
    return told | {name: value for name, value in sized.items() if value is not None}


def _frame_rate(report: Report) -> float | None:
    if report.media is not None and report.media.frame_rate:
        return round(report.media.frame_rate, 3)
    seen = report.outline
    return None if seen is None or seen.frame_rate is None else round(seen.frame_rate, 3)


def _start(clock: Clock) -> dict[str, Any]:
    claim = _claim(clock.start)
    return claim | {
        "zone": clock.zone,
        "others": [_claim(other) for other in clock.others],
        "agreed": [_claim(other) for other in clock.agreed],
    }


def _claim(claim: ClockClaim) -> dict[str, Any]:
    zone = None if claim.at.tzinfo is None else spelled(claim.at.tzinfo, claim.at)
    return {
        "time": _time(claim.at),
        "source": _SOURCE_NAMES.get(claim.told_by, claim.told_by.value),
        "zone": zone,
        "uncertainty_s": round(claim.error_s, 3),
    }


def _time(at: dt.datetime) -> str:
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")


def _track(track: Track | None, clock: Clock | None) -> dict[str, Any] | None:
    """What is believed of a track; where nothing is, all of it, and `doubted` says so. Null where there is none."""
    if track is None or not track.fixes:
        return None
    believed = _believed(track)
    told = believed or track.fixes
    return {
        "points": len(told),
        "doubted": len(track.fixes) - len(believed),
        "first": _fix(told[0], clock),
        "last": _fix(told[-1], clock),
        "length_m": round(length_m(track), 1),
        "source": track.source,
        "sidecar": track.sidecar,
    }


def _sun(track: Track | None, clock: Clock | None) -> dict[str, Any] | None:
    """How high the sun stood at the first fix that is believed; null where that or its moment is not known."""
    first = next(iter(_believed(track)), None)
    at = None if first is None else _moment(first, clock)
    if first is None or at is None or at.tzinfo is None:
        return None
    height_deg = sun_height_deg(at, first.lat, first.lon)
    return {"height_deg": round(height_deg, 1), "light": light(height_deg)}


def _fix(fix: Fix, clock: Clock | None) -> dict[str, Any]:
    at = _moment(fix, clock)
    return {"time": None if at is None else _time(at), "lat": round(fix.lat, 7), "lon": round(fix.lon, 7)}


def _moment(fix: Fix, clock: Clock | None) -> dt.datetime | None:
    """When a fix was taken, by its own clock or by the video's; when a file was written does not say it."""
    if fix.at is not None or fix.offset_s is None or clock is None or clock.start.told_by is RecordedFrom.FILE:
        return fix.at
    try:
        return clock.start.at + dt.timedelta(seconds=fix.offset_s)
    except OverflowError:
        return None


def _believed(track: Track | None) -> list[Fix]:
    return [] if track is None else [fix for fix in track.fixes if fix.doubt is None]


def _notes(report: Report) -> list[str]:
    clock = report.found.clock
    return [*(() if clock is None else clock.notes), *report.found.problems]


# For people


def _streams_in_words(report: Report) -> str:
    seen = report.outline
    if seen is None:
        return ""
    rate = _frame_rate(report)
    words = []
    for stream in seen.streams:
        told = f"{stream.kind} {stream.codec or '(unknown)'}"
        if stream.width and stream.height:
            told += f" {stream.width} × {stream.height}"
        if stream.kind == "video" and rate:
            even = {True: ", evenly", False: ", unevenly", None: ""}[seen.is_even]
            told += f", {rate:.5g} frames a second{even}"
        words.append(told)
    return "\n".join(words)


def _length_in_words(report: Report) -> str:
    seen = report.outline
    length_s = report.duration_s or 0.0
    if seen is None or seen.announced_s is None or abs(seen.announced_s - length_s) < 0.05:
        return f"{length_s:.1f} s"
    return f"{length_s:.1f} s of {seen.announced_s:.1f} s by the header"


def _camera(report: Report) -> Iterator[str | None]:
    yield " ".join(word for word in (report.found.make, report.found.model) if word)
    yield report.found.named.camera
    kind = report.found.named.kind
    yield None if kind is None else f"{kind} recording"


def _clock_in_words(clock: Clock | None) -> Iterator[str]:
    if clock is None:
        yield "nothing says when"
        return
    zone = "of no known zone" if clock.zone is None else clock.zone
    yield f"{_in_words(clock.start)} ({zone})"
    for other in clock.agreed:
        yield f"  as does {_in_words(other)}"
    for other in clock.others:
        yield f"  but {_in_words(other)}"


def _in_words(claim: ClockClaim) -> str:
    source = _SOURCE_NAMES.get(claim.told_by, claim.told_by.value)
    error = f"{claim.error_s:.3g} s" if claim.error_s < 3600 else f"{claim.error_s / 3600:.3g} h"
    return f"{_time(claim.at).replace('T', ' ')} by {source}, give or take {error}"


def _track_in_words(report: Report) -> Iterator[str]:
    track, clock = report.found.track, report.found.clock
    if track is None or not track.fixes:
        yield "none"
        return
    believed = _believed(track)
    if not believed:
        yield f"{track.source}: {len(track.fixes)} points, none of them believed. {track.fixes[0].doubt}"
        return
    doubted = len(track.fixes) - len(believed)
    more = f", {doubted} not believed" if doubted else ""
    yield f"{track.source}: {len(believed)} points{more}, {length_m(track):,.0f} m"
    for word, fix in (("from", believed[0]), ("to", believed[-1])):
        at = _moment(fix, clock)
        when = "" if at is None else f" at {_time(at).replace('T', ' ')}"
        yield f"{word} {fix.lat:.6f}, {fix.lon:.6f}{when}"
    if sun := _sun(track, clock):
        yield f"{sun['light']}: the sun stood {sun['height_deg']:.0f}° high at the first"
    if picture := track_picture(track):
        yield picture
