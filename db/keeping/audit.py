"""The record of who asked for which plates. Rows are added and never changed; a trigger sees to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from db.models import AuditRow


def record(db: Session, who: str, host: str, action: str, query: str, rows: int | None) -> None:
    """Note a question; to be committed before its answer is shown."""
    # PostgreSQL keeps no zero bytes in text.
    values = {"who": who, "host": host, "action": action, "query": query.replace("\0", ""), "rows": rows}
    db.execute(insert(AuditRow).values(values))


def entries(db: Session, since_s: int | None, who: str | None) -> Sequence[AuditRow]:
    """The record of the last `since_s` seconds, or all of it, oldest first."""
    wanted = select(AuditRow).order_by(AuditRow.at, AuditRow.id)
    if since_s is not None:
        wanted = wanted.where(AuditRow.at >= func.now() - dt.timedelta(seconds=since_s))
    if who is not None:
        wanted = wanted.where(AuditRow.who == who)
    return db.scalars(wanted).all()
