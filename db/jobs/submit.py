"""Registers jobs and their videos, and finishes a job with its last video."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.jobs import uploads
from db.models import Job, Video
from db.queue.outbox import post_probes
from db.states import JobState, Priority, VideoState
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions

#: Rows per INSERT.
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class NewVideo:
    """A file as the submitter knows it, unopened."""

    #: Absolute path, or URL.
    path: str
    fingerprint: str
    #: What an earlier version would have called it, where that differs.
    former: str | None = None


def create_job(
    db: Session,
    name: str,
    options: JobOptions,
    *,
    key: str | None = None,
    priority: Priority = Priority.NORMAL,
    retain_s: int | None = None,
    is_open: bool = False,
) -> int:
    """Add an empty job, or find the one of that key; return its id.

    Raises UsageError where the job of that key was submitted with other options. What a rerun has changed since does
    not count.
    """
    columns = {
        "name": name, "options": options.as_json(), "priority": priority, "retain_s": retain_s, "open": is_open,
        "key": key,
    }  # fmt: skip
    added = insert(Job).values(columns).on_conflict_do_nothing(index_elements=["key"]).returning(Job.id)
    job_id = db.execute(added).scalar_one_or_none()
    if job_id is not None:
        return job_id
    job = db.execute(select(Job).where(Job.key == key)).scalar_one()
    before = JobOptions.from_json(job.options if job.submitted is None else job.submitted)
    if (before, job.priority, job.retain_s) != (options, priority, retain_s):
        raise UsageError(f"Job {job.id} has that key and other options; give the same ones, or another key.")
    return job.id


def open_job(db: Session, job_id: int) -> None:
    """Let a job take more files; one that was finished runs again. Raises UsageError for a cancelled one."""
    lock_job(db, job_id)
    db.execute(update(Job).where(Job.id == job_id).values(open=True))
    reopen(db, job_id)


def close_job(db: Session, job_id: int) -> None:
    """No more files come; where all have ended, the job is finished."""
    db.execute(update(Job).where(Job.id == job_id).values(open=False))
    close_if_done(db, job_id)


def rename_job(db: Session, job_id: int, name: str) -> None:
    """Give a job another name."""
    db.execute(update(Job).where(Job.id == job_id).values(name=name))


def add_videos(db: Session, job_id: int, videos: Iterable[NewVideo]) -> int:
    """Register files in a job and owe their opening; one that is already in it is left alone.

    Returns how many are new. Raises UsageError for a cancelled job.
    """
    waiting = list(videos)
    # Locked first: two that add the same files in different orders would wait for each other, and whoever cancels the
    # job sees these files or is seen here.
    lock_job(db, job_id)
    added: list[int] = []
    for start in range(0, len(waiting), _CHUNK):
        added += _insert(db, job_id, waiting[start : start + _CHUNK])
    if added:
        uploads.link(db, added)
        reopen(db, job_id)
        post_probes(db, job_id, after=min(added) - 1)
    return len(added)


def lock_job(db: Session, job_id: int) -> None:
    """Hold the job's row; raises UsageError for a cancelled job, which takes no more files."""
    takes_files(job_id, db.scalar(select(Job.state).where(Job.id == job_id).with_for_update(key_share=True)))


def takes_files(job_id: int, state: JobState | None) -> None:
    """Raises UsageError for a cancelled job, which takes no more files."""
    if state is JobState.CANCELLED:
        raise UsageError(f"Job {job_id} is cancelled; submit its files in a new job.")


def reopen(db: Session, job_id: int) -> None:
    """A finished job has something to do again."""
    db.execute(
        update(Job)
        .where(Job.id == job_id, Job.state == JobState.FINISHED)
        .values(state=JobState.RUNNING, finished_at=None)
    )


def close_if_done(db: Session, job_id: int) -> None:
    """Mark the job finished when none of its videos is open and no more come; a cancelled one stays cancelled."""
    # The job's row is the barrier: two workers that end its last two videos do not see each other's end, but whoever
    # comes second here waits, and then looks again.
    db.execute(select(Job.id).where(Job.id == job_id).with_for_update(key_share=True))
    # By the job's own counters: looking for an open video among ten thousand ended ones takes longer and longer.
    done = (Job.id == job_id, Job.finished_at.is_(None), Job.videos == Job.videos_ended)
    db.execute(
        update(Job)
        .where(*done, Job.open.is_(False), Job.state != JobState.CANCELLED)
        .values(finished_at=func.now(), state=JobState.FINISHED)
    )
    db.execute(update(Job).where(*done, Job.state == JobState.CANCELLED).values(finished_at=func.now()))


def _insert(db: Session, job_id: int, videos: Sequence[NewVideo]) -> list[int]:
    known = _known_before(db, job_id, videos)
    rows = [
        {"job_id": job_id, "path": v.path, "fingerprint": v.fingerprint, "state": VideoState.REGISTERED}
        for v in videos
        if (v.path, v.former) not in known
    ]
    if not rows:
        return []
    return list(db.scalars(insert(Video).values(rows).on_conflict_do_nothing().returning(Video.id)))


def _known_before(db: Session, job_id: int, videos: Sequence[NewVideo]) -> set[tuple[str, str | None]]:
    """Paths and fingerprints of the job's videos that an earlier version registered and that are submitted again."""
    former = [v.former for v in videos if v.former is not None]
    if not former:
        return set()
    there = select(Video.path, Video.fingerprint).where(Video.job_id == job_id, Video.fingerprint.in_(former))
    return {(path, fingerprint) for path, fingerprint in db.execute(there)}
