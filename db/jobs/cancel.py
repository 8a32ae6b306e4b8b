"""Gives a job up: what is on its way comes off the queues, its videos end, and what was found is kept."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from db.engine import session
from db.findings.stored_files import forget_unkept
from db.jobs.control import CHUNK, change_state, state_of
from db.jobs.submit import close_if_done
from db.models import Job, OutboxRow, Segment, Video
from db.queue.outbox import AGGREGATE, post
from db.queue.scheduler import DISPATCH_LOCK
from db.states import IN_FLIGHT, JobState, SegmentState, VideoState


def cancel(url: str, job_id: int) -> None:
    """Give a job up; what its finished segments showed is kept. Twice is no harm: what was left is then ended."""
    with session(url) as db:
        # Locked: two who cancel it at once both mean it.
        if state_of(db, job_id, lock=True) is not JobState.CANCELLED:
            change_state(db, job_id, (JobState.RUNNING, JobState.PAUSED), JobState.CANCELLED, "cancelled")
    while end_cancelled(url, job_id):
        pass


def end_cancelled(url: str, job_id: int) -> int:
    """End the next videos of a cancelled job; returns how many, 0 when none is left.

    A video of which something is done is aggregated first; the others end at once.
    """
    with session(url) as db:
        # A dispatcher that still took the job for running might send a segment out behind our back.
        db.execute(select(func.pg_advisory_xact_lock(DISPATCH_LOCK)))
        videos = db.execute(
            select(Video.id)
            .where(
                Video.job_id == job_id,
                Video.finished_at.is_(None),
                Video.state.in_((VideoState.REGISTERED, VideoState.PROCESSING)),
            )
            .order_by(Video.id)
            .limit(CHUNK)
        ).scalars()
        ids = list(videos)
        # Segments before their videos, as everywhere.
        _take_off_the_queues(db, ids)
        sentence = "The job was cancelled before it was looked at."
        db.execute(
            update(Video)
            .where(Video.id.in_(ids), Video.started_at.is_(None))
            .where(Video.state.in_((VideoState.REGISTERED, VideoState.PROCESSING)))
            .values(state=VideoState.CANCELLED, problem=sentence, finished_at=func.now(), away_since=None)
        )
        ended = db.scalars(select(Video.id).where(Video.id.in_(ids), Video.state == VideoState.CANCELLED))
        forget_unkept(db, ended.all())
        started = db.execute(
            update(Video)
            .where(Video.id.in_(ids), Video.state == VideoState.PROCESSING)
            .values(state=VideoState.AGGREGATING, away_since=None)
            .returning(Video.id)
        ).scalars()
        for video_id in started.all():
            post(db, AGGREGATE, video_id)
        db.execute(delete(OutboxRow).where(OutboxRow.key.in_(ids), OutboxRow.kind != AGGREGATE))
        close_if_done(db, job_id)
    return len(ids)


def is_cancelled(db: Session, video_id: int) -> bool:
    """Whether a video's job was cancelled."""
    state = db.scalar(select(Job.state).join(Video, Video.job_id == Job.id).where(Video.id == video_id))
    return state is JobState.CANCELLED


def cancelled_jobs(url: str) -> list[int]:
    """Cancelled jobs that still have open videos."""
    with session(url) as db:
        jobs = select(Job.id).where(Job.finished_at.is_(None), Job.state == JobState.CANCELLED)
        return list(db.scalars(jobs.order_by(Job.id)))


def _take_off_the_queues(db: Session, ids: Sequence[int]) -> None:
    locked = (
        select(Segment.id)
        .where(Segment.video_id.in_(ids), Segment.state.in_(IN_FLIGHT))
        .order_by(Segment.id)
        .with_for_update()
        .scalar_subquery()
    )
    db.execute(
        update(Segment)
        .where(Segment.id.in_(locked))
        .values(state=SegmentState.PENDING, lease_until=None, moved_at=func.now())
        .execution_options(synchronize_session=False)
    )
