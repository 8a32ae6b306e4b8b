"""The statements that run for every segment, as text: to build them anew costs more than to run them.

A segment moves and its findings are stored in one statement, so that each takes one round trip and one commit.
"""

from __future__ import annotations

from sqlalchemy import TextClause, text

from db.models import OutboxRow
from db.queue.outbox import AGGREGATE
from db.queue.stage_statements import ADD_TRACKLETS, CROPS_TO_READ, PUT_READINGS
from db.states import HELD, JobState, SegmentState, Stage, VideoState, listed

#: What the work needs of a segment, its video and its job, by name.
_NEEDED = {
    **{name: f"g.{name}" for name in ("job_id", "video_id", "index", "start_pts", "end_pts", "covered", "damage")},
    "options": "j.options",
    **{
        name: f"v.{name}"
        for name in (
            "path", "kind", "width", "height", "rotation", "codec", "frame_rate", "time_base_num", "time_base_den",
            "timed", "overlays", "camera", "recovered", "fingerprint", "content",
        )
    },
    "video_start_pts": "v.start_pts",
    "video_end_pts": "v.end_pts",
}  # fmt: skip


def _begin(needed: dict[str, str]) -> TextClause:
    """A statement that takes a segment, and returns what is needed as one value: columns would cost more to unpack."""
    named = ", ".join(f"'{name}', {value}" for name, value in needed.items())
    return text(
        f"""
        UPDATE segments g
        SET state = :step, worker = :worker, moved_at = now(), lease_until = now() + :lease_s * interval '1 second'
        FROM videos v, jobs j
        WHERE g.id = :segment AND g.attempt = :attempt AND g.state = :before
              AND v.id = g.video_id AND j.id = g.job_id AND j.state IN ('{JobState.RUNNING}', '{JobState.PAUSED}')
        RETURNING jsonb_build_object({named})
        """
    )


_TO_READ = {"screen_read": "v.screen_read", "crops": CROPS_TO_READ.format(segment="g.id")}
BEGIN = {SegmentState.DETECTING: _begin(_NEEDED), SegmentState.READING: _begin(_NEEDED | _TO_READ)}

RENEW = text(
    f"""
    UPDATE segments SET lease_until = now() + :lease_s * interval '1 second'
    WHERE id = :segment AND attempt = :attempt AND state IN {listed(HELD)}
    RETURNING id
    """
)

#: Should the reading fail, the tracklets are there: so the next step is to read.
DETECTED = text(
    f"""
    WITH moved AS (
        UPDATE segments
        SET state = '{SegmentState.DETECTED}', step = '{Stage.READ}', frames_looked = :frames_looked, damage = :damage,
            lease_until = NULL, moved_at = now()
        WHERE id = :segment AND attempt = :attempt AND state = '{SegmentState.DETECTING}'
        RETURNING id, video_id
    ), back AS (
        UPDATE videos SET away_since = NULL
        WHERE id IN (SELECT video_id FROM moved) AND away_since IS NOT NULL
    ), {ADD_TRACKLETS}
    SELECT id FROM moved
    """
)


def _counted(ended: str, stored: str = "") -> TextClause:
    """A statement, with the counting of what it ends: it gives `video_id`, `done`, `quarantined`, `length_s`, `seen`.
    What is to be `stored` with it reads `ended`.

    All in one round trip: the segment ends, its video counts it and moves on where it was its last, and the aggregation
    is owed. The video's row is the barrier: whoever ends a segment holds it, so the last one sees all the others. A
    video of which something was `seen` can be reached again; its crops can be read while it cannot.
    """
    return text(
        f"""
        WITH ended AS ({ended}), counted AS (
            UPDATE videos v SET
                segments_done = segments_done + done,
                segments_quarantined = segments_quarantined + quarantined,
                footage_done_s = footage_done_s + length_s,
                started_at = coalesce(started_at, now()),
                away_since = CASE WHEN seen THEN NULL ELSE away_since END,
                state = CASE WHEN state = '{VideoState.PROCESSING}'
                                  AND segments_done + segments_quarantined + done + quarantined = segments
                             THEN '{VideoState.AGGREGATING}' ELSE state END
            FROM ended WHERE v.id = ended.video_id
            RETURNING v.id, v.job_id, v.state
        ), owed AS (
            INSERT INTO {OutboxRow.__tablename__} (kind, key, job_id)
            SELECT '{AGGREGATE}', id, job_id FROM counted WHERE state = '{VideoState.AGGREGATING}'
            ON CONFLICT (kind, key) DO NOTHING
        ){stored and f", {stored}"}
        SELECT video_id FROM ended
        """
    )


_ONE_DONE = "RETURNING id AS segment_id, video_id, 1 AS done, 0 AS quarantined, end_s - start_s AS length_s"

NOTHING_TO_READ = _counted(
    f"""
    UPDATE segments
    SET state = '{SegmentState.DONE}', step = '{Stage.READ}', covered = true, frames_looked = :frames_looked,
        damage = :damage, problem = :damage, lease_until = NULL, moved_at = now()
    WHERE id = :segment AND attempt = :attempt AND state = '{SegmentState.DETECTING}'
    {_ONE_DONE}, true AS seen
    """
)

FINISHED = _counted(
    f"""
    UPDATE segments
    SET state = '{SegmentState.DONE}', covered = true, problem = damage, lease_until = NULL, moved_at = now()
    WHERE id = :segment AND attempt = :attempt AND state = '{SegmentState.READING}'
    {_ONE_DONE}, false AS seen
    """,
    PUT_READINGS,
)

COUNT_QUARANTINED = _counted(
    """
    SELECT CAST(:video AS bigint) AS video_id, 0 AS done, CAST(:quarantined AS int) AS quarantined,
           CAST(:length_s AS float) AS length_s, false AS seen
    """
)
