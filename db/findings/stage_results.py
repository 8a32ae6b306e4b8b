"""What the stages found, stored under natural keys and loaded for the next stage.

A redo replaces what it has redone and nothing else: tracklets of a segment that was done before stay until the readings
of the new ones are stored, sightings until their segments have been done again, frames for as long as one is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Protocol

from sqlalchemy import bindparam, delete, exists, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from db.findings.corrections import put_beside
from db.findings.mapping import observation_json, path_bytes, read_tracklet_of, reading_columns, sighting_row
from db.findings.plate_hashing import PlateKey
from db.findings.plates import held_plates, name_plates
from db.findings.stored_files import wipe_sealed
from db.models import Base, CropRow, FrameRow, ReadingRow, Segment, SightingRow, TrackletRow
from db.states import SegmentState
from pipeline.formats.confusions import folded
from pipeline.records import Reading, ReadTracklet, Sighting, Tracklet
from pipeline.sightings import SAME_TEXT_GAP_S


class StoredFile(Protocol):
    """A file of the result store, as its row names it."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...


def store_tracklets(
    db: Session,
    segment_id: int,
    tracklets: Sequence[Tracklet],
    crops: Mapping[tuple[int, int], StoredFile],
    *,
    covered: bool = False,
) -> None:
    """Replace a segment's tracklets; `crops` maps (tracklet index, rank) to the crop's file in the store.

    Of a `covered` segment the earlier ones stay until `replace_covered`, unless there are no new ones to wait for.
    """
    provisional = covered and bool(tracklets)
    gone = delete(TrackletRow).where(TrackletRow.segment_id == segment_id)
    db.execute(gone.where(TrackletRow.provisional) if provisional else gone)
    if not tracklets:
        return
    rows = [
        {
            "segment_id": segment_id,
            "index": tracklet.index,
            "first": observation_json(tracklet.first),
            "last": observation_json(tracklet.last),
            "seen": len(tracklet.observations),
            "path": path_bytes(tracklet.observations),
            "provisional": provisional,
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


def replace_covered(db: Session, segment_id: int) -> None:
    """A covered segment was read again: tracklets that were found meanwhile take the place of the earlier ones."""
    for statement in _REPLACE_COVERED:
        db.execute(statement, {"segment": segment_id})


def crops_of(db: Session, segment_id: int) -> dict[int, list[CropRow]]:
    """The crops that are to be read of a segment by tracklet id, best first: those that were detected last."""
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
    rows = [
        {"of": tracklet_id, "rank": reading.best_crop, "tracklet_id": tracklet_id, **reading_columns(reading, key)}
        for tracklet_id, reading in readings.items()
    ]
    if rows:
        db.connection().execute(_UPSERT_READINGS, rows)


def read_tracklets_of(db: Session, video_id: int, key: PlateKey | None = None) -> list[ReadTracklet]:
    """Every tracklet of the video that can be stitched, in time order; hashed readings are opened with the key."""
    rows = db.execute(
        select(Segment.index, TrackletRow, ReadingRow, CropRow.name)
        .join(TrackletRow, (TrackletRow.segment_id == Segment.id) & TrackletRow.provisional.is_(False))
        .join(ReadingRow, (ReadingRow.tracklet_id == TrackletRow.id) & ReadingRow.best.is_not(None))
        .outerjoin(CropRow, (CropRow.tracklet_id == TrackletRow.id) & (CropRow.rank == ReadingRow.best_crop))
        .where(Segment.video_id == video_id)
        .order_by(Segment.index, TrackletRow.index)
    )
    return [read_tracklet_of(index, tracklet, reading, crop, key) for index, tracklet, reading, crop in rows]


def store_sightings(db: Session, video_id: int, sightings: Sequence[Sighting], key: PlateKey | None = None) -> None:
    """Replace a video's sightings; plates that are new to the fleet are added, and all concerned renamed.

    Sightings whose readings can be stitched no more stay until their segments have been done again; a new one of the
    same passing becomes part of them. What people said of a passing goes to its new sighting. With a key, sightings are
    stored as hashes, and the video's sealed readings are wiped: only stitching needs them.
    """
    kept = db.scalars(select(SightingRow).from_statement(_UNSTITCHABLE), {"video": video_id}).all()
    if key is not None:
        sightings = key.hide_sightings(sightings)
        wipe_sealed(db, [video_id])
    sightings = [one for one in sightings if not any(_joined(row, one) for row in kept)]
    ids = held_plates(db, video_id, {sighting.text for sighting in sightings})
    others = delete(SightingRow).where(
        SightingRow.video_id == video_id, SightingRow.id.not_in([row.id for row in kept])
    )
    db.execute(others.execution_options(synchronize_session=False))
    numbers = (number for number in count() if number not in {row.index for row in kept})
    rows = [sighting_row(video_id, ids[folded(s.text)], replace(s, index=next(numbers))) for s in sightings]
    db.add_all(rows)
    db.flush()
    put_beside(db, video_id, list(zip(rows, sightings, strict=True)))
    name_plates(db, ids.values())


def _joined(kept: SightingRow, new: Sighting) -> bool:
    """Whether a new sighting is the same passing as one that stays, which then takes it in."""
    gap_s = max(kept.first_s, new.first.time_s) - min(kept.last_s, new.last.time_s)
    if folded(kept.text) != folded(new.text) or gap_s > SAME_TEXT_GAP_S:
        return False
    kept.first_s, kept.first_pts = min((kept.first_s, kept.first_pts), (new.first.time_s, new.first.pts))
    kept.last_s, kept.last_pts = max((kept.last_s, kept.last_pts), (new.last.time_s, new.last.pts))
    kept.confidence = max(kept.confidence, new.confidence)
    kept.confirmed = kept.confirmed or new.confirmed
    redone = {segment for segment, _ in new.tracklets}
    others = [pair for pair in kept.tracklets if pair[0] not in redone]
    # What of its reads were of segments that were done again, nobody knows any more.
    kept.reads = kept.reads + new.reads if others == kept.tracklets else max(kept.reads, new.reads)
    kept.tracklets = sorted([*others, *map(list, new.tracklets)])
    return True


def frames_of(db: Session, video_id: int) -> dict[int, str]:
    """Names of the evidence frames that a video has, by pts."""
    rows = db.execute(select(FrameRow.pts, FrameRow.name).where(FrameRow.video_id == video_id))
    return {row.pts: row.name for row in rows}


def store_frames(db: Session, video_id: int, frames: Mapping[int, StoredFile]) -> int:
    """Add to a video's evidence frames, given by pts; returns how many sightings lack the one that they were read from.

    Frames that no sighting was read from go once none lacks its own: until then they are the next best.
    """
    rows = [
        {"video_id": video_id, "pts": pts, "name": file.name, "sha256": file.sha256, "size": file.size}
        for pts, file in sorted(frames.items())
    ]
    if rows:
        added = insert(FrameRow).values(rows)
        values = {name: added.excluded[name] for name in ("name", "sha256", "size")}
        db.execute(added.on_conflict_do_update(index_elements=["video_id", "pts"], set_=values))
    lacking = int(db.execute(_FRAMELESS, {"video": video_id}).scalar_one())
    if not lacking:
        db.execute(_DROP_UNWANTED_FRAMES, {"video": video_id})
    return lacking


def segment_problems(db: Session, video_id: int) -> list[tuple[Segment, bool]]:
    """Segments that have ended and have something to say, in order, and whether each was given up."""
    rows = db.execute(
        select(Segment)
        .where(Segment.video_id == video_id, Segment.problem.is_not(None))
        .where(Segment.state.in_((SegmentState.DONE, SegmentState.QUARANTINED)))
        .order_by(Segment.index)
    ).scalars()
    return [(row, row.state is SegmentState.QUARANTINED) for row in rows]


def any_left_covered(db: Session, video_id: int) -> bool:
    """Whether a segment that was done before waits to be done again."""
    left = exists().where(Segment.video_id == video_id, Segment.state == SegmentState.PENDING, Segment.covered)
    return bool(db.scalar(select(left)))


# Made once: building such statements costs more than running them, and every segment needs them.

_TABLES = Base.metadata.tables
_TRACKLETS = _TABLES["tracklets"]
_ADD_TRACKLETS = insert(_TRACKLETS).returning(_TRACKLETS.c.index.label("number"), _TRACKLETS.c.id)
_ADD_CROPS = insert(_TABLES["crops"])
_OTHER = aliased(TrackletRow)
_CROPS_OF = (
    select(CropRow)
    .join(TrackletRow, TrackletRow.id == CropRow.tracklet_id)
    .where(TrackletRow.segment_id == bindparam("segment"))
    .where(TrackletRow.provisional == exists().where(_OTHER.segment_id == bindparam("segment"), _OTHER.provisional))
    .order_by(TrackletRow.index, CropRow.rank)
)
_DROP_READINGS = text(
    """
    DELETE FROM readings r USING tracklets t
    WHERE t.segment_id = :segment AND r.tracklet_id = t.id AND r.tracklet_id <> ALL (:kept)
    """
)
_READING_COLUMNS = (
    "text", "confidence", "characters", "alternatives", "country", "country_confidence", "reads", "crops", "best_crop",
    "sealed", "best",
)  # fmt: skip
_add_readings = insert(_TABLES["readings"]).values(
    best=select(CropRow.observation)
    .where(CropRow.tracklet_id == bindparam("of"), CropRow.rank == bindparam("rank"))
    .scalar_subquery()
)
_UPSERT_READINGS = _add_readings.on_conflict_do_update(
    index_elements=["tracklet_id"], set_={name: _add_readings.excluded[name] for name in _READING_COLUMNS}
)

_REPLACE_COVERED = (
    text(
        """
        DELETE FROM tracklets t WHERE segment_id = :segment AND NOT provisional
        AND EXISTS (SELECT 1 FROM tracklets p WHERE p.segment_id = :segment AND p.provisional)
        """
    ),
    text("UPDATE tracklets SET provisional = false WHERE segment_id = :segment AND provisional"),
)
#: Sightings that rest on a segment that was not done again, and whose reading can be stitched no more.
_UNSTITCHABLE = text(
    f"""
    SELECT s.* FROM sightings s
    WHERE s.video_id = :video AND EXISTS (
        SELECT 1 FROM jsonb_array_elements(s.tracklets) e (pair)
        JOIN segments g ON g.video_id = s.video_id AND g.index = (e.pair ->> 0)::bigint
        LEFT JOIN tracklets t ON t.segment_id = g.id AND t.index = (e.pair ->> 1)::bigint AND NOT t.provisional
        LEFT JOIN readings r ON r.tracklet_id = t.id
        WHERE r.best IS NULL AND (r.tracklet_id IS NOT NULL OR g.state <> '{SegmentState.DONE}'))
    """
)
_FRAMELESS = text(
    """
    SELECT count(*) FROM sightings s WHERE s.video_id = :video
    AND NOT EXISTS (SELECT 1 FROM frames f WHERE f.video_id = s.video_id AND f.pts = s.best_pts)
    """
)
_DROP_UNWANTED_FRAMES = text(
    """
    DELETE FROM frames f WHERE f.video_id = :video
    AND NOT EXISTS (SELECT 1 FROM sightings s WHERE s.video_id = :video AND s.best_pts = f.pts)
    """
)
