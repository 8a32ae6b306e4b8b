"""Moves segments from state to state: with `db.jobs`, the only code that changes a segment's state.

    pending → queued → detecting → detected → reading → done     (detecting → done where nothing was found)
       ▲                   │                     │
       └───────────────────┴─────────────────────┘   failed, lost or put back; quarantined after MAX_FAILURES, or
                                                     where its video is away for too long (`db.queue.unreachable`)

Each time a segment is sent out it gets a new attempt number, and the number travels in the message. A message whose
number is not the row's is stale and changes nothing; so redelivery, a worker that was only slow, and a message that
turns up after its segment was given to somebody else are all harmless.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, insert, select, update
from sqlalchemy.orm import Session

from db.engine import Executor
from db.models import Segment, Video
from db.queue import segment_statements as statements
from db.states import HELD, SegmentState, Stage
from pipeline.records import SegmentSpan

#: After this many errors, or so many workers that died over it, the segment is given up with its reason, and the video
#: goes on without it. A worker may die for reasons of its own; an error is the segment's.
MAX_FAILURES, MAX_LOSSES = 4, 5
#: Wait before the second attempt, in seconds; doubles with each further one, up to the longest, each time 50 to 100% of
#: it: what failed together shall not come back together.
RETRY_DELAY_S, LONGEST_DELAY_S = 2.0, 300.0
#: Wait after an infrastructure failure: a full disk is not emptied in two seconds.
TROUBLE_DELAY_S = 20.0


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A segment that has just been given its attempt number and must now be put on the queue."""

    segment_id: int
    attempt: int
    video: str
    index: int
    #: Length of the segment.
    duration_s: float = 0.0
    #: True where its tracklets are already stored and only the reading is missing.
    only_read: bool = False
    #: Its job has nothing else on the way: it goes to the queue that is looked at first.
    express: bool = False
    #: For people, as the video is.
    job: int = 0


def begin(
    db: Executor, segment_id: int, attempt: int, step: SegmentState, worker: str, lease_s: float
) -> dict[str, Any] | None:
    """Take the lease on a segment for `detecting` or `reading`; None where the message is stale or another holds it.

    Returns what the work needs of segment, video and job, in one round trip: `covered` says whether the segment was
    done before; `reading` also gets the crops that are to be read, best first, and whether the clock on the video's
    screen was. A cancelled job's segments are not begun.
    """
    before = SegmentState.QUEUED if step is SegmentState.DETECTING else SegmentState.DETECTED
    values = {
        "segment": segment_id, "attempt": attempt, "before": before, "step": step, "worker": worker, "lease_s": lease_s,
    }  # fmt: skip
    needed: dict[str, Any] | None = db.execute(statements.BEGIN[step], values).scalar_one_or_none()
    return needed


def renew(db: Executor, segment_id: int, attempt: int, lease_s: float) -> bool:
    """Prolong the lease; False where it has been lost."""
    values = {"segment": segment_id, "attempt": attempt, "lease_s": lease_s}
    return db.execute(statements.RENEW, values).scalar_one_or_none() is not None


def detected(
    db: Executor,
    segment_id: int,
    attempt: int,
    frames_looked: int,
    damage: str | None,
    tracklets: Sequence[dict[str, Any]] = (),
    *,
    provisional: bool = False,
) -> bool:
    """Store what was found, as `tracklets_json` gives it, and go on to the read queue.

    False, with nothing changed, where the attempt has been overtaken. Of earlier attempts nothing may be left
    (`forget_tracklets`). Tracklets that are `provisional` stand beside those of when the segment was done before.
    """
    values = {
        "segment": segment_id, "attempt": attempt, "frames_looked": frames_looked, "damage": damage,
        "tracklets": json.dumps(tracklets), "provisional": provisional,
    }  # fmt: skip
    return db.execute(statements.DETECTED, values).scalar_one_or_none() is not None


def nothing_to_read(db: Executor, segment_id: int, attempt: int, frames_looked: int, damage: str | None) -> bool:
    """Done without reading: no plate was found. False, with nothing changed, where the attempt has been overtaken."""
    values = {"segment": segment_id, "attempt": attempt, "frames_looked": frames_looked, "damage": damage}
    return db.execute(statements.NOTHING_TO_READ, values).scalar_one_or_none() is not None


def finished(db: Executor, segment_id: int, attempt: int, readings: Sequence[dict[str, Any]] = ()) -> bool:
    """Store the readings, as `readings_json` gives them, in place of earlier ones, and end the segment.

    False, with nothing changed, where the attempt was overtaken. When it was the video's last segment, its aggregation
    is posted.
    """
    values = {"segment": segment_id, "attempt": attempt, "readings": json.dumps(readings)}
    return db.execute(statements.FINISHED, values).scalar_one_or_none() is not None


def failed(
    db: Session, segment_id: int, attempt: int, reason: str, from_detect: bool = False, retry_s: float = RETRY_DELAY_S
) -> bool:
    """Count an error: back to pending after a growing delay, or to quarantine. False where the attempt was stale.

    `from_detect` begins the next attempt with detection although the tracklets are stored: their pictures are gone.
    """
    return _give_up(db, segment_id, attempt, reason, retry_s, lost=False, from_detect=from_detect)


def hopeless(db: Session, segment_id: int, attempt: int, reason: str) -> bool:
    """To quarantine at once: no attempt can succeed. False where this one was stale."""
    values = {"problem": reason, "failures": Segment.failures + 1, "lease_until": None}
    return _quarantine(db, segment_id, attempt, values)


def lost_attempt(db: Session, segment_id: int, attempt: int, reason: str, retry_s: float = RETRY_DELAY_S) -> bool:
    """Count a worker that went silent, as `failed` counts an error."""
    return _give_up(db, segment_id, attempt, reason, retry_s, lost=True, from_detect=False)


def put_back(
    db: Session,
    segment_id: int,
    attempt: int,
    reason: str,
    delay_s: float = TROUBLE_DELAY_S,
    *,
    parked: bool = False,
) -> bool:
    """Back to pending without using up an attempt: the infrastructure failed, not the segment."""
    return _back(db, segment_id, attempt, {"problem": reason, "parked": parked}, delay_s)


def lost(db: Session) -> list[tuple[int, int]]:
    """(segment, attempt) pairs whose worker let the lease run out, locked until the transaction ends.

    Locked here, all at once: every way through this module locks segments first and their video last, so that the
    sweeper, which gives up several segments in one transaction, cannot wait for a worker that waits for it. A
    worker that is storing its result this very moment is skipped.
    """
    rows = db.execute(
        select(Segment.id, Segment.attempt)
        .where(Segment.state.in_(HELD), Segment.lease_until < func.now())
        .order_by(Segment.id)
        .limit(500)
        .with_for_update(skip_locked=True)
    )
    return [(row.id, row.attempt) for row in rows]


def prolong_all(db: Session, lease_s: float) -> None:
    """Give every holder a whole lease: nobody could renew while the database or the sweeper was away."""
    db.execute(
        update(Segment)
        .where(Segment.state.in_(HELD))
        .values(lease_until=_in(lease_s))
        .execution_options(synchronize_session=False)
    )


def stranded(db: Session, step: SegmentState, quiet_s: float) -> list[Dispatched]:
    """Segments waiting in `queued` or `detected` for longer than `quiet_s`, to be sent again as they are.

    The attempt number stays: should the first message still be somewhere, whichever comes first is taken.
    """
    ids = db.execute(
        update(Segment)
        .where(Segment.id.in_(_quiet(step, quiet_s)), Segment.state == step)
        .values(moved_at=func.now())
        .returning(Segment.id)
        .execution_options(synchronize_session=False)
    ).scalars()
    return described(db, list(ids))


def add_segments(db: Session, job_id: int, video_id: int, spans: Sequence[tuple[SegmentSpan, float, float]]) -> None:
    """Insert a video's segments, `(span, start_s, end_s)` each, ready to be sent out. The caller counts them."""
    db.execute(
        insert(Segment),
        [
            {
                "job_id": job_id,
                "video_id": video_id,
                "index": span.index,
                "start_pts": span.start_pts,
                "end_pts": span.end_pts,
                "start_s": start_s,
                "end_s": end_s,
                "state": SegmentState.PENDING,
            }
            for span, start_s, end_s in spans
        ],
    )


def described(db: Session, ids: Sequence[int]) -> list[Dispatched]:
    """What the dispatcher needs to send these segments out, by id."""
    if not ids:
        return []
    rows = db.execute(
        select(
            Segment.id,
            Segment.attempt,
            Segment.index.label("number"),
            Segment.start_s,
            Segment.end_s,
            Segment.state,
            Segment.job_id,
            Video.path,
        )
        .join(Video, Video.id == Segment.video_id)
        .where(Segment.id.in_(ids))
        .order_by(Segment.id)
    )
    return [
        Dispatched(
            segment_id=row.id,
            attempt=row.attempt,
            video=row.path,
            index=row.number,
            duration_s=row.end_s - row.start_s,
            only_read=row.state is SegmentState.DETECTED,
            job=row.job_id,
        )
        for row in rows
    ]


def _quiet(step: SegmentState, quiet_s: float) -> ScalarSelect[int]:
    return (
        select(Segment.id)
        .where(Segment.state == step, Segment.moved_at < _in(-quiet_s))
        .limit(500)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )


def _give_up(
    db: Session, segment_id: int, attempt: int, reason: str, retry_s: float, *, lost: bool, from_detect: bool
) -> bool:
    segment = db.execute(
        select(Segment.failures, Segment.losses)
        .where(Segment.id == segment_id, Segment.attempt == attempt, Segment.state.in_(HELD))
        .with_for_update()
    ).one_or_none()
    if segment is None:
        return False
    failures, losses = segment.failures + (not lost), segment.losses + lost
    values: dict[str, Any] = {"problem": reason, "failures": failures, "losses": losses, "lease_until": None}
    if from_detect:
        values["step"] = Stage.DETECT
    if failures >= MAX_FAILURES or losses >= MAX_LOSSES:
        return _quarantine(db, segment_id, attempt, values)
    delay_s = min(LONGEST_DELAY_S, retry_s * 2 ** (failures + losses - 1))
    return _back(db, segment_id, attempt, values, delay_s)


def _back(db: Session, segment_id: int, attempt: int, values: dict[str, Any], delay_s: float) -> bool:
    moved = db.execute(
        update(Segment)
        .where(Segment.id == segment_id, Segment.attempt == attempt, Segment.state.in_(HELD))
        .values(
            state=SegmentState.PENDING,
            lease_until=None,
            moved_at=func.now(),
            not_before=_in(delay_s * random.uniform(0.5, 1.0)),
        )
        .values(values)
        .returning(Segment.id)
        .execution_options(synchronize_session=False)
    )
    return moved.scalar_one_or_none() is not None


def _quarantine(db: Session, segment_id: int, attempt: int, values: dict[str, Any]) -> bool:
    ended = (
        db.execute(
            update(Segment)
            .where(Segment.id == segment_id, Segment.attempt == attempt, Segment.state.in_(HELD))
            .values(state=SegmentState.QUARANTINED, moved_at=func.now())
            .values(values)
            .returning(Segment.video_id, (Segment.end_s - Segment.start_s).label("length_s"))
            .execution_options(synchronize_session=False)
        )
        .mappings()
        .one_or_none()
    )
    if ended is None:
        return False
    count_quarantined(db, ended["video_id"], [ended["length_s"]])
    return True


def count_quarantined(db: Session, video_id: int, lengths_s: Sequence[float]) -> None:
    """Count segments that have just been quarantined, given by their lengths, in their video."""
    db.execute(
        statements.COUNT_QUARANTINED, {"video": video_id, "quarantined": len(lengths_s), "length_s": sum(lengths_s)}
    )


def _in(seconds: float) -> ColumnElement[dt.datetime]:
    """A moment on the database's clock, the only one that all machines share."""
    return func.now() + dt.timedelta(seconds=seconds)
