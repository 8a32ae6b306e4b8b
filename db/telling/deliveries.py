"""Deliveries: events that endpoints are to be told of, taken in hand, told, tried again, given up, sent again.

An event is written in the transaction that makes it true, and with it a delivery for each endpoint that wants it. A
sender takes a delivery under a lease and tells it; who dies meanwhile leaves it to the next, so it is told at least
once, under one id.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from db.states import DeliveryState

#: A sender that has not told a delivery by then is taken for dead. Longer than any answer is waited for.
LEASE_S = 90.0
#: Seconds to the next try, after each.
DELAYS_S = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
#: Told ones are forgotten after so many days; their events stay, so that nothing is told twice.
KEPT_DAYS = 30
_MOST_FORGOTTEN = 1_000


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery in hand."""

    id: int
    #: Tries before this one.
    tries: int
    event: int
    uid: str
    kind: str
    created_at: dt.datetime


_TAKE = text(
    f"""
    UPDATE deliveries d SET lease_until = now() + :lease_s * interval '1 second', tries = d.tries + 1, tried_at = now()
    FROM (
        SELECT id FROM deliveries
        WHERE endpoint_id = :endpoint AND state = '{DeliveryState.PENDING}' AND due_at <= now()
          AND (lease_until IS NULL OR lease_until < now())
        ORDER BY due_at, id LIMIT :most FOR UPDATE SKIP LOCKED
    ) due
    JOIN deliveries o USING (id) JOIN events e ON e.id = o.event_id
    WHERE d.id = due.id
    RETURNING d.id, d.tries - 1 AS tries, e.id AS event, e.uid, e.kind, e.created_at
    """
)
_DUE = text(
    f"""
    SELECT e.id FROM endpoints e
    WHERE e.disabled_at IS NULL AND EXISTS (
        SELECT FROM deliveries d
        WHERE d.endpoint_id = e.id AND d.state = '{DeliveryState.PENDING}' AND d.due_at <= now()
          AND (d.lease_until IS NULL OR d.lease_until < now()))
    """
)
_TOLD = text(
    f"UPDATE deliveries SET state = '{DeliveryState.TOLD}', lease_until = NULL, status = :status,"
    " problem = :problem WHERE id = :id"
)
_FAILED = text(
    f"""
    UPDATE deliveries SET lease_until = NULL, status = :status, problem = :problem,
        state = CASE WHEN CAST(:delay_s AS float) IS NULL THEN '{DeliveryState.DEAD}' ELSE state END,
        due_at = now() + coalesce(:delay_s, 0) * interval '1 second'
    WHERE id = :id AND state = '{DeliveryState.PENDING}'
    """
)
_PUT_BACK = text(
    f"""
    UPDATE deliveries SET lease_until = NULL, tries = tries - 1, due_at = now() + :wait_s * interval '1 second'
    WHERE id = :id AND state = '{DeliveryState.PENDING}'
    """
)
_RESEND = f"""
    UPDATE deliveries SET state = '{DeliveryState.PENDING}', due_at = now(), lease_until = NULL, tries = 0
"""
_RESEND_ONE = text(f"{_RESEND} WHERE id = :id RETURNING id")
_RESEND_DEAD = text(
    f"""
    {_RESEND} WHERE state = '{DeliveryState.DEAD}'
      AND endpoint_id IN (SELECT id FROM endpoints WHERE CAST(:endpoint AS text) IS NULL OR name = :endpoint)
    RETURNING id
    """
)
_LIST = text(
    """
    SELECT d.id AS delivery, e.name AS endpoint, v.uid AS event, v.kind, v.job_id AS job, v.video_id,
           v.sighting_id AS sighting, d.state, d.tries, d.status, d.problem, d.due_at, d.tried_at, d.created_at
    FROM deliveries d JOIN endpoints e ON e.id = d.endpoint_id JOIN events v ON v.id = d.event_id
    WHERE d.id < :before AND (CAST(:endpoint AS text) IS NULL OR e.name = :endpoint)
      AND (CAST(:state AS text) IS NULL OR d.state = :state)
    ORDER BY d.id DESC LIMIT :most
    """
)
_FORGET = text(
    f"""
    DELETE FROM deliveries WHERE id IN (
        SELECT id FROM deliveries
        WHERE state = '{DeliveryState.TOLD}' AND tried_at < now() - interval '{KEPT_DAYS} days'
        LIMIT {_MOST_FORGOTTEN} FOR UPDATE SKIP LOCKED)
    """
)


def due(db: Session) -> list[int]:
    """Endpoints that have something to be told now."""
    return list(db.scalars(_DUE))


def take(db: Session, endpoint: int, most: int, lease_s: float = LEASE_S) -> list[Held]:
    """Take deliveries in hand, those that are due longest first."""
    rows = db.execute(_TAKE, {"endpoint": endpoint, "most": most, "lease_s": lease_s}).all()
    held = [Held(row.id, row.tries, row.event, f"evt_{row.uid.hex}", row.kind, row.created_at) for row in rows]
    return sorted(held, key=lambda one: (one.created_at, one.id))


def told(db: Session, held: Held, status: int | None, problem: str | None = None) -> None:
    """The endpoint has it, or there is nothing left to tell, as `problem` says."""
    db.execute(_TOLD, {"id": held.id, "status": status, "problem": problem})


def failed(
    db: Session,
    held: Held,
    problem: str,
    status: int | None,
    delays_s: Sequence[float] = DELAYS_S,
    at_least_s: float = 0.0,
    *,
    final: bool = False,
) -> None:
    """Try again later, as the endpoint asked for; after the last try, or a `final` one, it is dead."""
    is_last = final or held.tries >= len(delays_s)
    delay_s = None if is_last else max(delays_s[held.tries], at_least_s)
    db.execute(_FAILED, {"id": held.id, "problem": problem, "status": status, "delay_s": delay_s})


def put_back(db: Session, held: Held, wait_s: float) -> None:
    """Look at it again later: nothing was tried."""
    db.execute(_PUT_BACK, {"id": held.id, "wait_s": wait_s})


def resend(db: Session, delivery: int) -> bool:
    """Tell a delivery anew, whatever became of it, under the same id. False where there is none."""
    return db.execute(_RESEND_ONE, {"id": delivery}).one_or_none() is not None


def resend_dead(db: Session, endpoint: str | None = None) -> int:
    """Tell all that were given up, of one endpoint or of all; returns how many those are."""
    return len(db.execute(_RESEND_DEAD, {"endpoint": endpoint}).all())


def listed(
    db: Session,
    endpoint: str | None = None,
    state: DeliveryState | None = None,
    before: int = 2**63 - 1,
    most: int = 100,
) -> Sequence[RowMapping]:
    """Deliveries, the newest first, below the one numbered `before`."""
    values = {"endpoint": endpoint, "state": state, "before": before, "most": most}
    return db.execute(_LIST, values).mappings().all()


def forget_old(db: Session) -> None:
    """Forget some of those that were told long ago."""
    db.execute(_FORGET)
