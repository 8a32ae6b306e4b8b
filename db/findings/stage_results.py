"""What the stages found, stored under natural keys and loaded for the next stage.

A redo replaces what it has redone and nothing else: tracklets of a segment that was done before stay until the readings
of the new ones are stored, sightings until their segments have been done again, frames for as long as one is wanted.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Protocol

from sqlalchemy import delete, exists, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.findings.corrections import put_beside
from db.findings.mapping import observation_json, path_bytes, read_tracklet_of, reading_columns, sighting_row
from db.findings.plate_hashing import PlateKey
from db.findings.plates import held_plates, name_plates
from db.findings.stored_files import wipe_sealed
from db.models import CropRow, FrameRow, ReadingRow, Segment, SightingRow, TrackletRow
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


def tracklets_json(tracklets: Sequence[Tracklet], crops: Mapping[tuple[int, int], StoredFile]) -> list[dict[str, Any]]:
    """A segment's tracklets as they are stored; `crops` maps (tracklet index, rank) to the crop's file in the store."""
    return [
        {
            "index": tracklet.index,
            "first": observation_json(tracklet.first),
            "last": observation_json(tracklet.last),
            "seen": len(tracklet.observations),
            "path": b64encode(path_bytes(tracklet.observations)).decode(),
            "crops": [
                {
                    "rank": rank,
                    "observation": observation_json(crop.observation),
                    "plate": list(crop.plate.as_tuple()),
                    "quality": crop.quality,
                    "name": file.name,
                    "sha256": file.sha256,
                    "size": file.size,
                }
                for rank, crop in enumerate(tracklet.crops)
                for file in (crops[tracklet.index, rank],)
            ],
        }
        for tracklet in tracklets
    ]


def forget_tracklets(db: Session, segment_id: int, attempt: int, *, provisional: bool) -> None:
    """Make room for what this attempt found, unless it has been overtaken; of provisional ones only, where asked.

    The segment stays locked until the transaction ends.
    """
    db.execute(_FORGET_TRACKLETS, {"segment": segment_id, "attempt": attempt, "all": not provisional})


def replace_covered(db: Session, segment_id: int) -> None:
    """A covered segment was read again: tracklets that were found meanwhile take the place of the earlier ones."""
    for statement in _REPLACE_COVERED:
        db.execute(statement, {"segment": segment_id})


def readings_json(readings: Mapping[int, Reading], key: PlateKey | None = None) -> list[dict[str, Any]]:
    """A segment's readings, given by tracklet id, as they are stored: with a key as hashes, sealed for stitching."""
    return [{"tracklet": tracklet, **reading_columns(reading, key)} for tracklet, reading in readings.items()]


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


_FORGET_TRACKLETS = text(
    f"""
    WITH held AS (
        SELECT id FROM segments
        WHERE id = :segment AND attempt = :attempt AND state = '{SegmentState.DETECTING}' FOR UPDATE
    )
    DELETE FROM tracklets t USING held WHERE t.segment_id = held.id AND (t.provisional OR :all)
    """
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
