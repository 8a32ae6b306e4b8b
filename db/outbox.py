"""Messages that a transaction owes: written with its rows, sent after it committed, kept until they went out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models import OutboxRow, Video
from pipeline.records import VideoState

#: Open a registered video and split it; the key is the video.
PROBE = "probe"
#: Stitch a video's tracklets into sightings; the key is the video.
AGGREGATE = "aggregate"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to send."""

    id: int
    kind: str
    key: int
    #: For people: the video's path.
    video: str
    #: How often it went out before.
    sends: int


def post(db: Session, kind: str, key: int) -> None:
    """Owe a message; owing it twice is owing it once, and one already sent is sent again."""
    statement = insert(OutboxRow).values(kind=kind, key=key)
    db.execute(statement.on_conflict_do_update(index_elements=["kind", "key"], set_={"sent_at": None}))


def post_probes(db: Session, job_id: int) -> None:
    """Owe the opening of every registered video of a job."""
    waiting = select(literal(PROBE), Video.id).where(Video.job_id == job_id, Video.state == VideoState.REGISTERED)
    statement = insert(OutboxRow).from_select(["kind", "key"], waiting)
    db.execute(statement.on_conflict_do_nothing())


def unsent(db: Session, limit: int) -> list[Message]:
    """The oldest messages that have not gone out, locked until the transaction ends."""
    rows = db.execute(
        select(OutboxRow.id, OutboxRow.kind, OutboxRow.key, Video.path, OutboxRow.sends)
        .join(Video, Video.id == OutboxRow.key)
        .where(OutboxRow.sent_at.is_(None))
        .order_by(OutboxRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=OutboxRow)
    )
    return [Message(r.id, r.kind, r.key, r.path, r.sends) for r in rows]


def mark_sent(db: Session, message: Message) -> None:
    values = {"sent_at": func.now(), "sends": OutboxRow.sends + 1}
    db.execute(update(OutboxRow).where(OutboxRow.id == message.id).values(values))


def resend_quiet(db: Session, quiet_s: float) -> int:
    """Owe again what was sent long ago and whose video has not moved since; returns how many."""
    before = func.now() - dt.timedelta(seconds=quiet_s)
    waiting_for = {PROBE: VideoState.REGISTERED, AGGREGATE: VideoState.AGGREGATING}
    count = 0
    for kind, state in waiting_for.items():
        stuck = select(Video.id).where(Video.state == state)
        again = db.execute(
            update(OutboxRow)
            .where(OutboxRow.kind == kind, OutboxRow.sent_at < before, OutboxRow.key.in_(stuck))
            .values(sent_at=None)
            .returning(OutboxRow.id)
        )
        count += len(again.all())
    return count
