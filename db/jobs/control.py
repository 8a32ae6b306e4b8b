"""What a person does to a job: pause, resume, cancel, retry, rerun.

Large jobs are moved a chunk of videos at a time, each in a transaction of its own, so that workers never wait long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Select,
    case,
    column,
    delete,
    exists,
    func,
    select,
    update,
    values,
)
from sqlalchemy.orm import Session

from db.engine import session
from db.findings.stored_files import forget_unkept
from db.jobs.open_lock import Holder
from db.jobs.submit import close_if_done, reopen
from db.models import CropRow, Job, OutboxRow, Segment, TrackletRow, Video
from db.queue.outbox import AGGREGATE, post, post_probes
from db.queue.scheduler import DISPATCH_LOCK
from db.states import JobState, SegmentState, Stage, VideoState
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions

#: Videos per transaction.
_CHUNK = 200
_NEVER_OPENED = (VideoState.UNREADABLE, VideoState.NO_VIDEO_STREAM, VideoState.INACCESSIBLE, VideoState.FAILED)
_IN_FLIGHT = (SegmentState.QUEUED, SegmentState.DETECTING, SegmentState.DETECTED, SegmentState.READING)


def pause(url: str, job_id: int) -> None:
    """Send out nothing more of a job; what is on the queues is done."""
    with session(url) as db:
        _change(db, job_id, (JobState.RUNNING,), JobState.PAUSED, "paused")


def resume(url: str, job_id: int) -> None:
    """Go on with a paused job."""
    with session(url) as db:
        _change(db, job_id, (JobState.PAUSED,), JobState.RUNNING, "resumed")


def cancel(url: str, job_id: int) -> None:
    """Give a job up; what its finished stretches showed is kept. Twice is no harm: what was left is then ended."""
    with session(url) as db:
        # Locked: two who cancel it at once both mean it.
        if _state(db, job_id, lock=True) is not JobState.CANCELLED:
            _change(db, job_id, (JobState.RUNNING, JobState.PAUSED), JobState.CANCELLED, "cancelled")
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
            .limit(_CHUNK)
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


def retry(url: str, job_id: int, *, failed: bool, quarantined: bool) -> tuple[int, int]:
    """Try again what was given up; returns how many videos and how many segments.

    `failed`: files that could not be opened, and videos whose plates could not be put together. `quarantined`:
    stretches that were left out, their attempts counted anew.
    """
    with session(url) as db:
        _must_not_be_cancelled(db, job_id)
        wanted = [w for w, asked in ((_quarantined(job_id), quarantined), (_given_up(job_id), failed)) if asked]
        if not any(db.scalar(select(videos.exists())) for videos in wanted):
            return 0, 0
    # Held open: the first of its videos may end before the last is moved. Interrupted, the same again goes on.
    with Holder(url, job_id) as holder:
        # Segments first: a video whose plates could not be put together may have some, and is put together after them.
        segments = _retry_quarantined(url, job_id) if quarantined else 0
        videos = _retry_failed(url, job_id) if failed else 0
        holder.leave()
    return videos, segments


def rerun(url: str, job_id: int, step: Stage, options: Mapping[str, Any]) -> int:
    """Do a finished job's stretches again from `step`, with `options` laid over its own; returns how many.

    From `read`, the kept crops are read again and nothing is decoded. Videos keep their sightings until the new ones
    are there. A stretch that an earlier rerun did in vain is among them. All is moved in one transaction or nothing is:
    no worker holds anything of a finished job. Raises UsageError for a job that is still being done, of which nothing
    was done, or whose crops were not kept.
    """
    with session(url) as db:
        state = _state(db, job_id)
        if state is not JobState.FINISHED:
            raise UsageError(f"Job {job_id} is {state}; only a finished job can be run again.")
        kept = JobOptions.from_json(db.get_one(Job, job_id).options).keeps_pictures
    if step is Stage.READ:
        if not kept:
            raise UsageError(f"Job {job_id} was submitted with --no-evidence: there are no crops to read again.")
        _must_have_crops(url, job_id)
    with session(url) as db:
        # Videos before their job, as everywhere.
        ids = db.scalars(_with_result(job_id).order_by(Video.id).with_for_update()).all()
        job = db.get_one(Job, job_id, with_for_update={"key_share": True})
        if job.state is not JobState.FINISHED:
            raise UsageError(f"Job {job_id} is {job.state}; only a finished job can be run again.")
        # Whoever submits under the same key again still means the same job.
        job.submitted = job.options if job.submitted is None else job.submitted
        job.options = replace(JobOptions.from_json(job.options), **options).as_json()
        chunks = (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))
        moved = sum(_covered_again(db, job_id, chunk, step) for chunk in chunks)
        if job.segments and not moved:
            raise UsageError(f"Nothing of job {job_id} was done; `dashplate retry {job_id}` tries it again.")
        return moved


def _retry_failed(url: str, job_id: int) -> int:
    count, after = 0, 0
    while True:
        with session(url) as db:
            given_up = _given_up(job_id).where(Video.id > after).order_by(Video.id).limit(_CHUNK)
            videos = db.execute(given_up.with_for_update()).all()
            if not videos:
                return count
            _must_not_be_cancelled(db, job_id, lock=True)
            unopened = [video.id for video in videos if not video.segments]
            unmerged = [video.id for video in videos if video.segments]
            again = update(Video).values(problem=Video.damage, finished_at=None, away_since=None)
            # What they were registered as stays: the same file submitted again is still the same video.
            db.execute(again.where(Video.id.in_(unopened)).values(state=VideoState.REGISTERED, reopened=True))
            db.execute(again.where(Video.id.in_(unmerged)).values(state=VideoState.AGGREGATING))
            for video_id in unmerged:
                post(db, AGGREGATE, video_id)
            reopen(db, job_id)
            post_probes(db, job_id)
        count, after = count + len(videos), videos[-1].id


def _retry_quarantined(url: str, job_id: int) -> int:
    count, after = 0, 0
    while True:
        with session(url) as db:
            quarantined = _quarantined(job_id).where(Video.id > after).order_by(Video.id).limit(_CHUNK)
            ids = db.scalars(quarantined.with_for_update()).all()
            if not ids:
                return count
            _must_not_be_cancelled(db, job_id, lock=True)
            count += _segments_again(db, job_id, ids, SegmentState.QUARANTINED, None)
        after = ids[-1]


def _given_up(job_id: int) -> Select[int, int]:
    """(id, segments) of videos that could not be opened, without segments, or put together."""
    unopened = Video.state.in_(_NEVER_OPENED) & (Video.segments == 0)
    covered = exists().where(Segment.video_id == Video.id, Segment.covered)
    unmerged = (Video.state == VideoState.FAILED) & (Video.segments > 0) & ((Video.segments_done > 0) | covered)
    return select(Video.id, Video.segments).where(
        Video.job_id == job_id, Video.finished_at.is_not(None), unopened | (unmerged & Video.purged_at.is_(None))
    )


def _quarantined(job_id: int) -> Select[int]:
    """Videos of which stretches were left out."""
    return select(Video.id).where(
        Video.job_id == job_id,
        Video.segments_quarantined > 0,
        Video.purged_at.is_(None),
        Video.state.in_((VideoState.TRUNCATED, VideoState.FAILED, VideoState.PROCESSING)),
    )


def _covered_again(db: Session, job_id: int, ids: Sequence[int], step: Stage) -> int:
    """Put back the segments of videos that were done once, whatever became of them since."""
    if step is Stage.READ:
        # What an earlier rerun detected and could not read; what it was to replace is read instead.
        of_videos = select(Segment.id).where(Segment.video_id.in_(ids), Segment.state == SegmentState.QUARANTINED)
        unread = delete(TrackletRow).where(TrackletRow.segment_id.in_(of_videos), TrackletRow.provisional)
        db.execute(unread.execution_options(synchronize_session=False))
    states = (SegmentState.DONE, SegmentState.QUARANTINED)
    covered = Segment.covered.is_(True)
    return sum([_segments_again(db, job_id, ids, state, step, covered) for state in states])


def _segments_again(
    db: Session,
    job_id: int,
    ids: Sequence[int],
    state: SegmentState,
    step: Stage | None,
    *only: ColumnElement[bool],
) -> int:
    """Put the segments of videos that are in `state` back to pending, and take them out of the videos' counters.

    They begin with `step`; None means where they stood: crops that could not be read are read. The videos are locked,
    before their segments for once: no worker holds a segment that has ended.
    """
    crops = exists().where(TrackletRow.segment_id == Segment.id, CropRow.tracklet_id == TrackletRow.id)
    moved = db.execute(
        update(Segment)
        .where(Segment.video_id.in_(ids), Segment.state == state, *only)
        .values(
            state=SegmentState.PENDING,
            step=step or case((crops, Segment.step), else_=Stage.DETECT),
            failures=0,
            losses=0,
            problem=Segment.problem if step is Stage.READ else None,
            not_before=None,
            moved_at=func.now(),
        )
        .returning(Segment.video_id, (Segment.end_s - Segment.start_s).label("length_s"))
        .execution_options(synchronize_session=False)
    ).all()
    counter = Video.segments_done if state is SegmentState.DONE else Video.segments_quarantined
    by_video: dict[int, list[float]] = {}
    for row in moved:
        by_video.setdefault(row.video_id, []).append(row.length_s)
    if by_video:
        # One statement, and so one version of the job's row: a long transaction has to step over all of them.
        columns = (column("video_id", BigInteger), column("n", BigInteger), column("footage_s", Double))
        rows = [(video_id, len(lengths), sum(lengths)) for video_id, lengths in by_video.items()]
        again = values(*columns, name="again").data(rows)
        db.execute(
            update(Video)
            .where(Video.id == again.c.video_id)
            .values({counter: counter - again.c.n, Video.footage_done_s: Video.footage_done_s - again.c.footage_s})
            .values(state=VideoState.PROCESSING, problem=Video.damage, finished_at=None, away_since=None)
            .execution_options(synchronize_session=False)
        )
    if moved:
        reopen(db, job_id)
    return len(moved)


def _with_result(job_id: int) -> Select[int]:
    """Videos whose stretches can be done again."""
    done = (VideoState.DONE, VideoState.TRUNCATED)
    return select(Video.id).where(Video.job_id == job_id, Video.state.in_(done), Video.purged_at.is_(None))


def _must_have_crops(url: str, job_id: int) -> None:
    """Before anything of the job is moved: half of it read again would help nobody."""
    after = 0
    while True:
        with session(url) as db:
            ids = db.scalars(_with_result(job_id).where(Video.id > after).order_by(Video.id).limit(_CHUNK)).all()
            if not ids:
                return
            bare = db.execute(
                select(Video.path)
                .join(Segment, Segment.video_id == Video.id)
                .join(TrackletRow, TrackletRow.segment_id == Segment.id)
                .outerjoin(CropRow, CropRow.tracklet_id == TrackletRow.id)
                .where(Video.id.in_(ids), Segment.covered, TrackletRow.provisional.is_(False), CropRow.id.is_(None))
                .limit(1)
            ).scalar_one_or_none()
        if bare is not None:
            raise UsageError(f"The crops of {bare} are gone; run it again with --from detect.")
        after = ids[-1]


def _take_off_the_queues(db: Session, ids: Sequence[int]) -> None:
    locked = (
        select(Segment.id)
        .where(Segment.video_id.in_(ids), Segment.state.in_(_IN_FLIGHT))
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


def _change(db: Session, job_id: int, before: Sequence[JobState], after: JobState, done: str) -> None:
    change = update(Job).where(Job.id == job_id, Job.state.in_(before)).values(state=after).returning(Job.id)
    if after is JobState.CANCELLED:
        change = change.values(open=False)
    changed = db.execute(change).scalar_one_or_none()
    if changed is None:
        raise UsageError(f"Job {job_id} is {_state(db, job_id)}; it cannot be {done}.")


def _must_not_be_cancelled(db: Session, job_id: int, *, lock: bool = False) -> None:
    if _state(db, job_id, lock=lock) is JobState.CANCELLED:
        raise UsageError(f"Job {job_id} is cancelled; it cannot be retried. Submit its files in a new job.")


def _state(db: Session, job_id: int, *, lock: bool = False) -> JobState:
    wanted = select(Job.state).where(Job.id == job_id)
    state = db.execute(wanted.with_for_update(key_share=True) if lock else wanted).scalar_one_or_none()
    if state is None:
        raise UsageError(f"There is no job {job_id}; `dashplate status` lists them.")
    return state
