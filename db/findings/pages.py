"""Jobs, videos and sightings a page at a time, by their numbers: an index finds each page, however deep it lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from db.findings.queries import PROGRESS

_JOBS = text(
    f"""
    SELECT {PROGRESS}
    FROM (
        SELECT id FROM jobs WHERE CAST(:before AS bigint) IS NULL OR id < :before ORDER BY id DESC LIMIT :most
    ) page
    JOIN job_progress p ON p.job = page.id
    ORDER BY p.job DESC
    """
)
_VIDEO = """
    SELECT id, job_id AS job, path, kind, state, problem, width, height, duration_s, frame_rate, segments,
           segments_done, segments_quarantined, finished_at, recorded_at, recorded_from,
           clock_zone, clock_error_s, clock_others, drive_id AS drive, camera
    FROM videos
"""
_VIDEOS = text(f"{_VIDEO} WHERE job_id = :job AND id > :after ORDER BY id LIMIT :most")
_ONE_VIDEO = text(f"{_VIDEO} WHERE id = :id")
_NUMBERS = text(
    """
    SELECT s.id FROM sightings s JOIN videos v ON v.id = s.video_id
    WHERE v.job_id = :job AND s.id > :after ORDER BY s.id LIMIT :most
    """
)
_SIGHTINGS = text("SELECT * FROM plate_sightings WHERE sighting = ANY (:ids) ORDER BY sighting")
_ONE_SIGHTING = text("SELECT * FROM plate_sightings WHERE sighting = :id")


def jobs(db: Session, before: int | None, most: int) -> Sequence[RowMapping]:
    """How far jobs are, newest first, below the job `before`."""
    return _rows(db, _JOBS, before=before, most=most)


def videos(db: Session, job_id: int, after: int, most: int) -> Sequence[RowMapping]:
    """A job's videos in order of submission, past the one numbered `after`."""
    return _rows(db, _VIDEOS, job=job_id, after=after, most=most)


def video(db: Session, video_id: int) -> RowMapping | None:
    """One of them."""
    return db.execute(_ONE_VIDEO, {"id": video_id}).mappings().one_or_none()


def sightings(db: Session, job_id: int, after: int, most: int) -> tuple[Sequence[RowMapping], int | None]:
    """A job's sightings as they came in, past the one numbered `after`: `plate_sightings` rows; and after which number
    the next page begins, None where there is none.

    A page may be short and not the last: between its numbers and its rows, sightings may be replaced.
    """
    found = numbers(db, job_id, after, most)
    return sightings_of(db, found), found[-1] if len(found) == most else None


def numbers(db: Session, job_id: int, after: int, most: int) -> list[int]:
    """Their numbers alone. Numbers are given before the commit: a lower one may come in a moment after a higher one."""
    return list(db.execute(_NUMBERS, {"job": job_id, "after": after, "most": most}).scalars())


def sightings_of(db: Session, ids: Sequence[int]) -> Sequence[RowMapping]:
    """The sightings of these numbers."""
    return _rows(db, _SIGHTINGS, ids=list(ids)) if ids else []


def sighting(db: Session, sighting_id: int) -> RowMapping | None:
    """One of them."""
    return db.execute(_ONE_SIGHTING, {"id": sighting_id}).mappings().one_or_none()


def _rows(db: Session, query: Any, **values: Any) -> Sequence[RowMapping]:
    return db.execute(query, values).mappings().all()
