"""Which files of the result store rows name, and which are owed their deletion."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select, text, union_all
from sqlalchemy.orm import Session

from db.models import CropRow, Deletion, FrameRow, Segment, TrackletRow

#: Names worked off in one go.
_BATCH = 100
_UNKEPT = """
    SELECT t.id FROM videos v
    JOIN jobs j ON j.id = v.job_id AND (j.options @> '{"evidence": false}' OR j.options @> '{"hashed": true}')
    JOIN segments g ON g.video_id = v.id
    JOIN tracklets t ON t.segment_id = g.id
    WHERE v.id = ANY (:ids)
"""
_FORGET_CROPS = text(
    f"""
    WITH gone AS (DELETE FROM crops WHERE tracklet_id IN ({_UNKEPT}) RETURNING name)
    INSERT INTO deletions (name) SELECT name FROM gone
    """
)
_WIPE_SEALED = text(f"UPDATE readings SET sealed = NULL WHERE sealed IS NOT NULL AND tracklet_id IN ({_UNKEPT})")


def names_of(db: Session, video_id: int) -> set[str]:
    """Every file that a video's rows name."""
    crops = (
        select(CropRow.name)
        .join(TrackletRow, TrackletRow.id == CropRow.tracklet_id)
        .join(Segment, Segment.id == TrackletRow.segment_id)
        .where(Segment.video_id == video_id)
    )
    return set(db.scalars(union_all(crops, select(FrameRow.name).where(FrameRow.video_id == video_id))))


def drop_crops(db: Session, video_id: int) -> None:
    """Forget the crops of a video; their files are owed their deletion by `owe_deletion`."""
    tracklets = select(TrackletRow.id).join(Segment, Segment.id == TrackletRow.segment_id)
    of_video = tracklets.where(Segment.video_id == video_id)
    db.execute(delete(CropRow).where(CropRow.tracklet_id.in_(of_video)).execution_options(synchronize_session=False))


def forget_unkept(db: Session, video_ids: Sequence[int]) -> None:
    """Of these videos, where their job keeps no pictures: forget the crops, owe their deletion, wipe sealed readings.

    For videos that end without being aggregated.
    """
    db.execute(_FORGET_CROPS, {"ids": list(video_ids)})
    db.execute(_WIPE_SEALED, {"ids": list(video_ids)})


def owe_deletion(db: Session, names: Sequence[str]) -> None:
    """Note files, or folders with a trailing `/`, that have to leave the store once this transaction has committed."""
    if names:
        db.execute(insert(Deletion), [{"name": name} for name in names])


def owed_deletions(db: Session) -> list[tuple[int, str]]:
    """The oldest (number, name) pairs that have to be removed."""
    rows = db.execute(select(Deletion.id, Deletion.name).order_by(Deletion.id).limit(_BATCH))
    return [(row.id, row.name) for row in rows]


def count_owed(db: Session) -> int:
    """How many files and folders still have to be removed."""
    return db.scalar(select(func.count()).select_from(Deletion)) or 0


def deleted(db: Session, numbers: Sequence[int]) -> None:
    """These have been removed."""
    db.execute(delete(Deletion).where(Deletion.id.in_(numbers)))
