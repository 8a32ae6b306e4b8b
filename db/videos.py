"""How videos move: opened and split, ended. Segments move in `db.moves`, what a person does in `db.control`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from db import outbox
from db.models import Video
from db.moves import add_segments
from db.rows import media_columns
from db.submit import close_if_done
from pipeline.records import MediaInfo, SegmentSpan, VideoState


def split_video(db: Session, video_id: int, info: MediaInfo, spans: Sequence[SegmentSpan]) -> bool:
    """Store what the probe found and the segments; False where the video had been opened or cancelled meanwhile."""
    # The state is checked again under the row's lock: the same probe may have been delivered twice.
    job_id = db.execute(
        update(Video)
        .where(Video.id == video_id, Video.state == VideoState.REGISTERED)
        .values(state=VideoState.PROCESSING, segments=len(spans), **media_columns(info))
        .returning(Video.job_id)
    ).scalar_one_or_none()
    outbox.done(db, outbox.PROBE, video_id)
    if job_id is None:
        return False
    timed = [(span, info.seconds(span.start_pts), info.seconds(span.end_pts)) for span in spans]
    add_segments(db, job_id, video_id, timed)
    return True


def end_video(db: Session, video_id: int, state: VideoState, problem: str | None) -> bool:
    """Give a video its final state, and its job too where it was the last; False where it had ended before."""
    job_id = db.execute(
        update(Video)
        .where(Video.id == video_id, Video.finished_at.is_(None))
        .values(state=state, problem=problem, finished_at=func.now(), purged_at=None)
        .returning(Video.job_id)
    ).scalar_one_or_none()
    for kind in (outbox.PROBE, outbox.AGGREGATE):
        outbox.done(db, kind, video_id)
    if job_id is None:
        return False
    close_if_done(db, job_id)
    return True
