"""What the page of exports shows: the jobs that there are, and how much is in one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

#: Jobs that are offered; others are reached by their number.
MOST_JOBS = 100
#: Sightings are counted up to here.
MOST_COUNTED = 10_000

_JOBS = text(
    """
    SELECT id AS job, left(name, 200) AS name, state, finished_at IS NULL AS unfinished FROM (
        (SELECT id, name, state, finished_at FROM jobs ORDER BY id DESC LIMIT :most)
        UNION (SELECT id, name, state, finished_at FROM jobs WHERE id = :also)
    ) offered ORDER BY id DESC
    """
)
_ABOUT = text(
    """
    SELECT j.id AS job, j.videos, j.videos_ended, j.finished_at IS NULL AS unfinished,
           (SELECT count(*) FROM (
                SELECT 1 FROM videos v JOIN sightings s ON s.video_id = v.id
                WHERE v.job_id = j.id LIMIT :most) s) AS sightings
    FROM jobs j WHERE j.id = :job
    """
)


def jobs(db: Session, also: int | None) -> Sequence[RowMapping]:
    """The newest jobs, and one more, which may be older."""
    return db.execute(_JOBS, {"most": MOST_JOBS, "also": also}).mappings().all()


def about(db: Session, job: int) -> RowMapping | None:
    """How much is in a job; None where there is none of that number."""
    return db.execute(_ABOUT, {"job": job, "most": MOST_COUNTED + 1}).mappings().one_or_none()
