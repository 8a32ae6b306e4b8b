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

import json
from dataclasses import replace
from pathlib import Path

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from db.models import OutboxRow, Segment, Video
from db.named_sql import statements
from db.queue.outbox import Message
from db.queue.segment_moves import Dispatched, described
from db.states import Priority, SegmentState, Stage

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

#: `scheduler.sql`, by name.
SQL = statements(Path(__file__).with_suffix(".sql"))
#: What every choice is given: how jobs of different weight share.
SHARES = {"weights": json.dumps(WEIGHTS), "express_jobs": EXPRESS_JOBS}


def take_pending(db: Session, window: int, least_depth: int = LEAST_DEPTH) -> list[Dispatched]:
    """Give segments that are due their attempt number and move them on; the caller sends them after the commit.

    At most `window` of a job are in flight or wait for another attempt. Returns nothing while another dispatches.
    """
    if not _alone(db):
        return []
    asked = {**SHARES, "window": window, "least_depth": least_depth, "express_every_s": EXPRESS_EVERY_S}
    due = db.execute(SQL["due_segments"], asked).all()
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
    _charge(db, "charge_segments", {row.job_id: row.next_turn for row in charged})
    return [replace(by_id[row.id], express=row.id in express) for row in due if row.id in by_id]


def take_messages(db: Session, window: int) -> list[Message]:
    """Mark steps on whole videos as sent and return them, aggregations of a job first; the caller sends them now.

    At most `window` are on the way; a paused job's files are not opened. Returns nothing while another dispatches.
    """
    if not _alone(db):
        return []
    due = db.execute(SQL["due_video_tasks"], {**SHARES, "window": window}).all()
    if not due:
        return []
    express = {row.id for row in due if row.express}
    sent = db.execute(
        update(OutboxRow)
        .where(OutboxRow.id.in_([row.id for row in due]), OutboxRow.sent_at.is_(None), Video.id == OutboxRow.key)
        .values(sent_at=func.now(), sends=OutboxRow.sends + 1, lease_until=None, not_before=None)
        .returning(OutboxRow.id, OutboxRow.kind, OutboxRow.key, Video.path, Video.duration_s, Video.job_id)
        .execution_options(synchronize_session=False)
    )
    messages = {
        row.id: Message(row.id, row.kind, row.key, row.path, row.id in express, row.duration_s or 0.0, row.job_id)
        for row in sent
    }
    _charge(db, "charge_video_tasks", {row.job_id: row.next_turn for row in due if row.id in messages})
    return [messages[row.id] for row in due if row.id in messages]


def _alone(db: Session) -> bool:
    return bool(db.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": DISPATCH_LOCK}).scalar_one())


def _charge(db: Session, statement: str, turns: dict[int, float]) -> None:
    """Store the jobs' next turns; `turns` is in the order in which they were given, the last of a job counts."""
    db.execute(SQL[statement], {"jobs": list(turns), "turns": list(turns.values())})
