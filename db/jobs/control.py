"""What a person does to a job: pause, resume, retry, rerun; `db.jobs.cancel` gives it up.

Large jobs are moved a chunk of videos at a time, each in a transaction of its own, so that workers never wait long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from db.jobs.open_lock import OpenLock
from db.jobs.submit import reopen
from db.models import CropRow, Job, Segment, TrackletRow, Video
from db.queue.outbox import AGGREGATE, post, post_probes
from db.states import JobState, SegmentState, Stage, VideoState
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions

#: Videos per transaction.
CHUNK = 200
_NEVER_OPENED = (VideoState.UNREADABLE, VideoState.NO_VIDEO_STREAM, VideoState.INACCESSIBLE, VideoState.FAILED)


def pause(url: str, job_id: int) -> None:
    """Send out nothing more of a job; what is on the queues is done."""
    with session(url) as db:
        change_state(db, job_id, (JobState.RUNNING,), JobState.PAUSED, "paused")


def resume(url: str, job_id: int) -> None:
    """Go on with a paused job."""
    with session(url) as db:
        change_state(db, job_id, (JobState.PAUSED,), JobState.RUNNING, "resumed")


def retry(url: str, job_id: int, *, failed: bool, quarantined: bool) -> tuple[int, int]:
    """Try again what was given up; returns how many videos and how many segments.

    `failed`: files that could not be opened, and videos whose plates could not be put together. `quarantined`:
    segments that were left out, their attempts counted anew.
    """
    with session(url) as db:
        _must_not_be_cancelled(db, job_id)
        wanted = [w for w, asked in ((_quarantined(job_id), quarantined), (_given_up(job_id), failed)) if asked]
        if not any(db.scalar(select(videos.exists())) for videos in wanted):
            return 0, 0
    # Held open: the first of its videos may end before the last is moved. Interrupted, the same again goes on.
    with OpenLock(url, job_id) as holder:
        # Segments first: a video whose plates could not be put together may have some, and is put together after them.
        segments = _retry_quarantined(url, job_id) if quarantined else 0
        videos = _retry_failed(url, job_id) if failed else 0
        holder.leave()
    return videos, segments


def rerun(url: str, job_id: int, step: Stage, options: Mapping[str, Any]) -> int:
    """Do a finished job's segments again from `step`, with `options` laid over its own; returns how many.

    From `read`, the kept crops are read again and nothing is decoded. Videos keep their sightings until the new ones
    are there. A segment that an earlier rerun did in vain is among them. All is moved in one transaction or nothing is:
    no worker holds anything of a finished job. Raises UsageError for a job that is still being done, of which nothing
    was done, or whose crops were not kept.
    """
    with session(url) as db:
        state = state_of(db, job_id)
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
        chunks = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
        moved = sum(_covered_again(db, job_id, chunk, step) for chunk in chunks)
        if job.segments and not moved:
            raise UsageError(f"Nothing of job {job_id} was done; `dashplate retry {job_id}` tries it again.")
        return moved


def _retry_failed(url: str, job_id: int) -> int:
    def again(db: Session, ids: Sequence[int]) -> int:
        _must_not_be_cancelled(db, job_id, lock=True)
        is_split = Video.segments > 0
        moved = update(Video).values(problem=Video.damage, finished_at=None, away_since=None).where(Video.id.in_(ids))
        unmerged = db.scalars(select(Video.id).where(Video.id.in_(ids), is_split)).all()
        # What they were registered as stays: the same file submitted again is still the same video.
        db.execute(moved.where(~is_split).values(state=VideoState.REGISTERED, reopened=True))
        db.execute(moved.where(is_split).values(state=VideoState.AGGREGATING))
        for video_id in unmerged:
            post(db, AGGREGATE, video_id)
        reopen(db, job_id)
        post_probes(db, job_id)
        return len(ids)

    return _in_chunks(url, _given_up(job_id).with_for_update(), again)


def _retry_quarantined(url: str, job_id: int) -> int:
    def again(db: Session, ids: Sequence[int]) -> int:
        _must_not_be_cancelled(db, job_id, lock=True)
        return _segments_again(db, job_id, ids, SegmentState.QUARANTINED, None)

    return _in_chunks(url, _quarantined(job_id).with_for_update(), again)


def _in_chunks(url: str, videos: Select[int], work: Callable[[Session, Sequence[int]], int]) -> int:
    """Do `work` on videos by id, each chunk in a transaction of its own; returns the sum of what it returns."""
    done, after = 0, 0
    while True:
        with session(url) as db:
            ids = db.scalars(videos.where(Video.id > after).order_by(Video.id).limit(CHUNK)).all()
            if not ids:
                return done
            done += work(db, ids)
        after = ids[-1]


def _given_up(job_id: int) -> Select[int]:
    """Videos that could not be opened, without segments, or put together."""
    unopened = Video.state.in_(_NEVER_OPENED) & (Video.segments == 0)
    covered = exists().where(Segment.video_id == Video.id, Segment.covered)
    unmerged = (Video.state == VideoState.FAILED) & (Video.segments > 0) & ((Video.segments_done > 0) | covered)
    return select(Video.id).where(
        Video.job_id == job_id, Video.finished_at.is_not(None), unopened | (unmerged & Video.purged_at.is_(None))
    )


def _quarantined(job_id: int) -> Select[int]:
    """Videos of which segments were left out."""
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
    """Videos whose segments can be done again."""
    done = (VideoState.DONE, VideoState.TRUNCATED)
    return select(Video.id).where(Video.job_id == job_id, Video.state.in_(done), Video.purged_at.is_(None))


def _must_have_crops(url: str, job_id: int) -> None:
    """Before anything of the job is moved: half of it read again would help nobody."""

    def check(db: Session, ids: Sequence[int]) -> int:
        bare = db.scalar(
            select(Video.path)
            .join(Segment, Segment.video_id == Video.id)
            .join(TrackletRow, TrackletRow.segment_id == Segment.id)
            .outerjoin(CropRow, CropRow.tracklet_id == TrackletRow.id)
            .where(Video.id.in_(ids), Segment.covered, TrackletRow.provisional.is_(False), CropRow.id.is_(None))
            .limit(1)
        )
        if bare is not None:
            raise UsageError(f"The crops of {bare} are gone; run it again with --from detect.")
        return 0

    _in_chunks(url, _with_result(job_id), check)


def change_state(db: Session, job_id: int, before: Sequence[JobState], after: JobState, done: str) -> None:
    """Move a job on; raises UsageError where it is in none of the states `before`: it cannot be `done`."""
    change = update(Job).where(Job.id == job_id, Job.state.in_(before)).values(state=after).returning(Job.id)
    if after is JobState.CANCELLED:
        change = change.values(open=False)
    changed = db.execute(change).scalar_one_or_none()
    if changed is None:
        raise UsageError(f"Job {job_id} is {state_of(db, job_id)}; it cannot be {done}.")


def _must_not_be_cancelled(db: Session, job_id: int, *, lock: bool = False) -> None:
    if state_of(db, job_id, lock=lock) is JobState.CANCELLED:
        raise UsageError(f"Job {job_id} is cancelled; it cannot be retried. Submit its files in a new job.")


def state_of(db: Session, job_id: int, *, lock: bool = False) -> JobState:
    """A job's state, its row locked where asked for. Raises UsageError where there is no such job."""
    wanted = select(Job.state).where(Job.id == job_id)
    state = db.execute(wanted.with_for_update(key_share=True) if lock else wanted).scalar_one_or_none()
    if state is None:
        raise UsageError(f"There is no job {job_id}; `dashplate status` lists them.")
    return state
