"""The record of who asked for which plates. Rows are added and never changed; a trigger sees to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, insert, select, tuple_
from sqlalchemy.orm import Session

from db.models import AuditRow

#: Entries that one page with filters looks through, some 50 ms of reading; the next goes on from there.
LOOKED_THROUGH = 20_000
#: Newest entries whose actions are offered.
_RECENT = 5_000
#: Characters of a question that a list shows.
SHOWN_CHARS = 400
_NEWEST_FIRST = AuditRow.at.desc(), AuditRow.id.desc()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; what is None or empty narrows nothing."""

    #: Part of a name, in any case.
    who: str = ""
    action: str = ""
    #: Part of what was asked, in any case.
    words: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    @property
    def narrows(self) -> bool:
        """Whether entries of the time are left out."""
        return bool(self.who or self.action or self.words)


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries, the newest first: `id`, `at`, `who`, `host`, `action`, `rows`; the `query`'s beginning and `length`."""

    rows: Sequence[RowMapping]
    #: The entry that the next page goes on behind; None where there is no more.
    last: int | None


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


def newest(db: Session, wanted: Wanted, most: int, behind: int | None = None) -> Entries:
    """A page of the record, the newest first, behind an entry of a page before."""
    looked = _of_time(select(AuditRow), wanted, behind).order_by(*_NEWEST_FIRST).limit(LOOKED_THROUGH).subquery()
    shown = (looked.c.id, looked.c.at, looked.c.who, looked.c.host, looked.c.action, looked.c.rows)
    asked = select(
        *shown, func.left(looked.c.query, SHOWN_CHARS).label("query"), func.length(looked.c.query).label("length")
    )
    if wanted.who:
        asked = asked.where(looked.c.who.icontains(wanted.who, autoescape=True))
    if wanted.action:
        asked = asked.where(looked.c.action == wanted.action)
    if wanted.words:
        asked = asked.where(looked.c.query.icontains(wanted.words, autoescape=True))
    found = db.execute(asked.order_by(looked.c.at.desc(), looked.c.id.desc()).limit(most + 1)).mappings().all()
    if len(found) > most:
        return Entries(found[:most], found[most - 1]["id"])
    ending = _of_time(select(AuditRow.id), wanted, behind).order_by(*_NEWEST_FIRST).offset(LOOKED_THROUGH - 1).limit(1)
    return Entries(found, db.scalar(ending) if wanted.narrows else None)


def recent_actions(db: Session) -> list[str]:
    """What was done of late."""
    recent = select(AuditRow.action).order_by(*_NEWEST_FIRST).limit(_RECENT).subquery()
    return sorted(db.scalars(select(recent.c.action).distinct()))


def _of_time(asked: Select[tuple[Any]], wanted: Wanted, behind: int | None) -> Select[tuple[Any]]:
    limits: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        limits.append(AuditRow.at >= wanted.since)
    if wanted.until is not None:
        limits.append(AuditRow.at < wanted.until)
    if behind is not None:
        moment = select(AuditRow.at).where(AuditRow.id == behind).scalar_subquery()
        limits.append(tuple_(AuditRow.at, AuditRow.id) < tuple_(moment, behind))
    return asked.where(*limits)
