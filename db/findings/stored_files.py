"""Which files of the result store rows name, and which are noted for deletion.

A note that ends with `/` stands for what no row names in that folder of a video, whenever it is worked off. So it is
never wrong: a video that is being done again by then is spared, and owes the same note with its next end.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, exists, func, select, text, union_all, update
from sqlalchemy.orm import Session

from db.models import CropRow, Deletion, FrameRow, Job, Segment, SightingRow, TrackletRow, Video
from pipeline.job_options import JobOptions

#: Names worked off in one go.
_BATCH = 100
_FORGET_CROPS = text(
    """
    DELETE FROM crops WHERE tracklet_id IN (
        SELECT t.id FROM segments g JOIN tracklets t ON t.segment_id = g.id WHERE g.video_id = ANY (:ids))
    """
)
#: Named as `store.names` names them. A video without segments never wrote anything.
_OWE_SWEEP = text(
    """
    INSERT INTO deletions (name)
    SELECT files.kind || '/' || v.job_id || '/' || v.id || '/'
    FROM videos v, (VALUES ('crops'), ('frames')) files (kind)
    WHERE v.id = ANY (:ids) AND v.segments > 0 ORDER BY v.id, files.kind
    """
)
_WIPE_SEALED = text(
    """
    UPDATE readings r SET sealed = NULL, best = NULL FROM tracklets t JOIN segments g ON g.id = t.segment_id
    WHERE g.video_id = ANY (:ids) AND r.tracklet_id = t.id AND r.sealed IS NOT NULL
    """
)


def names_of(db: Session, video_id: int) -> set[str]:
    """Every file that a video's rows name: crops, frames, and what its sightings still show after a redo of theirs."""
    crops = (
        select(CropRow.name)
        .join(TrackletRow, TrackletRow.id == CropRow.tracklet_id)
        .join(Segment, Segment.id == TrackletRow.segment_id)
        .where(Segment.video_id == video_id)
    )
    shown = select(SightingRow.crop).where(SightingRow.video_id == video_id, SightingRow.crop.is_not(None))
    return set(db.scalars(union_all(crops, select(FrameRow.name).where(FrameRow.video_id == video_id), shown)))


def names_of_ended(db: Session, video_id: int) -> set[str] | None:
    """The same for a video that has ended or is gone; None for one that is being done.

    A file that was there before this was asked, and is not in the answer, is never named again: every attempt gives its
    own names, and none of an ended video's may still store its rows.
    """
    found = db.execute(select(Video.finished_at).where(Video.id == video_id)).one_or_none()
    return None if found is not None and found.finished_at is None else names_of(db, video_id)


def lost_attempts(db: Session, video_id: int) -> list[tuple[int, int]]:
    """(segment's index, last attempt) of a video's segments over which workers died; empty while it is being done.

    To be asked before `names_of_ended`. A worker that was killed while it wrote may leave a draft, which no listing
    shows for an hour.
    """
    ended = select(Segment.index, Segment.attempt).join(Video, Video.id == Segment.video_id)
    rows = db.execute(ended.where(Video.id == video_id, Video.finished_at.is_not(None), Segment.losses > 0))
    return [(index, attempt) for index, attempt in rows]


def names_any_below(db: Session, segment_id: int, folder: str) -> bool:
    """Whether a segment's rows name a crop in this folder."""
    crops = select(CropRow.id).join(TrackletRow, TrackletRow.id == CropRow.tracklet_id)
    below = crops.where(TrackletRow.segment_id == segment_id, CropRow.name.startswith(folder, autoescape=True))
    return bool(db.scalar(select(exists(below))))


def drop_crops(db: Session, video_id: int) -> None:
    """Forget the crops of a video; their files go with its end, by `owe_sweep`."""
    tracklets = select(TrackletRow.id).join(Segment, Segment.id == TrackletRow.segment_id)
    of_video = tracklets.where(Segment.video_id == video_id)
    db.execute(delete(CropRow).where(CropRow.tracklet_id.in_(of_video)).execution_options(synchronize_session=False))


def forget_unkept(db: Session, video_ids: Sequence[int]) -> None:
    """Of these videos, where their job keeps no pictures: forget the crops, wipe sealed readings. All owe their sweep.

    For videos that end without being aggregated.
    """
    asked = select(Video.id, Job.options).join(Job, Job.id == Video.job_id).where(Video.id.in_(video_ids))
    unkept = [row.id for row in db.execute(asked) if not JobOptions.from_json(row.options).keeps_pictures]
    db.execute(_FORGET_CROPS, {"ids": unkept})
    wipe_sealed(db, video_ids)


def wipe_sealed(db: Session, video_ids: Sequence[int]) -> None:
    """Forget what hashed readings of these videos say: stitching is all that it was kept for. It ends with that."""
    db.execute(_WIPE_SEALED, {"ids": list(video_ids)})
    owe_sweep(db, video_ids)


def owe_sweep(db: Session, video_ids: Sequence[int]) -> None:
    """Note that what no row names of these videos has to leave the store; in the transaction that ends them."""
    db.execute(_OWE_SWEEP, {"ids": list(video_ids)})


def owed_deletions(db: Session) -> list[tuple[int, str]]:
    """The next (number, name) pairs that have to be removed: the oldest, those that could not be removed last."""
    rows = db.execute(select(Deletion.id, Deletion.name).order_by(Deletion.tries, Deletion.id).limit(_BATCH))
    return [(row.id, row.name) for row in rows]


def owed_by_name(db: Session, names: Sequence[str]) -> list[tuple[int, str]]:
    """The (number, name) pairs of these names."""
    rows = db.execute(select(Deletion.id, Deletion.name).where(Deletion.name.in_(names)).order_by(Deletion.id))
    return [(row.id, row.name) for row in rows]


def count_owed(db: Session) -> int:
    """How many files and folders still have to be removed."""
    return db.scalar(select(func.count()).select_from(Deletion)) or 0


def deleted(db: Session, numbers: Sequence[int]) -> None:
    """These have been removed."""
    db.execute(delete(Deletion).where(Deletion.id.in_(numbers)))


def put_off(db: Session, numbers: Sequence[int]) -> None:
    """These could not be removed; the others go first."""
    db.execute(update(Deletion).where(Deletion.id.in_(numbers)).values(tries=Deletion.tries + 1))
