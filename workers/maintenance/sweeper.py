"""Sends on what stands still: lost workers, lost messages, a Redis that came back empty; and cleans up."""

from __future__ import annotations

import logging

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.engine import retrying, session, single
from db.jobs import cancel, uploads
from db.jobs.videos import end_video
from db.queue import last_sweep, outbox, segment_moves, unreachable
from db.states import SegmentState, VideoState
from workers.celery_app.app import CONTROL, DETECT, READ, express
from workers.dispatch import pump, send_segments, waiting
from workers.maintenance.apply_retention import apply_retention
from workers.maintenance.store_gc import clear_deletions
from workers.settings import settings

log = logging.getLogger(__name__)

#: One sweep at a time in the whole fleet; the others return at once.
SWEEP_LOCK = 0x53574550
_CLEAR_LOCK = 0x434C5253


def sweep() -> int:
    """Look for everything that stands still and send it on; returns how many messages went out."""
    config = settings()
    url = config.require_database()
    with session(url) as db:
        if not db.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": SWEEP_LOCK}).scalar_one():
            return 0
        if last_sweep.paused(db, config.lease_s / 2):
            # PostgreSQL, Redis or all control workers were away: whoever lives could not renew, and is given the time.
            log.warning("Nothing was swept for a while; every holder gets a whole lease.")
            segment_moves.prolong_all(db, config.lease_s)
            outbox.prolong_all(db, config.lease_s)
        _give_up_lost(db)
        unreachable.unpark(db)
        outbox.resend_lost(db)
        outbox.resend_quiet(db, _lost_after_s(CONTROL))
        stranded = [
            segment
            for step, queue in ((SegmentState.QUEUED, DETECT), (SegmentState.DETECTED, READ))
            for segment in segment_moves.stranded(db, step, _lost_after_s(queue))
        ]
    _end_exhausted(url)
    sent = send_segments(stranded)
    for job_id in cancel.cancelled_jobs(url):
        cancel.end_cancelled(url, job_id)
    return sent + pump()


def clear() -> int:
    """Delete what has been kept long enough, and the files that have to go; returns how many files or folders went."""
    url = settings().require_database()
    # Held by the connection, over several transactions: two that clear the same folder would get in each other's way.
    with single(url) as connection:
        if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _CLEAR_LOCK}).scalar_one():
            return 0
        try:
            apply_retention(url)
            retrying(url, uploads.forget_expired)
            return clear_deletions(url)
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _CLEAR_LOCK})


def _give_up_lost(db: Session) -> None:
    for segment_id, attempt in segment_moves.lost(db):
        log.warning("Segment %d, attempt %d: its worker went silent; it is sent out again.", segment_id, attempt)
        segment_moves.lost_attempt(db, segment_id, attempt, "Its worker went silent.", settings().retry_delay_s)


def _end_exhausted(url: str) -> None:
    # Each in its own transaction: ending a video locks its job, and the next video may be held by one who waits for it.
    with session(url) as db:
        exhausted = outbox.exhausted(db)
    for kind, video_id, problem in exhausted:
        what = "Opening it" if kind == outbox.PROBE else "Putting its plates together"
        sentence = f"{what} was given up after {outbox.MAX_FAILURES} tries: {problem}"
        log.error("Video %d: %s", video_id, sentence)
        with session(url) as db:
            cancelled = kind == outbox.AGGREGATE and cancel.is_cancelled(db, video_id)
            end_video(db, video_id, VideoState.CANCELLED if cancelled else VideoState.FAILED, sentence)


def _lost_after_s(queue: str) -> float:
    """How long a message of that queue may stay away before it counts as lost."""
    busy = waiting(queue) or waiting(express(queue))
    return settings().quiet_busy_s if busy else settings().quiet_s
