"""Turns records into what a row holds, and rows back into records."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from sqlalchemy import RowMapping

from db.findings.plate_hashing import PlateKey
from db.models import ReadingRow, SightingRow, TrackletRow, Video
from db.where.clocks import clock_columns
from pipeline.errors import DashplateError
from pipeline.records import (
    Box,
    Candidate,
    Character,
    MediaInfo,
    MediaKind,
    Observation,
    Reading,
    ReadTracklet,
    Sighting,
)
from pipeline.sources.source import source_of

#: An observation in `tracklets.path`.
_OBSERVED = np.dtype([("pts", "<i8"), ("box", "<f4", (4,)), ("confidence", "<f4")])


def observation_json(observation: Observation) -> dict[str, Any]:
    return {
        "pts": observation.pts,
        "time_s": observation.time_s,
        "box": list(observation.box.as_tuple()),
        "confidence": observation.confidence,
    }


def observation_of(stored: dict[str, Any]) -> Observation:
    return Observation(stored["pts"], stored["time_s"], Box(*stored["box"]), stored["confidence"])


def path_bytes(observations: Sequence[Observation]) -> bytes:
    """All observations of a tracklet, 28 bytes each: of a passing of two seconds 560."""
    packed = np.empty(len(observations), _OBSERVED)
    packed["pts"] = [one.pts for one in observations]
    packed["box"] = [one.box.as_tuple() for one in observations]
    packed["confidence"] = [one.confidence for one in observations]
    return packed.tobytes()


def path_of(stored: bytes, first: Observation, time_base: Fraction) -> tuple[Observation, ...]:
    """What `path_bytes` packed, in its order, boxes to 32 bits. `first` is the first of it."""
    packed = np.frombuffer(stored, _OBSERVED)
    return tuple(
        Observation(pts, first.time_s + float((pts - first.pts) * time_base), Box(*box), confidence)
        for pts, box, confidence in zip(*(packed[name].tolist() for name in _OBSERVED.names or ()), strict=True)
    )


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
        "damage": info.problem,
        "overlays": [list(box.as_tuple()) for box in info.overlays],
        "make": info.make,
        "model": info.model,
        "camera": info.camera,
        "recovered": info.recovered,
        **clock_columns(info),
    }


#: What `media_of` needs of `videos`.
MEDIA_COLUMNS = (
    Video.path, Video.kind, Video.width, Video.height, Video.rotation, Video.codec, Video.frame_rate,
    Video.time_base_num, Video.time_base_den, Video.start_pts.label("video_start_pts"),
    Video.end_pts.label("video_end_pts"), Video.timed, Video.overlays, Video.camera, Video.recovered,
)  # fmt: skip


def media_of(video: RowMapping | dict[str, Any], enter_pts: int | None = None) -> MediaInfo:
    """What a worker needs to decode the segment that starts at the keyframe `enter_pts`; `video` holds MEDIA_COLUMNS.

    Raises DashplateError for a video that was never probed.
    """
    needed = ("kind", "width", "height", "time_base_num", "time_base_den", "video_start_pts", "video_end_pts")
    if any(video[name] is None for name in needed):
        raise DashplateError(f"{video['path']} has not been opened yet.")
    start_pts = video["video_start_pts"]
    return MediaInfo(
        path=source_of(video["path"]),
        kind=MediaKind(video["kind"]),
        width=video["width"],
        height=video["height"],
        rotation=video["rotation"] or 0,
        codec=video["codec"] or "",
        time_base=Fraction(video["time_base_num"], video["time_base_den"]),
        start_pts=start_pts,
        end_pts=video["video_end_pts"],
        frame_rate=video["frame_rate"] or 0.0,
        # Of all the keyframes, a segment needs the one where it is entered.
        keyframes=tuple(sorted({start_pts, start_pts if enter_pts is None else enter_pts})) if video["timed"] else (),
        frames=0,
        overlays=tuple(Box(*corners) for corners in video["overlays"] or ()),
        camera=video["camera"],
        recovered=video["recovered"],
    )


def reading_columns(reading: Reading, key: PlateKey | None = None) -> dict[str, Any]:
    sealed: str | None = None
    if key is not None:
        reading, sealed = key.hide_reading(reading)
    return {
        "text": reading.text,
        "confidence": reading.confidence,
        "characters": characters_json(reading.characters),
        "alternatives": candidates_json(reading.alternatives),
        "country": reading.country,
        "country_confidence": reading.country_confidence,
        "reads": reading.reads,
        "crops": reading.crops,
        "best_crop": reading.best_crop,
        "sealed": sealed,
    }


def reading_of(row: ReadingRow, key: PlateKey | None = None) -> Reading:
    reading = Reading(
        text=row.text,
        confidence=row.confidence,
        characters=tuple(Character(c["char"], c["confidence"]) for c in row.characters),
        alternatives=tuple(Candidate(c["text"], c["confidence"]) for c in row.alternatives),
        country=row.country,
        reads=row.reads,
        crops=row.crops,
        best_crop=row.best_crop,
        country_confidence=row.country_confidence,
    )
    return reading if key is None else key.open_reading(reading, row.sealed)


def read_tracklet_of(
    segment: int, row: TrackletRow, reading: ReadingRow, crop: str | None, key: PlateKey | None = None
) -> ReadTracklet:
    """Raises DashplateError for a reading that can be stitched no more."""
    if reading.best is None:
        raise DashplateError("What is left of this reading cannot be stitched; only detection can bring it back.")
    return ReadTracklet(
        segment=segment,
        index=row.index,
        first=observation_of(row.first),
        last=observation_of(row.last),
        seen=row.seen,
        best=observation_of(reading.best),
        crop=crop,
        reading=reading_of(reading, key),
    )


def sighting_row(video_id: int, plate_id: int, sighting: Sighting) -> SightingRow:
    box, place = sighting.best.box, sighting.place
    return SightingRow(
        video_id=video_id,
        plate_id=plate_id,
        index=sighting.index,
        text=sighting.text,
        # A hashed text has no characters to be unsure of.
        shown=sighting.shown or sighting.text,
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
        lat=place and place.lat,
        lon=place and place.lon,
        bearing_deg=place and place.bearing_deg,
        speed_mps=place and place.speed_mps,
        place_error_m=place and place.error_m,
        movement=sighting.movement,
        country_confidence=sighting.country_confidence,
    )
