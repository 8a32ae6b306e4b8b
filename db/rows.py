"""Turns records into what a row holds, and rows back into records."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from db.models import CropRow, ReadingRow, SightingRow, TrackletRow, Video
from pipeline.errors import DashplateError
from pipeline.records import (
    Box,
    Candidate,
    Character,
    MediaInfo,
    Observation,
    Reading,
    ReadTracklet,
    Sighting,
)


def observation_json(observation: Observation) -> dict[str, Any]:
    return {
        "pts": observation.pts,
        "time_s": observation.time_s,
        "box": list(observation.box.as_tuple()),
        "confidence": observation.confidence,
    }


def observation_of(stored: dict[str, Any]) -> Observation:
    return Observation(stored["pts"], stored["time_s"], Box(*stored["box"]), stored["confidence"])


def characters_json(characters: Sequence[Character]) -> list[Any]:
    return [{"char": c.char, "confidence": c.confidence} for c in characters]


def candidates_json(candidates: Sequence[Candidate]) -> list[Any]:
    return [{"text": c.text, "confidence": c.confidence} for c in candidates]


def media_columns(info: MediaInfo) -> dict[str, Any]:
    """The columns of `videos` that the probe fills."""
    return {
        "kind": info.kind,
        "width": info.width,
        "height": info.height,
        "rotation": info.rotation,
        "codec": info.codec,
        "frame_rate": info.frame_rate,
        "time_base_num": info.time_base.numerator,
        "time_base_den": info.time_base.denominator,
        "start_pts": info.start_pts,
        "end_pts": info.end_pts,
        "duration_s": info.duration_s,
        "timed": bool(info.keyframes),
        "problem": info.problem,
        "overlays": [list(box.as_tuple()) for box in info.overlays],
    }


def media_of(video: Video, enter_pts: int) -> MediaInfo:
    """What a worker needs to decode the segment that starts at the keyframe `enter_pts`.

    Raises DashplateError for a video that was never probed.
    """
    if (
        video.kind is None
        or video.width is None
        or video.height is None
        or video.time_base_num is None
        or video.time_base_den is None
        or video.start_pts is None
        or video.end_pts is None
    ):
        raise DashplateError(f"Video {video.id} has not been opened yet.")
    return MediaInfo(
        path=Path(video.path),
        kind=video.kind,
        width=video.width,
        height=video.height,
        rotation=video.rotation or 0,
        codec=video.codec or "",
        time_base=Fraction(video.time_base_num, video.time_base_den),
        start_pts=video.start_pts,
        end_pts=video.end_pts,
        frame_rate=video.frame_rate or 0.0,
        # Of all the keyframes, a segment needs the one where it is entered.
        keyframes=tuple(sorted({video.start_pts, enter_pts})) if video.timed else (),
        frames=0,
        overlays=tuple(Box(*corners) for corners in video.overlays or ()),
    )


def reading_columns(reading: Reading) -> dict[str, Any]:
    return {
        "text": reading.text,
        "confidence": reading.confidence,
        "characters": characters_json(reading.characters),
        "alternatives": candidates_json(reading.alternatives),
        "country": reading.country,
        "reads": reading.reads,
        "crops": reading.crops,
        "best_crop": reading.best_crop,
    }


def reading_of(row: ReadingRow) -> Reading:
    return Reading(
        text=row.text,
        confidence=row.confidence,
        characters=tuple(Character(c["char"], c["confidence"]) for c in row.characters),
        alternatives=tuple(Candidate(c["text"], c["confidence"]) for c in row.alternatives),
        country=row.country,
        reads=row.reads,
        crops=row.crops,
        best_crop=row.best_crop,
    )


def read_tracklet_of(segment: int, row: TrackletRow, reading: ReadingRow, best: CropRow) -> ReadTracklet:
    return ReadTracklet(
        segment=segment,
        index=row.index,
        first=observation_of(row.first),
        last=observation_of(row.last),
        seen=row.seen,
        best=observation_of(best.observation),
        crop=best.name,
        reading=reading_of(reading),
    )


def sighting_row(video_id: int, plate_id: int, sighting: Sighting) -> SightingRow:
    box = sighting.best.box
    return SightingRow(
        video_id=video_id,
        plate_id=plate_id,
        index=sighting.index,
        text=sighting.text,
        shown=sighting.shown,
        country=sighting.country,
        confidence=sighting.confidence,
        characters=characters_json(sighting.characters),
        alternatives=candidates_json(sighting.alternatives),
        first_s=sighting.first.time_s,
        last_s=sighting.last.time_s,
        best_s=sighting.best.time_s,
        first_pts=sighting.first.pts,
        last_pts=sighting.last.pts,
        best_pts=sighting.best.pts,
        x1=box.x1,
        y1=box.y1,
        x2=box.x2,
        y2=box.y2,
        reads=sighting.reads,
        confirmed=sighting.confirmed,
        crop=sighting.crop,
        tracklets=[list(t) for t in sighting.tracklets],
    )
