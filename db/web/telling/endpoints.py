"""Who is told, with how that goes; and deliveries by state."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from db.states import DeliveryState

#: Whatever is counted is counted up to here.
MOST = 1_000
#: Told deliveries among which those of one endpoint are sought, the newest: no index has them by endpoint.
_LOOKED_AT = 20_000

_ENDPOINTS = text(
    f"""
    WITH told AS MATERIALIZED (
        SELECT endpoint_id, max(tried_at) AS at FROM (
            SELECT endpoint_id, tried_at FROM deliveries
            WHERE state = '{DeliveryState.TOLD}' ORDER BY tried_at DESC LIMIT {_LOOKED_AT}) d
        GROUP BY endpoint_id
    )
    SELECT e.*, e.former_until > now() IS TRUE AS former, t.at AS told_at, f.tried_at AS failed_at, f.problem AS failed,
           (SELECT count(*) FROM (SELECT FROM deliveries d WHERE d.endpoint_id = e.id
                AND d.state = '{DeliveryState.PENDING}' LIMIT {MOST}) d) AS waiting,
           (SELECT count(*) FROM (SELECT FROM deliveries d WHERE d.endpoint_id = e.id
                AND d.state = '{DeliveryState.DEAD}' LIMIT {MOST}) d) AS dead
    FROM endpoints e
    LEFT JOIN told t ON t.endpoint_id = e.id
    LEFT JOIN LATERAL (
        SELECT tried_at, problem FROM (
            (SELECT tried_at, problem FROM deliveries d WHERE d.endpoint_id = e.id AND d.state = '{DeliveryState.DEAD}'
             ORDER BY d.id DESC LIMIT 10)
            UNION ALL
            (SELECT tried_at, problem FROM deliveries d WHERE d.endpoint_id = e.id
             AND d.state = '{DeliveryState.PENDING}' ORDER BY d.due_at, d.id LIMIT {MOST})) tried
        WHERE problem IS NOT NULL ORDER BY tried_at DESC NULLS LAST LIMIT 1
    ) f ON true
    ORDER BY e.name
    """
)
_LISTED = """
    SELECT d.id AS delivery, e.name AS endpoint, v.uid AS event, v.kind, v.state AS event_state, v.job_id AS job,
           j.name AS job_name, v.video_id, v.sighting_id AS sighting, d.state, d.tries, d.status, d.problem, d.due_at,
           d.tried_at, d.created_at
    FROM ({some}) d
    JOIN endpoints e ON e.id = d.endpoint_id JOIN events v ON v.id = d.event_id JOIN jobs j ON j.id = v.job_id
    ORDER BY {order}
"""
_OF_EACH = """
    SELECT d.* FROM endpoints e CROSS JOIN LATERAL (
        SELECT * FROM deliveries d WHERE d.endpoint_id = e.id AND d.state = '{state}' AND d.id < :before
        ORDER BY {order} LIMIT :most) d
    WHERE CAST(:endpoint AS text) IS NULL OR e.name = :endpoint ORDER BY {order} LIMIT :most
"""
_OF_LATEST = f"""
    SELECT d.* FROM (
        SELECT * FROM deliveries WHERE state = '{DeliveryState.TOLD}' AND id < :before
        ORDER BY id DESC LIMIT {_LOOKED_AT}) d
    JOIN endpoints e ON e.id = d.endpoint_id
    WHERE CAST(:endpoint AS text) IS NULL OR e.name = :endpoint ORDER BY d.id DESC LIMIT :most
"""
_NEWEST, _NEXT = "d.id DESC", "d.due_at, d.id"
_DELIVERIES = {
    DeliveryState.DEAD: text(
        _LISTED.format(some=_OF_EACH.format(state=DeliveryState.DEAD, order=_NEWEST), order=_NEWEST)
    ),
    DeliveryState.PENDING: text(
        _LISTED.format(some=_OF_EACH.format(state=DeliveryState.PENDING, order=_NEXT), order=_NEXT)
    ),
    DeliveryState.TOLD: text(_LISTED.format(some=_OF_LATEST, order=_NEWEST)),
}


def endpoints(db: Session) -> Sequence[RowMapping]:
    """All of them by name: when one was last told something and last could not be, what waits, what is dead."""
    return db.execute(_ENDPOINTS).mappings().all()


def deliveries(
    db: Session, state: DeliveryState, endpoint: str | None, before: int | None, most: int
) -> Sequence[RowMapping]:
    """Those in a state, the newest first, below the one numbered `before`; of pending ones those that are next."""
    values = {"endpoint": endpoint, "before": before or 2**63 - 1, "most": most}
    return db.execute(_DELIVERIES[state], values).mappings().all()
