"""What the page of health asks beside what monitoring asks: what waits for which reason, and who is at work."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

#: Of what is named, so much; and whatever is counted is counted up to here.
MOST_NAMED, MOST = 5, 1000
#: A deletion that did not come about so often needs somebody.
_TRIES = 3

_AT_WORK = text(
    """
    SELECT worker, state, count(*) AS segments FROM segments
    WHERE state IN ('detecting', 'reading') AND lease_until > now()
    GROUP BY worker, state ORDER BY worker, state LIMIT 200
    """
)
_DELAYED = text(
    """
    SELECT left(problem, 300) AS problem, count(*) AS segments FROM (
        SELECT problem FROM segments
        WHERE job_id = ANY(:jobs) AND state = 'pending' AND NOT parked AND not_before IS NOT NULL LIMIT :most) waiting
    GROUP BY 1 ORDER BY 2 DESC LIMIT :named
    """
)
_AWAY = text(
    """
    SELECT id AS video, job_id AS job, path, away_since FROM videos
    WHERE away_since IS NOT NULL ORDER BY away_since LIMIT :named
    """
)
_FAILING = text(
    """
    SELECT o.kind, o.failures, left(o.problem, 300) AS problem, v.path, v.job_id AS job
    FROM (SELECT * FROM outbox WHERE failures > 0 ORDER BY id LIMIT :named) o LEFT JOIN videos v ON v.id = o.key
    ORDER BY o.id
    """
)
_OTHERS = text(
    """
    SELECT (SELECT count(*) FROM (SELECT 1 FROM search_backlog LIMIT :most) b) AS notes,
           (SELECT coalesce(sum(cardinality(sightings)), 0) FROM (
                SELECT sightings FROM search_backlog ORDER BY id LIMIT :most) b)::bigint AS unsearchable,
           (SELECT count(*) FROM (
                SELECT 1 FROM uploads WHERE expires_at IS NOT NULL AND whole_at IS NULL LIMIT :most) u) AS uploads,
           (SELECT coalesce(sum(size), 0) FROM (
                SELECT size FROM uploads WHERE expires_at IS NOT NULL AND whole_at IS NULL LIMIT :most) u)::bigint
               AS upload_bytes,
           (SELECT count(*) FROM (SELECT 1 FROM deletions WHERE tries >= :tries LIMIT :most) d) AS undeleted
    """
)


def version(db: Session) -> str:
    """PostgreSQL's."""
    return str(db.scalar(text("SHOW server_version"))).partition(" ")[0]


def at_work(db: Session) -> Sequence[RowMapping]:
    """Workers that hold segments: `worker`, `state`, `segments`."""
    return db.execute(_AT_WORK).mappings().all()


def why_delayed(db: Session, jobs: Sequence[int]) -> Sequence[RowMapping]:
    """Why segments of these jobs wait before another attempt: `problem`, `segments`; the commonest first."""
    return db.execute(_DELAYED, {"jobs": list(jobs), "most": MOST, "named": MOST_NAMED}).mappings().all()


def away(db: Session) -> Sequence[RowMapping]:
    """The videos that cannot be reached for the longest time."""
    return db.execute(_AWAY, {"named": MOST_NAMED}).mappings().all()


def failing(db: Session) -> Sequence[RowMapping]:
    """Openings and aggregations that have failed, and why."""
    return db.execute(_FAILING, {"named": MOST_NAMED}).mappings().all()


def others(db: Session) -> RowMapping:
    """What is not searchable yet, uploads that are not whole, files that could not be removed."""
    return db.execute(_OTHERS, {"most": MOST, "tries": _TRIES}).mappings().one()
