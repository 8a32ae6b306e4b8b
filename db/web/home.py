"""What the first page shows: figures of today, of the last weeks, and of what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from db.findings.queries import PROGRESS
from db.states import VideoState, listed
from db.web.findings.review import WAITING

#: Whatever is counted is counted up to here; the page says "more than".
MOST = 1000
DAYS = 28
_WITH_PROBLEM = listed({VideoState.FAILED, VideoState.TRUNCATED, VideoState.UNREADABLE, VideoState.INACCESSIBLE})

_JOBS = text(
    f"""
    SELECT {PROGRESS}
    FROM (SELECT id FROM jobs ORDER BY finished_at IS NULL DESC, id DESC LIMIT 6) newest
    JOIN job_progress p ON p.job = newest.id
    ORDER BY p.finished_at IS NULL DESC, p.job DESC
    """
)
_TODAY = text(
    """
    WITH ended AS (
        SELECT id, footage_done_s FROM videos WHERE finished_at >= date_trunc('day', now(), 'UTC')
    )
    SELECT (SELECT count(*) FROM ended) AS videos,
           (SELECT coalesce(sum(footage_done_s), 0) FROM ended) AS footage_s,
           (SELECT count(*) FROM ended e JOIN sightings s ON s.video_id = e.id) AS sightings
    """
)
_NEEDS = text(
    f"""
    SELECT (SELECT count(*) FROM (
                SELECT 1 FROM sightings s WHERE {WAITING} LIMIT :most) u) AS unsure,
           (SELECT count(*) FROM (
                SELECT 1 FROM videos WHERE state IN {_WITH_PROBLEM} AND finished_at > now() - interval '7 days'
                LIMIT :most) v) AS videos,
           (SELECT count(*) FROM (
                SELECT 1 FROM hits WHERE created_at > now() - interval '1 day' LIMIT :most) h) AS hits
    """
)
_DAYS = text(
    """
    SELECT d::date AS day, (
        SELECT count(*) FROM videos v JOIN sightings s ON s.video_id = v.id
        WHERE v.finished_at >= d AND v.finished_at < d + interval '1 day'
    ) AS sightings
    FROM generate_series(date_trunc('day', now(), 'UTC') - make_interval(days => :days - 1),
                         date_trunc('day', now(), 'UTC'), interval '1 day') d
    ORDER BY d
    """
)


def jobs(db: Session) -> Sequence[RowMapping]:
    """The jobs that have not ended, then the newest that have; six in all."""
    return db.execute(_JOBS).mappings().all()


def today(db: Session) -> RowMapping:
    """Videos that were finished since midnight UTC, their footage and their sightings."""
    return db.execute(_TODAY).mappings().one()


def needs_a_look(db: Session) -> RowMapping:
    """Unsure sightings that nobody has looked at, videos of this week with a problem, watch hits of a day."""
    return db.execute(_NEEDS, {"most": MOST}).mappings().one()


def days(db: Session) -> list[tuple[str, int]]:
    """Sightings by the day on which their video was finished, UTC, the last weeks."""
    return [(f"{row.day:%-d %b}", row.sightings) for row in db.execute(_DAYS, {"days": DAYS})]
