"""Queries of the command line: jobs, their videos, their plates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from db.findings.plate_hashing import MARK
from db.states import ENDED, JobState, SegmentState, listed

#: What `videos` asks.
VIDEOS = """
    SELECT v.id, v.path, v.kind, v.state, v.problem, v.width, v.height, v.duration_s, v.frame_rate, v.overlays,
           v.recorded_at, v.recorded_from,
           v.segments, v.segments_done + v.segments_quarantined AS segments_ended,
           (SELECT count(DISTINCT s.plate_id) FROM sightings s WHERE s.video_id = v.id) AS plates,
           v.clock_zone, v.clock_error_s, v.clock_others, v.drive_id AS drive, v.camera
    FROM videos v WHERE v.job_id = :job ORDER BY v.id
"""

#: How far a job is, of `job_progress p`; without its plates, which take seconds to count at a million sightings.
PROGRESS = """
    p.job, p.name, p.created_at, p.finished_at, p.state, p.open, p.priority,
    p.videos, p.videos_ended, p.videos_with_problem, p.videos_opened,
    p.segments, p.segments_done, p.segments_quarantined, p.segments_delayed,
    p.footage_s, p.footage_done_s, p.footage_expected_s,
    (SELECT pace FROM job_pace WHERE job = p.job) AS pace
"""


def jobs(db: Session, job_id: int | None = None, limit: int = 50) -> Sequence[RowMapping]:
    """`job_progress` rows with their pace, newest first."""
    return _rows(
        db,
        """
        SELECT p.*, (SELECT pace FROM job_pace WHERE job = p.job) AS pace FROM job_progress p
        WHERE CAST(:job AS bigint) IS NULL OR p.job = :job ORDER BY p.job DESC LIMIT :limit
        """,
        job=job_id,
        limit=limit,
    )


def progress(db: Session, job_id: int) -> RowMapping | None:
    """How far a job is, without counting its plates: for one who looks four times a second."""
    rows = _rows(db, f"SELECT {PROGRESS} FROM job_progress p WHERE p.job = :job", job=job_id)
    return rows[0] if rows else None


def waiting_for(db: Session, job_id: int) -> str | None:
    """The infrastructure failure for which segments or openings of the job wait; else None."""
    rows = _rows(
        db,
        f"""
        SELECT problem FROM segments
        WHERE job_id = :job AND state = '{SegmentState.PENDING}' AND not_before > now() AND NOT parked
              AND failures + losses = 0 AND problem IS NOT NULL
        UNION ALL
        SELECT o.problem FROM videos v JOIN outbox o ON o.key = v.id
        WHERE v.job_id = :job AND v.away_since IS NOT NULL AND o.problem IS NOT NULL
        LIMIT 1
        """,
        job=job_id,
    )
    return rows[0]["problem"] if rows else None


#: Where nothing of a job ended for longer than this, it had nothing to do, as between two files of a watch. Seconds.
_PAUSE_S = 120
#: Segments that a pace is taken from: the newest of the job.
_PACE_FROM = 20_000


@dataclass(frozen=True, slots=True)
class Experience:
    """What the last finished job with footage teaches of the next."""

    job: int
    #: Seconds of footage done a second while there was something to do.
    pace: float
    #: Bytes that a second of its footage left in the result store.
    bytes_per_s: float


def experience(db: Session) -> Experience | None:
    """From the newest finished job of which something was done at the first try; its bytes from its first videos.

    A job that was run again has nothing such, and may only have been read again.
    """
    rows = _rows(
        db,
        f"""
        WITH last AS MATERIALIZED (
            SELECT j.id, p.pace FROM jobs j
            CROSS JOIN LATERAL (
                SELECT (sum(footage_s) FILTER (WHERE attempt = 1)
                        / greatest(1, extract(epoch FROM sum(took) FILTER (WHERE attempt = 1))))::float AS pace
                FROM (
                    SELECT end_s - start_s AS footage_s, attempt,
                           least(moved_at - lag(moved_at, 1, j.created_at) OVER (ORDER BY moved_at),
                                 make_interval(secs => :pause_s)) AS took
                    FROM (SELECT g.moved_at, g.start_s, g.end_s, g.attempt FROM segments g
                          WHERE g.job_id = j.id AND g.state IN {listed(ENDED)}
                          ORDER BY g.moved_at DESC LIMIT :pace_from) newest
                ) ended
            ) p
            WHERE j.state = '{JobState.FINISHED}' AND j.footage_done_s > 0 AND j.finished_at IS NOT NULL AND p.pace > 0
            ORDER BY j.id DESC LIMIT 1
        )
        SELECT last.id, last.pace, coalesce(b.bytes / nullif(b.footage_s, 0), 0)::float AS bytes_per_s
        FROM last
        CROSS JOIN LATERAL (
            SELECT sum(v.footage_done_s) AS footage_s, sum(
                coalesce((SELECT sum(f.size) FROM frames f WHERE f.video_id = v.id), 0)
                + coalesce((SELECT sum(c.size) FROM crops c JOIN tracklets t ON t.id = c.tracklet_id
                            JOIN segments g ON g.id = t.segment_id WHERE g.video_id = v.id), 0)
            ) AS bytes
            FROM (SELECT id, footage_done_s FROM videos WHERE job_id = last.id ORDER BY id LIMIT 20) v
        ) b
        """,
        pause_s=_PAUSE_S,
        pace_from=_PACE_FROM,
    )
    return Experience(rows[0]["id"], rows[0]["pace"], rows[0]["bytes_per_s"]) if rows else None


def job_of_key(db: Session, key: str | None) -> int | None:
    """The job that was submitted under a key, if there is one."""
    rows = _rows(db, "SELECT id FROM jobs WHERE key = :key", key=key)
    return rows[0]["id"] if rows else None


def fingerprints(db: Session, job_id: int) -> set[str]:
    """Of all a job's videos."""
    return {row["fingerprint"] for row in _rows(db, "SELECT fingerprint FROM videos WHERE job_id = :job", job=job_id)}


def newest_reading(db: Session) -> int:
    """The number of the reading that came last; 0 where there is none."""
    return int(_rows(db, "SELECT coalesce(max(number), 0) AS number FROM readings")[0]["number"])


def videos(db: Session, job_id: int) -> Sequence[RowMapping]:
    """A job's videos with their state, their segments and how many plates each showed, in order of submission."""
    return _rows(db, VIDEOS, job=job_id)


def sightings(db: Session, job_id: int) -> Sequence[RowMapping]:
    """A job's sightings, by video and time."""
    return _rows(db, "SELECT * FROM plate_sightings WHERE job = :job ORDER BY video_id, first_s, plate", job=job_id)


def fresh_readings(db: Session, job_id: int, after: int, up_to: int) -> Sequence[RowMapping]:
    """Readings of a job numbered above `after` and up to `up_to`, before aggregation: for one who watches.

    Numbers are given before the commit, so one that was stored late may be left out; the results have it.
    """
    return _rows(
        db,
        """
        SELECT r.number AS id, v.path AS video, r.text, r.country, r.confidence, r.reads,
               (t.first ->> 'time_s')::float AS first_s
        FROM readings r
        JOIN tracklets t ON t.id = r.tracklet_id
        JOIN segments g ON g.id = t.segment_id
        JOIN videos v ON v.id = g.video_id
        WHERE v.job_id = :job AND r.number > :after AND r.number <= :up_to
        ORDER BY r.number
        """,
        job=job_id,
        after=after,
        up_to=up_to,
    )


def some_hashed(db: Session) -> bool:
    """Whether any plate is stored as a keyed hash."""
    return bool(_rows(db, "SELECT 1 FROM plates WHERE key LIKE :pattern LIMIT 1", pattern=f"{MARK}%"))


def _rows(db: Session, query: str, **values: Any) -> Sequence[RowMapping]:
    return db.execute(text(query), values).mappings().all()
