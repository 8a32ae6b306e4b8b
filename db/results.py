"""What the stages found, stored under natural keys and loaded for the next stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models import CropRow, ReadingRow, Segment, SightingRow, TrackletRow, Video
from db.plates import held_plates, name_plates
from db.rows import observation_json, read_tracklet_of, reading_columns, sighting_row
from pipeline.formats.confusions import folded
from pipeline.records import Reading, ReadTracklet, SegmentState, Sighting, Tracklet, VideoState


def store_tracklets(
    db: Session, segment_id: int, tracklets: Sequence[Tracklet], crop_names: Mapping[tuple[int, int], str]
) -> None:
    """Replace a segment's tracklets; `crop_names` maps (tracklet index, rank) to the crop's name in the store."""
    db.execute(delete(TrackletRow).where(TrackletRow.segment_id == segment_id))
    for tracklet in tracklets:
        row = TrackletRow(
            segment_id=segment_id,
            index=tracklet.index,
            first=observation_json(tracklet.first),
            last=observation_json(tracklet.last),
            seen=len(tracklet.observations),
        )
        db.add(row)
        db.flush()
        db.add_all(
            CropRow(
                tracklet_id=row.id,
                rank=rank,
                observation=observation_json(crop.observation),
                plate=list(crop.plate.as_tuple()),
                quality=crop.quality,
                name=crop_names[tracklet.index, rank],
            )
            for rank, crop in enumerate(tracklet.crops)
        )


def crops_of(db: Session, segment_id: int) -> dict[int, list[CropRow]]:
    """The segment's crops by tracklet id, best first."""
    rows = db.execute(
        select(CropRow)
        .join(TrackletRow, TrackletRow.id == CropRow.tracklet_id)
        .where(TrackletRow.segment_id == segment_id)
        .order_by(TrackletRow.index, CropRow.rank)
    ).scalars()
    grouped: dict[int, list[CropRow]] = {}
    for row in rows:
        grouped.setdefault(row.tracklet_id, []).append(row)
    return grouped


def store_readings(db: Session, readings: Mapping[int, Reading]) -> None:
    """Insert or replace readings by tracklet id."""
    for tracklet_id, reading in readings.items():
        columns = reading_columns(reading)
        statement = insert(ReadingRow).values(tracklet_id=tracklet_id, **columns)
        db.execute(statement.on_conflict_do_update(index_elements=["tracklet_id"], set_=columns))


def read_tracklets_of(db: Session, video_id: int) -> list[ReadTracklet]:
    """Every tracklet of the video that has a reading, in time order."""
    rows = db.execute(
        select(Segment.index, TrackletRow, ReadingRow, CropRow)
        .join(TrackletRow, TrackletRow.segment_id == Segment.id)
        .join(ReadingRow, ReadingRow.tracklet_id == TrackletRow.id)
        .join(CropRow, (CropRow.tracklet_id == TrackletRow.id) & (CropRow.rank == ReadingRow.best_crop))
        .where(Segment.video_id == video_id)
        .order_by(Segment.index, TrackletRow.index)
    )
    return [read_tracklet_of(index, tracklet, reading, crop) for index, tracklet, reading, crop in rows]


def store_sightings(db: Session, video_id: int, sightings: Sequence[Sighting]) -> None:
    """Replace a video's sightings; plates that are new to the fleet are added, and all concerned renamed."""
    ids = held_plates(db, video_id, {sighting.text for sighting in sightings})
    db.execute(delete(SightingRow).where(SightingRow.video_id == video_id))
    db.add_all(sighting_row(video_id, ids[folded(s.text)], s) for s in sightings)
    db.flush()
    name_plates(db, ids.values())


def end_video(db: Session, video_id: int, state: VideoState, problem: str | None) -> int | None:
    """Give a video its final state; returns its job, or None where it had ended before."""
    return db.execute(
        update(Video)
        .where(Video.id == video_id, Video.finished_at.is_(None))
        .values(state=state, problem=problem, finished_at=func.now())
        .returning(Video.job_id)
    ).scalar_one_or_none()


def count_segments(db: Session, video_id: int) -> int:
    return db.execute(select(func.count()).select_from(Segment).where(Segment.video_id == video_id)).scalar_one()


def segment_problems(db: Session, video_id: int) -> list[tuple[Segment, bool]]:
    """Segments with something to say, in order, and whether each was given up."""
    rows = db.execute(
        select(Segment).where(Segment.video_id == video_id, Segment.problem.is_not(None)).order_by(Segment.index)
    ).scalars()
    return [(row, row.state is SegmentState.QUARANTINED) for row in rows]
