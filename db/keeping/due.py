"""Which videos ended long enough ago for what was found in them to go."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.findings.plate_hashing import MARK
from db.keeping.kept import IN_DOUBT
from db.keeping.retention import CHUNK, SWEEPERS_CHUNK, PurgeScope

#: Workers with the key purge a video within seconds; one that is due for longer waits.
WAITS_AFTER_S = 60

_LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def due(db: Session, wanted: PurgeScope, after: int = 0, limit: int = CHUNK) -> list[int]:
    """The next videos that are due, by id. Purged ones are due again where something is left that has to go now."""
    values = {
        "seconds": wanted.older_than_s, "job": wanted.job_id, "keep": wanted.keep_watched, "forget": wanted.forget,
        "after": after, "limit": limit,
    }  # fmt: skip
    return list(db.scalars(_DUE, values))


@dataclass(frozen=True, slots=True)
class Place:
    """How far a look at what is due by jobs' own retention has come: behind the last video that it saw."""

    job: int = 0
    finished_at: dt.datetime = _LONG_AGO
    video: int = 0


def due_by_job(db: Session, limit: int = SWEEPERS_CHUNK, after: Place = Place()) -> list[Place]:
    """Some videos that their job's own retention has caught up with; next to nothing to ask while there are none."""
    values = {"limit": limit, "job": after.job, "ended": after.finished_at, "video": after.video}
    return [Place(row.job_id, row.finished_at, row.id) for row in db.execute(_DUE_BY_JOB, values)]


def count_waiting(db: Session, job_id: int | None, most: int) -> int:
    """Videos, `most` at most, whose job's retention caught up with them a while ago and that wait for the plate key."""
    values = {"job": job_id, "most": most, "grace": WAITS_AFTER_S, "mark": f"{MARK}%"}
    return int(db.scalar(_COUNT_WAITING, values) or 0)


_DUE = text(
    """
    SELECT v.id FROM videos v JOIN jobs j ON j.id = v.job_id
    WHERE v.id > :after AND v.finished_at IS NOT NULL
      AND (CAST(:job AS bigint) IS NULL OR v.job_id = :job)
      AND v.finished_at <= now() - make_interval(secs => coalesce(CAST(:seconds AS bigint), j.retain_s))
      AND (v.purged_at IS NULL
           OR (NOT :keep AND EXISTS (SELECT 1 FROM sightings s WHERE s.video_id = v.id))
           OR (:forget AND NOT EXISTS (SELECT 1 FROM sightings s WHERE s.video_id = v.id)))
      -- A job that still takes files in would take a forgotten one in again.
      AND (NOT :forget OR j.finished_at IS NOT NULL)
    ORDER BY v.id LIMIT :limit
    """
)
_DUE_BY_JOB = text(
    """
    SELECT v.job_id, v.finished_at, v.id FROM jobs j
    CROSS JOIN LATERAL (
        SELECT w.job_id, w.finished_at, w.id FROM videos w
        WHERE w.job_id = j.id AND w.purged_at IS NULL AND w.finished_at IS NOT NULL
          AND w.finished_at <= now() - make_interval(secs => j.retain_s)
          AND (w.finished_at, w.id) > (CASE WHEN j.id = :job THEN CAST(:ended AS timestamptz) ELSE '-infinity' END,
                                       CASE WHEN j.id = :job THEN CAST(:video AS bigint) ELSE 0 END)
        ORDER BY w.finished_at, w.id LIMIT :limit
    ) v
    WHERE j.retain_s IS NOT NULL AND j.id >= :job
    ORDER BY j.id, v.finished_at, v.id LIMIT :limit
    """
)
_COUNT_WAITING = text(
    f"""
    SELECT count(*) FROM (
        SELECT 1 FROM jobs j JOIN videos v ON v.job_id = j.id
        WHERE j.retain_s IS NOT NULL AND (CAST(:job AS bigint) IS NULL OR j.id = :job)
          AND v.purged_at IS NULL AND v.finished_at IS NOT NULL
          AND v.finished_at <= now() - make_interval(secs => j.retain_s + :grace)
          AND {IN_DOUBT}
        LIMIT :most
    ) waiting
    """
)
