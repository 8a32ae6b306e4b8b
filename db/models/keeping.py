"""The tables of what is kept: deletions to be done, questions that were asked, plates that are watched."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base


class Deletion(Base):
    """A file of the result store that no row names any more; a trailing `/` means what no row names in a folder."""

    __tablename__ = "deletions"
    __table_args__ = (Index("ix_deletions_next", "tries", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    #: How often it could not be removed; those that give no trouble go first.
    tries: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class AuditRow(Base):
    """Who asked for what. Rows are added and never changed; a trigger sees to it."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(server_default=func.now(), index=True)
    #: `DASHPLATE_USER`, else the account on that machine.
    who: Mapped[str]
    host: Mapped[str]
    #: plates, export, sql, purge and so on.
    action: Mapped[str]
    #: What was asked, as it was typed.
    query: Mapped[str]
    #: How many rows came back, where that is known.
    rows: Mapped[int | None]


class WatchedPlate(Base):
    """A plate whose sightings outlive retention."""

    __tablename__ = "watched"

    #: As `plates.key`.
    key: Mapped[str] = mapped_column(primary_key=True)
    #: As a person typed it; the keyed hash where plates are not stored in clear.
    plate: Mapped[str]
    note: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
