"""The tables of access: tokens of the HTTP service, their use, sessions on the pages and what people saved there."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Identity, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base


class TokenRow(Base):
    """A token that somebody was given; the token itself is nowhere."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    #: Who has it, as a person named it; the audit says this.
    name: Mapped[str] = mapped_column(unique=True)
    #: The token's public part, by which its row is found.
    lookup: Mapped[str] = mapped_column(unique=True)
    #: SHA-256 of the whole token, hexadecimal.
    digest: Mapped[str]
    scopes: Mapped[list[Any]]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    #: It ends by itself then; null means never.
    expires_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]


class UsageRow(Base):
    """Photographs that a token had read in a month."""

    __tablename__ = "token_usage"

    token_id: Mapped[int] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"), primary_key=True)
    #: Its first day, UTC.
    month: Mapped[dt.date] = mapped_column(primary_key=True)
    photographs: Mapped[int] = mapped_column(server_default="0")


class SessionRow(Base):
    """A person who signed in on the pages; see `db.access.sessions`."""

    __tablename__ = "sessions"

    #: SHA-256 of the secret in the cookie, hexadecimal.
    digest: Mapped[str] = mapped_column(primary_key=True)
    token_id: Mapped[int] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)


class SavedSearch(Base):
    """A page's filters under a name, for whoever saved them."""

    __tablename__ = "saved_searches"
    __table_args__ = (UniqueConstraint("token_id", "name"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    token_id: Mapped[int] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"))
    name: Mapped[str]
    #: Path and query of the page.
    address: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
