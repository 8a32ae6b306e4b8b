"""The few questions that the faces ask: jobs, their videos, their plates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from pipeline.formats.confusions import folded


def jobs(db: Session, job_id: int | None = None, limit: int = 50) -> Sequence[RowMapping]:
    """`job_progress` rows, newest first."""
    return _rows(
        db,
        "SELECT * FROM job_progress WHERE CAST(:job AS bigint) IS NULL OR job = :job ORDER BY job DESC LIMIT :limit",
        job=job_id,
        limit=limit,
    )


def videos(db: Session, job_id: int) -> Sequence[RowMapping]:
    """A job's videos with their state, their segments and how many plates each showed, in order of submission."""
    return _rows(
        db,
        """
        SELECT v.id, v.path, v.kind, v.state, v.problem, v.width, v.height, v.duration_s, v.frame_rate, v.overlays,
               (SELECT count(*) FROM segments g WHERE g.video_id = v.id) AS segments,
               (SELECT count(*) FROM segments g WHERE g.video_id = v.id AND g.state IN ('done', 'quarantined'))
                   AS segments_ended,
               (SELECT count(DISTINCT s.plate_id) FROM sightings s WHERE s.video_id = v.id) AS plates
        FROM videos v WHERE v.job_id = :job ORDER BY v.id
        """,
        job=job_id,
    )


def sightings(db: Session, job_id: int) -> Sequence[RowMapping]:
    """A job's sightings, by video and time."""
    return _rows(db, "SELECT * FROM plate_sightings WHERE job = :job ORDER BY video_id, first_s, plate", job=job_id)


def fresh_readings(db: Session, job_id: int, after: int) -> Sequence[RowMapping]:
    """Readings of a job that came in since the one with the id `after`, before aggregation: for one who watches."""
    return _rows(
        db,
        """
        SELECT r.number AS id, v.path AS video, r.text, r.country, r.confidence, r.reads,
               (t.first ->> 'time_s')::float AS first_s
        FROM readings r
        JOIN tracklets t ON t.id = r.tracklet_id
        JOIN segments g ON g.id = t.segment_id
        JOIN videos v ON v.id = g.video_id
        WHERE v.job_id = :job AND r.number > :after
        ORDER BY r.number
        """,
        job=job_id,
        after=after,
    )


def plates(db: Session, pattern: str, limit: int) -> Sequence[RowMapping]:
    """`unique_plates` rows whose text fits a LIKE pattern, the most seen first; O finds 0, and I finds 1."""
    return _rows(
        db,
        "SELECT * FROM unique_plates WHERE key LIKE :pattern ORDER BY sightings DESC, plate LIMIT :limit",
        pattern=folded(pattern),
        limit=limit,
    )


def _rows(db: Session, query: str, **values: Any) -> Sequence[RowMapping]:
    return db.execute(text(query), values).mappings().all()
