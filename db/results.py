"""What the stages found, stored under natural keys and loaded for the next stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from sqlalchemy import bindparam, delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.files import wipe_sealed
from db.models import Base, CropRow, FrameRow, ReadingRow, Segment, SightingRow, TrackletRow
from db.plates import held_plates, name_plates
from db.rows import observation_json, read_tracklet_of, reading_columns, sighting_row
from db.sealing import PlateKey
from pipeline.formats.confusions import folded
from pipeline.records import Reading, ReadTracklet, SegmentState, Sighting, Tracklet


class StoredFile(Protocol):
    """A file of the result store, as its row names it."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...


def store_tracklets(
    db: Session, segment_id: int, tracklets: Sequence[Tracklet], crops: Mapping[tuple[int, int], StoredFile]
) -> None:
    """Replace a segment's tracklets; `crops` maps (tracklet index, rank) to the crop's file in the store."""
    db.execute(delete(TrackletRow).where(TrackletRow.segment_id == segment_id))
    if not tracklets:
        return
    rows = [
        {
            "segment_id": segment_id,
            "index": tracklet.index,
            "first": observation_json(tracklet.first),
            "last": observation_json(tracklet.last),
            "seen": len(tracklet.observations),
        }
        for tracklet in tracklets
    ]
    ids = {row.number: row.id for row in db.connection().execute(_ADD_TRACKLETS, rows)}
    pictures = [
        {
            "tracklet_id": ids[tracklet.index],
            "rank": rank,
            "observation": observation_json(crop.observation),
            "plate": list(crop.plate.as_tuple()),
            "quality": crop.quality,
            "name": file.name,
            "sha256": file.sha256,
            "size": file.size,
        }
        for tracklet in tracklets
        for rank, crop in enumerate(tracklet.crops)
        for file in (crops[tracklet.index, rank],)
    ]
    if pictures:
        db.connection().execute(_ADD_CROPS, pictures)


def crops_of(db: Session, segment_id: int) -> dict[int, list[CropRow]]:
    """The segment's crops by tracklet id, best first."""
    rows = db.execute(_CROPS_OF, {"segment": segment_id}).scalars()
    grouped: dict[int, list[CropRow]] = {}
    for row in rows:
        grouped.setdefault(row.tracklet_id, []).append(row)
    return grouped


def store_readings(db: Session, segment_id: int, readings: Mapping[int, Reading], key: PlateKey | None = None) -> None:
    """Replace a segment's readings, given by tracklet id; a tracklet without one loses what it had.

    With a key, they are stored as hashes, and sealed for `read_tracklets_of`.
    """
    db.execute(_DROP_READINGS, {"segment": segment_id, "kept": list(readings)})
    rows = [{"tracklet_id": tracklet_id, **reading_columns(reading, key)} for tracklet_id, reading in readings.items()]
    if rows:
        db.connection().execute(_UPSERT_READINGS, rows)


def read_tracklets_of(db: Session, video_id: int, key: PlateKey | None = None) -> list[ReadTracklet]:
    """Every tracklet of the video that has a reading, in time order; hashed readings are opened with the key."""
    rows = db.execute(
        select(Segment.index, TrackletRow, ReadingRow, CropRow)
        .join(TrackletRow, TrackletRow.segment_id == Segment.id)
        .join(ReadingRow, ReadingRow.tracklet_id == TrackletRow.id)
        .join(CropRow, (CropRow.tracklet_id == TrackletRow.id) & (CropRow.rank == ReadingRow.best_crop))
        .where(Segment.video_id == video_id)
        .order_by(Segment.index, TrackletRow.index)
    )
    return [read_tracklet_of(index, tracklet, reading, crop, key) for index, tracklet, reading, crop in rows]


def store_sightings(db: Session, video_id: int, sightings: Sequence[Sighting], key: PlateKey | None = None) -> None:
    """Replace a video's sightings; plates that are new to the fleet are added, and all concerned renamed.

    With a key, they are stored as hashes, and the video's sealed readings are wiped: nobody needs them any more.
    """
    if key is not None:
        sightings = key.hide_sightings(sightings)
        wipe_sealed(db, [video_id])
    ids = held_plates(db, video_id, {sighting.text for sighting in sightings})
    db.execute(delete(SightingRow).where(SightingRow.video_id == video_id))
    db.add_all(sighting_row(video_id, ids[folded(s.text)], s) for s in sightings)
    db.flush()
    name_plates(db, ids.values())


def store_frames(db: Session, video_id: int, frames: Mapping[int, StoredFile]) -> None:
    """Replace a video's evidence frames, given by pts."""
    db.execute(delete(FrameRow).where(FrameRow.video_id == video_id))
    rows = [
        {"video_id": video_id, "pts": pts, "name": file.name, "sha256": file.sha256, "size": file.size}
        for pts, file in sorted(frames.items())
    ]
    if rows:
        db.execute(insert(FrameRow).values(rows))


def segment_problems(db: Session, video_id: int) -> list[tuple[Segment, bool]]:
    """Segments that have ended and have something to say, in order, and whether each was given up."""
    rows = db.execute(
        select(Segment)
        .where(Segment.video_id == video_id, Segment.problem.is_not(None))
        .where(Segment.state.in_((SegmentState.DONE, SegmentState.QUARANTINED)))
        .order_by(Segment.index)
    ).scalars()
    return [(row, row.state is SegmentState.QUARANTINED) for row in rows]


# Made once: building such statements costs more than running them, and every segment needs them.

_TABLES = Base.metadata.tables
_TRACKLETS = _TABLES["tracklets"]
_ADD_TRACKLETS = insert(_TRACKLETS).returning(_TRACKLETS.c.index.label("number"), _TRACKLETS.c.id)
_ADD_CROPS = insert(_TABLES["crops"])
_CROPS_OF = (
    select(CropRow)
    .join(TrackletRow, TrackletRow.id == CropRow.tracklet_id)
    .where(TrackletRow.segment_id == bindparam("segment"))
    .order_by(TrackletRow.index, CropRow.rank)
)
_DROP_READINGS = text(
    """
    DELETE FROM readings r USING tracklets t
    WHERE t.segment_id = :segment AND r.tracklet_id = t.id AND r.tracklet_id <> ALL (:kept)
    """
)
_READING_COLUMNS = (
    "text", "confidence", "characters", "alternatives", "country", "reads", "crops", "best_crop", "sealed",
)  # fmt: skip
_add_readings = insert(_TABLES["readings"])
_UPSERT_READINGS = _add_readings.on_conflict_do_update(
    index_elements=["tracklet_id"], set_={name: _add_readings.excluded[name] for name in _READING_COLUMNS}
)
