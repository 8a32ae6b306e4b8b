"""Endpoints: who is told of which events, at which address."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.models import Endpoint
from db.states import EndpointFormat, EventKind
from pipeline.errors import UsageError


def add(
    db: Session,
    name: str,
    address: str,
    format: EndpointFormat = EndpointFormat.DASHPLATE,
    events: Collection[EventKind] = tuple(EventKind),
    labels: Collection[str] = (),
) -> Endpoint:
    """A new endpoint; it is told of what happens from now on. Raises UsageError where there is one of that name."""
    wanted = sorted({kind.value for kind in events})
    row = Endpoint(name=name, address=address, format=format, events=wanted, labels=sorted(set(labels)))
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError as error:
        raise UsageError(f"There is an endpoint {name!r} already; give this one another name.") from error
    return row


def named(db: Session, name: str) -> Endpoint:
    """Raises UsageError where there is none of that name."""
    row = db.scalar(select(Endpoint).where(Endpoint.name == name))
    if row is None:
        raise UsageError(f"There is no endpoint {name!r}; `dashplate endpoint list` shows all.")
    return row


def known(db: Session) -> Sequence[Endpoint]:
    """All of them, by name."""
    return db.scalars(select(Endpoint).order_by(Endpoint.name)).all()


def remove(db: Session, name: str) -> None:
    """Remove one, with what it was still to be told. Raises UsageError where there is none."""
    named(db, name)
    db.execute(delete(Endpoint).where(Endpoint.name == name))


def rotate(db: Session, name: str, overlap_s: float) -> Endpoint:
    """Give it a new signing secret; the one before signs too for so long. Raises UsageError where there is none."""
    row = named(db, name)
    row.secret += 1
    row.former_until = func.now() + dt.timedelta(seconds=overlap_s) if overlap_s else None
    db.flush()
    db.refresh(row)
    return row


#: A sender that has not renewed its hold by then is taken for dead.
HOLD_S = 30.0
_HOLD = text(
    f"""
    UPDATE endpoints SET holder = :holder, holder_until = now() + interval '{HOLD_S} seconds'
    WHERE address LIKE 'mqtt%' AND disabled_at IS NULL
      AND (holder = :holder OR holder_until IS NULL OR holder_until < now())
    RETURNING id, name, address
    """
)


def hold_brokers(db: Session, holder: str) -> dict[int, tuple[str, str]]:
    """Endpoints at brokers that this sender is to be connected to, one sender each: name and address by number."""
    return {row.id: (row.name, row.address) for row in db.execute(_HOLD, {"holder": holder})}


def leave_brokers(db: Session, holder: str) -> None:
    """Leave them to another sender at once."""
    db.execute(update(Endpoint).where(Endpoint.holder == holder).values(holder=None, holder_until=None))


def disable(db: Session, endpoint: int, problem: str) -> None:
    """Send it nothing more; what it was still to be told waits for `enable`."""
    off = update(Endpoint).where(Endpoint.id == endpoint, Endpoint.disabled_at.is_(None))
    db.execute(off.values(disabled_at=func.now(), problem=problem))


def enable(db: Session, name: str) -> None:
    """Go on with it. Raises UsageError where there is none."""
    named(db, name)
    on = update(Endpoint).where(Endpoint.name == name)
    db.execute(on.values(disabled_at=None, problem=None))
