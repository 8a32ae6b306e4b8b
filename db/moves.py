"""How segments move: the only code that changes a segment's state.

    pending → queued → detecting → detected → reading → done
       ▲         │          │          │         │
       └─────────┴──────────┴──────────┴─────────┘   lost or failed: back, with attempt + 1,
                                                     and quarantined after MAX_ATTEMPTS

Each time a segment is sent out it gets a new attempt number, and the number travels in the message. A message whose
number is not the row's is stale and changes nothing; so redelivery, a worker that was only slow, and a message that
turns up after its segment was given to somebody else are all harmless.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, exists, func, select, text, update
from sqlalchemy.orm import Session

from db.models import Segment, Video
from db.outbox import AGGREGATE, post
from pipeline.records import SegmentSpan, SegmentState, VideoState

#: After this many failures the stretch is given up, with its reason, and the video goes on without it.
MAX_ATTEMPTS = 4
#: Wait before the second attempt, in seconds; doubles with each further one.
RETRY_DELAY_S = 2.0

_HELD = (SegmentState.DETECTING, SegmentState.READING)


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A segment that has just been given its attempt number and must now be put on the queue."""

    segment_id: int
    attempt: int
    video: str
    index: int
    #: Length of the stretch.
    duration_s: float = 0.0
    #: True where its tracklets are already stored and only the reading is missing.
    only_read: bool = False


def take_pending(db: Session, window: int) -> list[Dispatched]:
    """Move pending segments to `queued`, at most `window` of a job in flight, round-robin between jobs."""
    ids = [row.id for row in db.execute(_PENDING, {"window": window})]
    if not ids:
        return []
    # Locked in one order and without waiting: another dispatcher that chose the same rows takes them, or we do.
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
        .values(state=SegmentState.QUEUED, attempt=Segment.attempt + 1, moved_at=func.now(), lease_until=None)
        .returning(Segment.id)
    ).scalars()
    taken = {d.segment_id: d for d in _described(db, list(moved))}
    return [taken[i] for i in ids if i in taken]


_PENDING = text(
    """
    SELECT g.id
    FROM jobs j
    CROSS JOIN LATERAL (
        SELECT count(*) AS flying
        FROM segments s JOIN videos v ON v.id = s.video_id
        WHERE v.job_id = j.id AND s.state IN ('queued', 'detecting', 'detected', 'reading')
    ) f
    CROSS JOIN LATERAL (
        SELECT due.id, row_number() OVER (ORDER BY due.video_id, due.index) AS place
        FROM (
            SELECT s.id, s.video_id, s.index
            FROM videos v JOIN segments s ON s.video_id = v.id
            WHERE v.job_id = j.id AND v.finished_at IS NULL AND s.state = 'pending'
              AND (s.not_before IS NULL OR s.not_before <= now())
            ORDER BY s.video_id, s.index
            LIMIT greatest(0, :window - f.flying)
        ) due
    ) g
    WHERE j.finished_at IS NULL
    ORDER BY g.place, j.id
    """
)


def begin(
    db: Session, segment_id: int, attempt: int, step: SegmentState, worker: str, lease_s: float
) -> Segment | None:
    """Take the lease on a segment for `detecting` or `reading`; None where the message is stale or another holds it."""
    before = SegmentState.QUEUED if step is SegmentState.DETECTING else SegmentState.DETECTED
    claimed = db.execute(
        update(Segment)
        .where(Segment.id == segment_id, Segment.attempt == attempt, Segment.state == before)
        .values(state=step, worker=worker, moved_at=func.now(), lease_until=_in(lease_s))
        .returning(Segment)
    ).scalar_one_or_none()
    return claimed


def renew(db: Session, segment_id: int, attempt: int, lease_s: float) -> bool:
    """Prolong the lease; False where it has been lost."""
    held = db.execute(
        update(Segment)
        .where(Segment.id == segment_id, Segment.attempt == attempt, Segment.state.in_(_HELD))
        .values(lease_until=_in(lease_s))
        .returning(Segment.id)
    )
    return held.scalar_one_or_none() is not None


def hold(db: Session, segment_id: int, attempt: int, step: SegmentState) -> Segment | None:
    """Lock the segment's row for storing its result; None where the attempt has been overtaken."""
    return db.execute(
        select(Segment)
        .where(Segment.id == segment_id, Segment.attempt == attempt, Segment.state == step)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()


def detected(segment: Segment, frames_looked: int, damage: str | None) -> None:
    """The tracklets are stored: on to the read queue."""
    segment.state = SegmentState.DETECTED
    segment.frames_looked = frames_looked
    segment.problem = damage
    segment.lease_until = None
    segment.moved_at = func.now()


def finished(db: Session, segment: Segment) -> None:
    """The readings are stored; when it was the video's last segment, its aggregation is posted."""
    _end(db, segment, SegmentState.DONE)


def failed(db: Session, segment_id: int, attempt: int, reason: str) -> bool:
    """Give an attempt up: back to pending after a growing delay, or to quarantine. False where it was stale."""
    segment = db.execute(
        select(Segment)
        .where(Segment.id == segment_id, Segment.attempt == attempt)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if segment is None or segment.state.ended or segment.state is SegmentState.PENDING:
        return False
    segment.problem = reason
    if segment.attempt >= MAX_ATTEMPTS:
        _end(db, segment, SegmentState.QUARANTINED)
    else:
        segment.state = SegmentState.PENDING
        segment.lease_until = None
        segment.moved_at = func.now()
        segment.not_before = _in(RETRY_DELAY_S * 2 ** (segment.attempt - 1))
    return True


def lost(db: Session) -> list[tuple[int, int]]:
    """(segment, attempt) pairs whose worker let the lease run out, locked until the transaction ends.

    Locked here, all at once: every way through this module locks segments first and their video last, so that the
    sweeper, which gives up several segments in one transaction, cannot wait for a worker that waits for it. A
    worker that is storing its result this very moment is skipped.
    """
    rows = db.execute(
        select(Segment.id, Segment.attempt)
        .where(Segment.state.in_(_HELD), Segment.lease_until < func.now())
        .order_by(Segment.id)
        .limit(500)
        .with_for_update(skip_locked=True)
    )
    return [(row.id, row.attempt) for row in rows]


def stranded(db: Session, step: SegmentState, quiet_s: float) -> list[Dispatched]:
    """Segments waiting in `queued` or `detected` for longer than `quiet_s`, to be sent again as they are.

    The attempt number stays: should the first message still be somewhere, whichever comes first is taken.
    """
    ids = db.execute(
        update(Segment)
        .where(Segment.id.in_(_quiet(step, quiet_s)), Segment.state == step)
        .values(moved_at=func.now())
        .returning(Segment.id)
    ).scalars()
    return _described(db, list(ids))


def add_segments(db: Session, video_id: int, spans: Sequence[tuple[SegmentSpan, float, float]]) -> None:
    """Insert a video's segments, `(span, start_s, end_s)` each, ready to be sent out."""
    db.add_all(
        Segment(
            video_id=video_id,
            index=span.index,
            start_pts=span.start_pts,
            end_pts=span.end_pts,
            start_s=start_s,
            end_s=end_s,
            state=SegmentState.PENDING,
            attempt=0,
        )
        for span, start_s, end_s in spans
    )


def _quiet(step: SegmentState, quiet_s: float) -> ScalarSelect[int]:
    return (
        select(Segment.id)
        .where(Segment.state == step, Segment.moved_at < _in(-quiet_s))
        .limit(500)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )


def _end(db: Session, segment: Segment, state: SegmentState) -> None:
    # The video's row is the barrier: whoever ends a segment holds it, so the last one sees all the others.
    db.execute(select(Video.id).where(Video.id == segment.video_id).with_for_update())
    segment.state = state
    segment.lease_until = None
    segment.moved_at = func.now()
    db.flush()
    unfinished = exists().where(
        Segment.video_id == segment.video_id,
        Segment.state.not_in((SegmentState.DONE, SegmentState.QUARANTINED)),
    )
    closed = db.execute(
        update(Video)
        .where(Video.id == segment.video_id, Video.state == VideoState.PROCESSING, ~unfinished)
        .values(state=VideoState.AGGREGATING)
        .returning(Video.id)
    ).scalar_one_or_none()
    if closed is not None:
        post(db, AGGREGATE, segment.video_id)


def _described(db: Session, ids: Sequence[int]) -> list[Dispatched]:
    if not ids:
        return []
    rows = db.execute(
        select(Segment, Video.path).join(Video, Video.id == Segment.video_id).where(Segment.id.in_(ids))
    ).all()
    described = [
        Dispatched(
            segment_id=segment.id,
            attempt=segment.attempt,
            video=path,
            index=segment.index,
            duration_s=segment.end_s - segment.start_s,
            only_read=segment.state is SegmentState.DETECTED,
        )
        for segment, path in rows
    ]
    return sorted(described, key=lambda d: d.segment_id)


def _in(seconds: float) -> ColumnElement[dt.datetime]:
    """A moment on the database's clock, the only one that all machines share."""
    return func.now() + dt.timedelta(seconds=seconds)
