"""When the last sweep was, on the database's clock."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models import Pulse

_ID = 1


def paused(db: Session, longest_s: float) -> bool:
    """Note that there is a sweep now; True where the one before was longer than `longest_s` seconds ago."""
    before = db.scalar(select(Pulse.at < func.now() - dt.timedelta(seconds=longest_s)).where(Pulse.id == _ID))
    beat = insert(Pulse).values(id=_ID, at=func.now())
    db.execute(beat.on_conflict_do_update(index_elements=["id"], set_={"at": func.now()}))
    return bool(before)
