"""The table of uploads: videos that callers of the HTTP service send in, in pieces if they like."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base


class UploadRow(Base):
    """A file that is being sent, or was. How much of it is there, the file itself says by its size."""

    __tablename__ = "uploads"
    __table_args__ = (Index("ix_uploads_token_id", "token_id", "number"),)

    #: Orders a list of them; nobody is let in by it.
    number: Mapped[int] = mapped_column(Identity(), primary_key=True)
    #: 128 random bits, hexadecimal: what its address is made of.
    id: Mapped[str] = mapped_column(unique=True)
    #: Who sends it, and alone may go on.
    token_id: Mapped[int] = mapped_column(ForeignKey("tokens.id"))
    #: The token's `Idempotency-Key`.
    key: Mapped[str | None] = mapped_column(unique=True)
    #: What the sender calls it: a label, and never a path.
    filename: Mapped[str]
    #: Bytes that it is to have.
    size: Mapped[int]
    #: Its place in the result store once it is whole, and what a job's video calls that.
    name: Mapped[str]
    path: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    #: When it goes by itself; null while a job has it.
    expires_at: Mapped[dt.datetime | None] = mapped_column(index=True)
    #: Since when all of it is in the store.
    whole_at: Mapped[dt.datetime | None]
    #: While a piece comes in whose checksum has still to be compared: where it begins.
    unchecked_from: Mapped[int | None]
    #: The video that it was submitted as.
    video_id: Mapped[int | None] = mapped_column(ForeignKey("videos.id", ondelete="SET NULL"), index=True)
