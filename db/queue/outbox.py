"""Video tasks (probe, aggregate): written with the rows that make them due, sent afterwards, deleted when done."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models import OutboxRow, Video
from db.states import VideoState

#: Open a registered video and split it; the key is the video.
PROBE = "probe"
#: Stitch a video's tracklets into sightings; the key is the video.
AGGREGATE = "aggregate"
#: A step over which workers died or that failed this often is given up.
MAX_FAILURES = 5
#: Wait before a step is tried again, in seconds; doubles with each further failure, up to the longest.
RETRY_DELAY_S, LONGEST_DELAY_S = 2.0, 300.0


@dataclass(frozen=True, slots=True)
class Message:
    """One message to send."""

    id: int
    kind: str
    key: int
    #: For people: the video's path.
    video: str
    #: Its job has nothing else on the way: it goes to the queue that is looked at first.
    express: bool = False
    #: Length of the video, as far as it is known.
    duration_s: float = 0.0
    #: For people, as the video is.
    job: int = 0


@dataclass(frozen=True, slots=True)
class HeldTask:
    """A step that a worker has begun. `id` is new each time a step is owed, `begins` each time somebody begins it."""

    kind: str
    video_id: int
    id: int
    begins: int
    #: How often it has failed before.
    failures: int
    #: Length of the video, as far as it is known.
    duration_s: float
    job_id: int

    @property
    def token(self) -> str:
        """Tells this attempt from all others at the same step, earlier and later ones."""
        return f"{self.id}-{self.begins}"


def post(db: Session, kind: str, video_id: int) -> None:
    """Owe a step; owing it twice is owing it once, and one already sent is sent again."""
    wanted = select(literal(kind), Video.id, Video.job_id).where(Video.id == video_id)
    statement = insert(OutboxRow).from_select(["kind", "key", "job_id"], wanted)
    again = {
        "sent_at": None, "lease_until": None, "not_before": None, "failures": 0, "problem": None,
        # Whoever is still at it began with what was there before.
        "begins": OutboxRow.begins + 1,
    }  # fmt: skip
    db.execute(statement.on_conflict_do_update(index_elements=["kind", "key"], set_=again))


def post_probes(db: Session, job_id: int, after: int = 0) -> None:
    """Owe the opening of every registered video of a job whose id is above `after`."""
    waiting = select(literal(PROBE), Video.id, Video.job_id).where(
        Video.job_id == job_id,
        Video.state == VideoState.REGISTERED,
        Video.finished_at.is_(None),
        Video.id > after,
    )
    statement = insert(OutboxRow).from_select(["kind", "key", "job_id"], waiting)
    db.execute(statement.on_conflict_do_nothing())


def begin(db: Session, kind: str, video_id: int, lease_s: float) -> HeldTask | None:
    """Take the lease on a step; None where it is done, not owed, or in other hands."""
    length = select(Video.duration_s).where(Video.id == video_id).scalar_subquery()
    row = db.execute(
        update(OutboxRow)
        .where(OutboxRow.kind == kind, OutboxRow.key == video_id)
        .where(or_(OutboxRow.lease_until.is_(None), OutboxRow.lease_until < func.now()))
        .values(
            lease_until=func.now() + dt.timedelta(seconds=lease_s),
            sent_at=func.coalesce(OutboxRow.sent_at, func.now()),
            begins=OutboxRow.begins + 1,
        )
        .returning(OutboxRow.id, OutboxRow.begins, OutboxRow.failures, OutboxRow.job_id, length.label("length_s"))
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        return None
    return HeldTask(kind, video_id, row.id, row.begins, row.failures, row.length_s or 0.0, row.job_id)


def renew(db: Session, held: HeldTask, lease_s: float) -> bool:
    """Prolong the lease; False where the step is done, or was taken for lost."""
    renewed = db.execute(
        update(OutboxRow)
        .where(*_is(held), OutboxRow.lease_until.is_not(None))
        .values(lease_until=func.now() + dt.timedelta(seconds=lease_s))
        .returning(OutboxRow.id)
        .execution_options(synchronize_session=False)
    )
    return renewed.scalar_one_or_none() is not None


def holds(db: Session, held: HeldTask) -> bool:
    """Whether nobody has begun or done the step since; its video, then its row stay locked until the transaction ends.

    To be asked before anything of the step is stored: what comes late changes nothing.
    """
    db.execute(select(Video.id).where(Video.id == held.video_id).with_for_update())
    return db.scalar(select(OutboxRow.id).where(*_is(held)).with_for_update()) is not None


def done(db: Session, kind: str, video_id: int) -> None:
    """The step is done, or no longer wanted; to be called in the transaction that stores what it did."""
    db.execute(delete(OutboxRow).where(OutboxRow.kind == kind, OutboxRow.key == video_id))


def put_back(db: Session, held: HeldTask, reason: str, *, counts: bool, delay_s: float = RETRY_DELAY_S) -> None:
    """Send a step again after a delay, unless it is in other hands by now.

    `counts` where the step failed and not the infrastructure; the delay then doubles with each failure.
    """
    grown_s = delay_s * func.power(2, OutboxRow.failures) if counts else delay_s
    wait_s = func.least(LONGEST_DELAY_S, grown_s) * random.uniform(0.5, 1.0)
    db.execute(
        update(OutboxRow)
        .where(*_is(held))
        .values(
            sent_at=None,
            lease_until=None,
            failures=OutboxRow.failures + int(counts),
            problem=reason,
            not_before=func.now() + wait_s * dt.timedelta(seconds=1),
        )
        .execution_options(synchronize_session=False)
    )


def resend_lost(db: Session) -> int:
    """Owe again the steps whose worker let the lease run out, and count that; returns how many."""
    again = db.execute(
        update(OutboxRow)
        .where(OutboxRow.sent_at.is_not(None), OutboxRow.lease_until < func.now())
        .values(sent_at=None, lease_until=None, failures=OutboxRow.failures + 1, problem="Its worker went silent.")
        .returning(OutboxRow.id)
        .execution_options(synchronize_session=False)
    )
    return len(again.all())


def resend_quiet(db: Session, quiet_s: float) -> int:
    """Owe again what was sent long ago and that nobody has begun; returns how many."""
    again = db.execute(
        update(OutboxRow)
        .where(OutboxRow.sent_at < func.now() - dt.timedelta(seconds=quiet_s), OutboxRow.lease_until.is_(None))
        .values(sent_at=None)
        .returning(OutboxRow.id)
        .execution_options(synchronize_session=False)
    )
    return len(again.all())


def prolong_all(db: Session, lease_s: float) -> None:
    """Give every holder a whole lease: nobody could renew while the database or the sweeper was away."""
    db.execute(
        update(OutboxRow)
        # What is held was sent; the index has it.
        .where(OutboxRow.sent_at.is_not(None), OutboxRow.lease_until.is_not(None))
        .values(lease_until=func.now() + dt.timedelta(seconds=lease_s))
        .execution_options(synchronize_session=False)
    )


def exhausted(db: Session) -> list[tuple[str, int, str]]:
    """(kind, video, what went wrong last) of steps that have failed too often."""
    rows = db.execute(
        select(OutboxRow.kind, OutboxRow.key, OutboxRow.problem)
        .where(OutboxRow.failures > 0, OutboxRow.failures >= MAX_FAILURES, OutboxRow.sent_at.is_(None))
        .limit(500)
    )
    return [(row.kind, row.key, row.problem or "no reason known") for row in rows]


def _is(held: HeldTask) -> tuple[ColumnElement[bool], ...]:
    return OutboxRow.id == held.id, OutboxRow.begins == held.begins
