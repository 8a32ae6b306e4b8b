"""Chooses which segments and video tasks go out next: fair shares by weight, windows, the express queue.

The database holds what is pending; the queues hold little, so that what is sent next is decided late.

Jobs take turns by their weight, in segments (`jobs.turn`) and in steps on whole videos (`jobs.video_turn`). This is
start-time fair queueing: what goes out moves its job's turn on by one part in its weight, next is the job whose turn is
lowest, and a job that comes, or comes back, begins where the others are. Equal turns are spread over the part, or many
small jobs would all come before the second segment of an important one.

A job with nothing in flight, a new one above all, sends one on the express queue, however full the others are. Workers
take those first, so it is for a few jobs at a time that are no more than a part ahead of the others: where many wait to
begin, all keep to their turns. Segments are many and short, so it is also for jobs of which none has ended lately.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from db.models import OutboxRow, Segment, Video
from db.queue.outbox import AGGREGATE, Message
from db.queue.segment_moves import Dispatched, described
from db.states import ENDED, IN_FLIGHT, JobState, Priority, SegmentState, Stage, listed

#: A job's share beside the others'.
WEIGHTS = {Priority.LOW: 1, Priority.NORMAL: 4, Priority.HIGH: 16}
#: Seconds between two such segments of a job, for a weight of 1; a job of more weight waits for a part of it. At once,
#: an unimportant job would overtake the important ones with every segment.
EXPRESS_EVERY_S = 16.0
#: More jobs than these do not use the express at once: express work would be all there is.
EXPRESS_JOBS = 8
#: Segments that wait on the detect queue over all jobs: this many, or twice as many as are being detected.
LEAST_DEPTH = 4
#: One dispatcher at a time in the whole fleet; the others return at once.
DISPATCH_LOCK = 0x44495350

#: Consecutive numbers times this, less their whole part, lie evenly between 0 and 1 (the golden ratio).
_SPREAD = 0.3819660112501051
_WEIGHT = "CASE j.priority " + " ".join(f"WHEN '{p}' THEN {w}" for p, w in WEIGHTS.items()) + " END"


def take_pending(db: Session, window: int, least_depth: int = LEAST_DEPTH) -> list[Dispatched]:
    """Give segments that are due their attempt number and move them on; the caller sends them after the commit.

    At most `window` of a job are in flight or wait for another attempt. Returns nothing while another dispatches.
    """
    if not _alone(db):
        return []
    due = db.execute(SEGMENTS, {"window": window, "least_depth": least_depth}).all()
    if not due:
        return []
    express = {row.id for row in due if row.express}
    taken: list[Dispatched] = []
    for step, state in ((Stage.DETECT, SegmentState.QUEUED), (Stage.READ, SegmentState.DETECTED)):
        ids = [row.id for row in due if row.step == step]
        if not ids:
            continue
        # Locked in one order: whoever else locks several segments does so by id.
        free = (
            select(Segment.id)
            .where(Segment.id.in_(ids), Segment.state == SegmentState.PENDING)
            .order_by(Segment.id)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        moved = db.execute(
            update(Segment)
            .where(Segment.id.in_(free))
            .values(
                state=state,
                attempt=Segment.attempt + 1,
                moved_at=func.now(),
                lease_until=None,
                not_before=None,
                worker=None,
            )
            .returning(Segment.id)
            .execution_options(synchronize_session=False)
        ).scalars()
        taken += described(db, list(moved))
    by_id = {segment.segment_id: segment for segment in taken}
    charged = [row for row in due if row.id in by_id and row.step == Stage.DETECT]
    _charge(db, "turn", {row.job_id: row.next_turn for row in charged})
    return [replace(by_id[row.id], express=row.id in express) for row in due if row.id in by_id]


def take_messages(db: Session, window: int) -> list[Message]:
    """Mark steps on whole videos as sent and return them, aggregations of a job first; the caller sends them now.

    At most `window` are on the way; a paused job's files are not opened. Returns nothing while another dispatches.
    """
    if not _alone(db):
        return []
    due = db.execute(MESSAGES, {"window": window}).all()
    if not due:
        return []
    express = {row.id for row in due if row.express}
    sent = db.execute(
        update(OutboxRow)
        .where(OutboxRow.id.in_([row.id for row in due]), OutboxRow.sent_at.is_(None), Video.id == OutboxRow.key)
        .values(sent_at=func.now(), sends=OutboxRow.sends + 1, lease_until=None, not_before=None)
        .returning(OutboxRow.id, OutboxRow.kind, OutboxRow.key, Video.path, Video.duration_s)
        .execution_options(synchronize_session=False)
    )
    messages = {
        row.id: Message(row.id, row.kind, row.key, row.path, row.id in express, row.duration_s or 0.0) for row in sent
    }
    _charge(db, "video_turn", {row.job_id: row.next_turn for row in due if row.id in messages})
    return [messages[row.id] for row in due if row.id in messages]


def _alone(db: Session) -> bool:
    return bool(db.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": DISPATCH_LOCK}).scalar_one())


def _charge(db: Session, column: str, turns: dict[int, float]) -> None:
    """Store the jobs' next turns; `turns` is in the order in which they were given, the last of a job counts."""
    db.execute(CHARGE[column], {"jobs": list(turns), "turns": list(turns.values())})


def _clock(column: str) -> str:
    """The latest turn that was given."""
    return f"SELECT greatest(0, max({column} - 1::float / ({_WEIGHT}))) AS turn FROM jobs j WHERE finished_at IS NULL"


def _turns(column: str) -> str:
    """A job's turns lie a part in its weight apart, each job's at another place (`spread`) within the part.

    Who comes begins with its first such place from the clock on (`start`); what goes by express takes the part that has
    begun (`now`), and so does not move the clock on.
    """
    return f"""
        CROSS JOIN LATERAL (
            SELECT ({_WEIGHT})::float AS weight, j.id * {_SPREAD} - floor(j.id * {_SPREAD}) AS spread
        ) share
        CROSS JOIN LATERAL (
            SELECT greatest(j.{column}, ceil(clock.turn * weight - spread) / weight) AS start,
                   greatest(j.{column}, floor(clock.turn * weight) / weight) AS now
        ) t
    """


#: Of something that is due, from its `place` among what is due of its job.
_TURN = """
    t.start + (place - 1) / weight + spread / weight AS turn, t.start + place / weight AS next_turn,
    t.now + 1 / weight AS turn_after_express, place = 1 AND f.n = 0 AND t.start <= clock.turn + 1 / weight"""
#: What begins goes by express, unless too much does.
_EXPRESS = f"begins AND count(*) FILTER (WHERE begins) OVER () <= {EXPRESS_JOBS} AS express"
_NEXT_TURN = "CASE WHEN express THEN turn_after_express ELSE next_turn END AS next_turn"
SEGMENTS = text(
    f"""
    WITH flying AS MATERIALIZED (
        SELECT job_id, count(*) AS n, count(*) FILTER (WHERE state = '{SegmentState.QUEUED}') AS queued,
               count(*) FILTER (WHERE state = '{SegmentState.DETECTING}') AS detecting
        FROM segments WHERE state IN {listed(IN_FLIGHT)} GROUP BY job_id
    ), room AS (
        SELECT greatest(:least_depth, 2 * coalesce(sum(detecting), 0)) - coalesce(sum(queued), 0) AS n FROM flying
    ), clock AS ({_clock("turn")}), due AS (
        SELECT g.id, j.id AS job_id, g.step, {_TURN} AND NOT lately AS begins
        FROM jobs j
        CROSS JOIN clock
        {_turns("turn")}
        CROSS JOIN LATERAL (
            SELECT coalesce((SELECT n FROM flying WHERE job_id = j.id), 0) AS n
        ) f
        CROSS JOIN LATERAL (
            SELECT EXISTS (
                SELECT 1 FROM segments s
                WHERE s.job_id = j.id AND s.state IN {listed(ENDED)}
                      AND s.moved_at > now() - {EXPRESS_EVERY_S} / ({_WEIGHT}) * interval '1 second'
            ) AS lately
        ) ended
        CROSS JOIN LATERAL (
            SELECT count(*) AS n FROM segments s
            WHERE s.job_id = j.id AND s.state = '{SegmentState.PENDING}' AND NOT s.parked
                  AND s.not_before IS NOT NULL AND s.not_before > now()
        ) delayed
        CROSS JOIN LATERAL (
            SELECT due.id, due.step, row_number() OVER (ORDER BY due.video_id, due.index) AS place
            FROM (
                SELECT s.id, s.step, s.video_id, s.index FROM segments s
                WHERE s.job_id = j.id AND s.state = '{SegmentState.PENDING}' AND NOT s.parked
                      AND (s.not_before IS NULL OR s.not_before <= now())
                ORDER BY s.video_id, s.index
                LIMIT greatest(0, :window - f.n - delayed.n)
            ) due
        ) g
        WHERE j.state = '{JobState.RUNNING}' AND j.finished_at IS NULL
    )
    SELECT id, job_id, step, express, {_NEXT_TURN} FROM (
        SELECT due.*, {_EXPRESS}, row_number() OVER (PARTITION BY step ORDER BY turn, job_id) AS rank
        FROM due
    ) ranked
    WHERE express OR step = '{Stage.READ}' OR rank <= (SELECT n FROM room)
    ORDER BY turn, id
    """
)

#: Never waits for a job whose row is being counted up: who ends a video holds it last, and a share is approximate.
CHARGE = {
    column: text(
        f"""
        UPDATE jobs SET {column} = charged.turn
        FROM unnest(CAST(:jobs AS bigint[]), CAST(:turns AS float[])) AS charged (id, turn)
        WHERE jobs.id = charged.id
              AND jobs.id IN (SELECT id FROM jobs WHERE id = ANY (:jobs) FOR NO KEY UPDATE SKIP LOCKED)
        """
    )
    for column in ("turn", "video_turn")
}

_OWED = f"""
    SELECT o.id, o.kind FROM outbox o
    WHERE o.job_id = j.id AND o.sent_at IS NULL AND (j.state = '{JobState.RUNNING}' OR o.kind = '{AGGREGATE}')
"""
_FIRST = "ORDER BY o.kind, o.id LIMIT greatest(0, :window - f.n)"
#: What was tried before and what never was take turns: files that cannot be reached would come first for half an hour.
MESSAGES = text(
    f"""
    WITH flying AS MATERIALIZED (
        SELECT job_id, count(*) AS n FROM outbox WHERE sent_at IS NOT NULL GROUP BY job_id
    ), clock AS ({_clock("video_turn")}), due AS (
        SELECT g.id, j.id AS job_id, {_TURN} AS begins
        FROM jobs j
        CROSS JOIN clock
        {_turns("video_turn")}
        CROSS JOIN LATERAL (
            SELECT coalesce((SELECT n FROM flying WHERE job_id = j.id), 0) AS n
        ) f
        CROSS JOIN LATERAL (
            SELECT due.id, row_number() OVER (ORDER BY due.kind, due.number, due.again) AS place
            FROM (
                SELECT new.*, row_number() OVER (ORDER BY new.kind, new.id) AS number, false AS again
                FROM ({_OWED} AND o.not_before IS NULL {_FIRST}) new
                UNION ALL
                SELECT old.*, row_number() OVER (ORDER BY old.kind, old.id) AS number, true AS again
                FROM ({_OWED} AND o.not_before <= now() {_FIRST}) old
            ) due
            ORDER BY place
            LIMIT greatest(0, :window - f.n)
        ) g
        WHERE j.finished_at IS NULL
    )
    SELECT id, job_id, express, {_NEXT_TURN} FROM (
        SELECT due.*, {_EXPRESS}, row_number() OVER (ORDER BY turn, job_id) AS rank FROM due
    ) ranked
    WHERE express OR rank <= :window - (SELECT coalesce(sum(n), 0) FROM flying)
    ORDER BY turn, id
    """
)
