"""What the pages of jobs show: jobs by where they are, a job's videos, its newest sightings."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from db.findings import pages
from db.findings.queries import PROGRESS
from db.states import OPEN, JobState, VideoState, listed

#: Sightings of one video that its plates are counted from; the page says "more than".
MOST = 1000
#: Videos that ended last, among whose sightings the newest are looked for: most dashcam videos show some.
_LOOKED_AT = 200


class Jobs(StrEnum):
    """Which jobs are shown."""

    ALL = "all"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    #: Something is wrong with a video or segment. Not cancelled ones: all that those did not come to would count.
    PROBLEMS = "problems"


class Videos(StrEnum):
    """Which videos of a job are shown."""

    ALL = "all"
    #: Nobody has opened them yet.
    WAITING = "waiting"
    UNDER_WAY = "under_way"
    DONE = "done"
    PROBLEMS = "problems"
    CANCELLED = "cancelled"


_JOBS = {
    Jobs.ALL: "true",
    Jobs.PROBLEMS: f"(videos_with_problem > 0 OR segments_quarantined > 0) AND state <> '{JobState.CANCELLED}'",
    **{Jobs(state.value): f"state = '{state}'" for state in JobState},
}
_WAITING = VideoState.REGISTERED
_VIDEOS = {
    Videos.ALL: "true",
    Videos.WAITING: f"v.finished_at IS NULL AND v.state = '{_WAITING}'",
    Videos.UNDER_WAY: f"v.finished_at IS NULL AND v.state IN {listed(set(OPEN) - {_WAITING})}",
    Videos.DONE: f"v.state = '{VideoState.DONE}'",
    Videos.PROBLEMS: f"v.problem IS NOT NULL AND v.finished_at IS NOT NULL AND v.state <> '{VideoState.CANCELLED}'",
    Videos.CANCELLED: f"v.state = '{VideoState.CANCELLED}'",
}
_OPTIONS = text("SELECT options, retain_s FROM jobs WHERE id = :job")
_NEWEST = text(
    """
    SELECT s.id FROM (
        SELECT id FROM videos WHERE job_id = :job AND finished_at IS NOT NULL AND purged_at IS NULL
        ORDER BY finished_at DESC LIMIT :looked_at
    ) v
    CROSS JOIN LATERAL (SELECT id FROM sightings WHERE video_id = v.id ORDER BY id DESC LIMIT :most) s
    ORDER BY s.id DESC LIMIT :most
    """
)


def jobs(db: Session, which: Jobs, before: int | None, most: int) -> Sequence[RowMapping]:
    """How far jobs are, newest first, below the job `before`."""
    query = f"""
        SELECT {PROGRESS}
        FROM (
            SELECT id FROM jobs WHERE ({_JOBS[which]}) AND (CAST(:before AS bigint) IS NULL OR id < :before)
            ORDER BY id DESC LIMIT :most
        ) page
        JOIN job_progress p ON p.job = page.id
        ORDER BY p.job DESC
    """
    return db.execute(text(query), {"before": before, "most": most}).mappings().all()


def asked(db: Session, job: int) -> RowMapping:
    """The options that a job was made with, and its retention."""
    return db.execute(_OPTIONS, {"job": job}).mappings().one()


def videos(db: Session, job: int, which: Videos, after: int, most: int) -> Sequence[RowMapping]:
    """Videos of a job in order of submission, past the one numbered `after`, with the plates of each; `many` where
    more sightings are there than were looked at."""
    query = f"""
        SELECT v.*, p.plates, p.looked_at = :most_sightings AS many
        FROM (
            SELECT id, path, kind, state, problem, duration_s, segments, segments_done, segments_quarantined,
                   footage_done_s, recorded_at, started_at, finished_at, away_since, purged_at
            FROM videos v WHERE job_id = :job AND id > :after AND ({_VIDEOS[which]}) ORDER BY id LIMIT :most
        ) v
        CROSS JOIN LATERAL (
            SELECT count(DISTINCT plate_id) AS plates, count(*) AS looked_at
            FROM (SELECT plate_id FROM sightings WHERE video_id = v.id LIMIT :most_sightings) few
        ) p
        ORDER BY v.id
    """
    asked = {"job": job, "after": after, "most": most, "most_sightings": MOST}
    return db.execute(text(query), asked).mappings().all()


def newest_sightings(db: Session, job: int, most: int) -> Sequence[RowMapping]:
    """The job's `plate_sightings` that came in last, the newest first."""
    found = db.execute(_NEWEST, {"job": job, "most": most, "looked_at": _LOOKED_AT}).scalars().all()
    return list(reversed(pages.sightings_of(db, found)))
