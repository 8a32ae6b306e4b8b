"""Tracklets, readings and sightings as rows of a real PostgreSQL hold them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from db.engine import session
from db.findings.plate_hashing import PlateKey
from db.findings.stage_results import StoredFile, readings_json, tracklets_json
from db.models import CropRow, Deletion, TrackletRow
from db.queue.stage_statements import ADD_TRACKLETS, PUT_READINGS
from pipeline.records import Box, Candidate, Character, Crop, Observation, Reading, Sighting, Tracklet


def observation(time_s: float) -> Observation:
    return Observation(round(time_s * 1000), time_s, Box(10.5, 20.0, 110.5, 50.0), 0.9)


def tracklet(index: int, start_s: float = 1.0) -> Tracklet:
    seen = tuple(observation(start_s + i) for i in range(3))
    image = np.zeros((30, 100, 3), np.uint8)
    crops = tuple(Crop(seen[i], Box(5, 5, 95, 25), 1.0 - i / 10, image) for i in range(2))
    return Tracklet(index, seen, crops)


def reading(plate: str, country: str | None = "IT") -> Reading:
    return Reading(
        text=plate,
        confidence=0.93,
        characters=tuple(Character(char, 0.9) for char in plate),
        alternatives=(Candidate(plate[:-1] + "8", 0.04),),
        country=country,
        reads=2,
        crops=2,
        best_crop=1,
    )


def sighting(index: int, plate: str, country: str | None = "IT") -> Sighting:
    read = reading(plate, country)
    return Sighting(
        index=index,
        text=plate,
        country=country,
        confidence=read.confidence,
        characters=read.characters,
        alternatives=read.alternatives,
        first=observation(1.0),
        last=observation(3.0),
        best=observation(2.0),
        crop="b",
        reads=2,
        confirmed=True,
        tracklets=((0, 0), (1, 2)),
    )


@dataclass(frozen=True)
class Picture:
    """A file of the result store as its row names it."""

    name: str
    size: int = 100
    sha256: str = "0" * 64


PICTURES = {(0, 0): Picture("a"), (0, 1): Picture("b"), (1, 0): Picture("c"), (1, 1): Picture("d")}


def store_tracklets(
    db: Session, segment_id: int, tracklets: Sequence[Tracklet], crops: Mapping[tuple[int, int], StoredFile]
) -> None:
    """Replace a segment's tracklets, and leave the segment where it is."""
    db.execute(delete(TrackletRow).where(TrackletRow.segment_id == segment_id))
    found = json.dumps(tracklets_json(tracklets, crops))
    db.execute(_ADD_TRACKLETS, {"segment": segment_id, "tracklets": found, "provisional": False})


def store_readings(db: Session, segment_id: int, readings: Mapping[int, Reading], key: PlateKey | None = None) -> None:
    """Replace a segment's readings, given by tracklet id, and leave the segment where it is."""
    db.execute(_PUT_READINGS, {"segment": segment_id, "readings": json.dumps(readings_json(readings, key))})


def crops_of(db: Session, segment_id: int) -> dict[int, list[CropRow]]:
    """A segment's crops by tracklet id, best first."""
    wanted = select(CropRow).join(TrackletRow, TrackletRow.id == CropRow.tracklet_id)
    rows = db.scalars(wanted.where(TrackletRow.segment_id == segment_id).order_by(TrackletRow.index, CropRow.rank))
    return {tracklet: list(of_it) for tracklet, of_it in groupby(rows, lambda row: row.tracklet_id)}


_ADD_TRACKLETS = text(f"WITH moved AS (SELECT CAST(:segment AS bigint) AS id), {ADD_TRACKLETS} SELECT 1")
_PUT_READINGS = text(f"WITH ended AS (SELECT CAST(:segment AS bigint) AS segment_id), {PUT_READINGS} SELECT 1")


def store_all(url: str, texts: Sequence[str]) -> None:
    with session(url) as db:
        store_tracklets(db, 1, [tracklet(0), tracklet(1, 5.0)], PICTURES)
        store_readings(db, 1, dict(zip(crops_of(db, 1), map(reading, texts), strict=True)))


def owe_deletion(db: Session, names: Sequence[str]) -> None:
    """Note what has to leave the store once this has committed: files, or with a trailing `/` a video's folders."""
    if names:
        db.execute(insert(Deletion), [{"name": name} for name in names])
