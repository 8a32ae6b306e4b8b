"""Re-drives what went quiet: lost workers, lost messages, a Redis that came back empty."""

from __future__ import annotations

import logging

import redis
from sqlalchemy import text

from db import moves, outbox
from db.engine import session
from pipeline.records import SegmentState
from workers.app import CONTROL, DETECT, READ
from workers.dispatch import pump, send_segment
from workers.settings import settings

log = logging.getLogger(__name__)

#: A message may wait this long on a queue that has work; on an empty queue its message is gone.
QUIET_BUSY_S = 900.0
#: A segment that waits while its queue is empty: its message is lost, or a worker has just taken it.
QUIET_EMPTY_S = 10.0
#: A probe or an aggregation that has not answered for this long, with nothing waiting before it, is sent again.
QUIET_VIDEO_S = 60.0
#: One sweep at a time in the whole fleet; the others return at once.
_LOCK = 0x53574550


def sweep() -> int:
    """Look for everything that stands still and send it on; returns how many messages went out."""
    config = settings()
    url = config.require_database()
    with session(url) as db:
        if not db.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}).scalar_one():
            return 0
        for segment_id, attempt in moves.lost(db):
            log.warning("Segment %d, attempt %d: its worker went silent; it is sent out again.", segment_id, attempt)
            moves.failed(db, segment_id, attempt, "Its worker went silent.")
        if not _waiting(CONTROL):
            outbox.resend_quiet(db, QUIET_VIDEO_S)
        stranded = [
            segment
            for step, queue in ((SegmentState.QUEUED, DETECT), (SegmentState.DETECTED, READ))
            for segment in moves.stranded(db, step, _patience(queue))
        ]
    for segment in stranded:
        send_segment(segment)
    return len(stranded) + pump()


def _patience(queue: str) -> float:
    """How long a message of that queue may stay away before it counts as lost."""
    return QUIET_BUSY_S if _waiting(queue) else QUIET_EMPTY_S


def _waiting(queue: str) -> int:
    """Messages on a queue that no worker has taken yet."""
    with redis.Redis.from_url(settings().require_redis(), socket_timeout=5) as client:
        return int(client.llen(queue))
