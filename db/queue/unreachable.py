"""Segments of videos that cannot be reached: they wait without using up attempts, and are given up as a whole.

Of such a video one segment at a time looks whether it is back, the *canary*. The others are *parked*: nobody sends them
out, and they take up none of their job's window, so that the job goes on with its other videos.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.queue import segment_moves
from db.queue.segment_moves import TROUBLE_DELAY_S
from db.states import HELD, IN_FLIGHT, SegmentState, Stage, listed

#: A video that could not be reached for so long is given up as a whole, in seconds.
AWAY_S = 1800.0
#: Where nobody has looked for longer than this, the time begins anew: its job may have been paused, or what took the
#: workers down took the server along. Seconds.
LOOKED_S = 300.0
#: A canary waits a tenth of the time for which its video has been away, and no longer than this. Seconds.
LONGEST_LOOK_DELAY_S = 120.0
#: Segments that are let go in one sweep.
_BATCH = 5_000


def unreachable(
    db: Session,
    segment_id: int,
    attempt: int,
    reason: str,
    longest_s: float = AWAY_S,
    delay_s: float = TROUBLE_DELAY_S,
) -> bool:
    """Back to pending without counting it: its video cannot be reached. False where the attempt was stale.

    Where that has been so for longer than `longest_s`, the video is given up: this segment and all that wait for it
    are quarantined with the same sentence. Those that only wait to be read need no video, and go on.
    """
    values = {"segment": segment_id, "attempt": attempt, "longest_s": longest_s}
    video = db.execute(_AWAY, values).mappings().one_or_none()
    if video is None:
        return False
    if video["too_long"]:
        reason = f"Its video was away for more than {longest_s:g} s: {reason}"
        ended = db.execute(_GIVE_UP, {"segment": segment_id, "video": video["id"], "reason": reason}).scalars()
        segment_moves.count_quarantined(db, video["id"], ended.all())
        return True
    delay_s = later(delay_s, note(db, video["id"]))
    db.execute(_PARK, {"video": video["id"]})
    parked = bool(db.execute(_HAS_CANARY, {"video": video["id"], "but": segment_id}).scalar_one())
    return segment_moves.put_back(db, segment_id, attempt, reason, delay_s, parked=parked)


def note(db: Session, video_id: int) -> float:
    """Somebody has looked for a video in vain; returns for how long it has been away, in seconds."""
    return float(db.execute(_NOTE, {"video": video_id}).scalar_one_or_none() or 0.0)


def too_long(db: Session, video_id: int, longest_s: float) -> bool:
    """Whether a video has been looked for in vain for longer than that."""
    return bool(db.execute(_IS_TOO_LONG, {"video": video_id, "longest_s": longest_s}).scalar_one())


def later(delay_s: float, away_s: float) -> float:
    """How long to wait before the next look at what has been away for `away_s` seconds."""
    return max(delay_s, min(LONGEST_LOOK_DELAY_S, away_s / 10))


def unpark(db: Session) -> int:
    """Let go what waited for videos that are there again, and a canary of each that has none; returns how many.

    The sweeper's work alone, so that no worker has to know which of the others sees the video first.
    """
    return len(db.execute(UNPARK, {"most": _BATCH}).all()) + len(db.execute(NEXT_CANARY).all())


_JUST_LOOKED = f"away_looked_at > now() - {LOOKED_S} * interval '1 second'"
_TOO_LONG = f"coalesce(v.away_since < now() - :longest_s * interval '1 second' AND v.{_JUST_LOOKED}, false)"
_IS_TOO_LONG = text(f"SELECT {_TOO_LONG} FROM videos v WHERE v.id = :video")

#: The segment and its video, the segment locked.
_AWAY = text(
    f"""
    SELECT v.id, {_TOO_LONG} AS too_long
    FROM segments g JOIN videos v ON v.id = g.video_id
    WHERE g.id = :segment AND g.attempt = :attempt
          AND g.state IN {listed(HELD)}
    FOR UPDATE OF g
    """
)

#: Not where it has ended meanwhile: its job may have been cancelled.
_NOTE = text(
    f"""
    UPDATE videos SET
        away_since = CASE WHEN {_JUST_LOOKED} THEN coalesce(away_since, now()) ELSE now() END,
        away_looked_at = now()
    WHERE id = :video AND finished_at IS NULL
    RETURNING extract(epoch FROM now() - away_since)
    """
)

_WAITING = f"state = '{SegmentState.PENDING}' AND step = '{Stage.DETECT}'"

#: Never waits: what a dispatcher has taken meanwhile will see for itself.
_PARK = text(
    f"""
    UPDATE segments SET parked = true
    WHERE id IN (
        SELECT id FROM segments WHERE video_id = :video AND {_WAITING} AND NOT parked FOR UPDATE SKIP LOCKED
    )
    """
)

#: Locked in one order, as whoever locks several segments does.
_GIVE_UP = text(
    f"""
    UPDATE segments
    SET state = '{SegmentState.QUARANTINED}', problem = :reason, lease_until = NULL, not_before = NULL, parked = false,
        moved_at = now()
    WHERE id IN (
        SELECT id FROM segments WHERE video_id = :video AND (id = :segment OR ({_WAITING})) ORDER BY id FOR UPDATE
    )
    RETURNING end_s - start_s AS length_s
    """
)

#: One that waits for its turn or its delay, or is on the way.
_ON_ITS_WAY = f"(state = '{SegmentState.PENDING}' AND NOT parked) OR state IN {listed(IN_FLIGHT)}"
_ON_ITS_WAY = f"(state = '{SegmentState.PENDING}' AND NOT parked) OR state IN {listed(IN_FLIGHT)}"
_CANARY = f"step = '{Stage.DETECT}' AND ({_ON_ITS_WAY})"

_HAS_CANARY = text(f"SELECT EXISTS (SELECT 1 FROM segments WHERE video_id = :video AND id <> :but AND {_CANARY})")

UNPARK = text(
    """
    UPDATE segments SET parked = false
    WHERE id IN (
        SELECT g.id FROM segments g JOIN videos v ON v.id = g.video_id
        WHERE g.parked AND v.away_since IS NULL LIMIT :most FOR UPDATE OF g SKIP LOCKED
    )
    RETURNING id
    """
)

#: Where the last one failed for reasons of its own.
NEXT_CANARY = text(
    f"""
    UPDATE segments SET parked = false
    WHERE parked AND id IN (
        SELECT (SELECT min(p.id) FROM segments p WHERE p.job_id = w.job_id AND p.video_id = w.video_id AND p.parked)
        FROM (SELECT DISTINCT job_id, video_id FROM segments WHERE parked) w
        WHERE NOT EXISTS (SELECT 1 FROM segments WHERE video_id = w.video_id AND {_CANARY})
    )
    RETURNING id
    """
)
