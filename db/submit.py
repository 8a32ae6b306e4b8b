"""Registers jobs: the rows that everything else follows from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models import Job, Video
from pipeline.records import VideoState

#: Rows per INSERT.
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class NewVideo:
    """A file as the submitter knows it, unopened."""

    path: str
    fingerprint: str


def create_job(db: Session, name: str, options: dict[str, Any]) -> int:
    """Add an empty job; return its id."""
    job = Job(name=name, options=options)
    db.add(job)
    db.flush()
    return job.id


def add_videos(db: Session, job_id: int, videos: Iterable[NewVideo]) -> int:
    """Register files in a job; one that is already in it is left alone. Returns how many are new."""
    added = 0
    for chunk in _chunks(videos):
        rows = [
            {"job_id": job_id, "path": v.path, "fingerprint": v.fingerprint, "state": VideoState.REGISTERED}
            for v in chunk
        ]
        inserted = db.execute(insert(Video).values(rows).on_conflict_do_nothing().returning(Video.id))
        added += len(inserted.all())
    if added:
        db.execute(update(Job).where(Job.id == job_id).values(finished_at=None))
    return added


def close_if_done(db: Session, job_id: int) -> None:
    """Mark the job finished when none of its videos is open."""
    # The job's row is the barrier: two workers that end its last two videos do not see each other's end, but whoever
    # comes second here waits, and then looks again.
    db.execute(select(Job.id).where(Job.id == job_id).with_for_update(key_share=True))
    open_videos = select(Video.id).where(Video.job_id == job_id, Video.finished_at.is_(None))
    db.execute(
        update(Job)
        .where(Job.id == job_id, Job.finished_at.is_(None), ~open_videos.exists())
        .values(finished_at=func.now())
    )


def _chunks(videos: Iterable[NewVideo]) -> Iterator[list[NewVideo]]:
    iterator = iter(videos)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk
