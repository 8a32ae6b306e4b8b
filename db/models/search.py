"""The tables of search: what sightings may say, and what is not searchable yet. `db/sql/search_0009.sql` keeps them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base


class Spelling(Base):
    """A text that some sighting may say, once for all of them."""

    __tablename__ = "spellings"
    __table_args__ = (
        # For what begins with a star; and with pairs of characters, for what begins and ends with one.
        Index("ix_spellings_reverse", text("reverse(key)")),
        Index(
            "ix_spellings_pairs",
            text("plate_pairs(key)"),
            postgresql_using="gin",
            # A list of what is to be inserted later would be read by every search.
            postgresql_with={"fastupdate": "off"},
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    #: As `plates.key`; compared by code points, so that a plain index serves LIKE on every server.
    key: Mapped[str] = mapped_column(Text(collation="C"), unique=True)


class CandidateRow(Base):
    """One of the texts of a sighting: its winner or a runner-up. It may outlive its sighting for a moment."""

    __tablename__ = "candidates"
    __table_args__ = (
        # Holds all that a search narrows by: of many candidates, few sightings have to be looked at.
        Index(
            "ix_candidates_spelling",
            "spelling_id",
            "sighting_id",
            postgresql_include=["winner", "confidence", "country", "video_id"],
        ),
    )

    sighting_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    spelling_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    winner: Mapped[bool]
    confidence: Mapped[float]
    #: Of the sighting.
    country: Mapped[str | None]
    video_id: Mapped[int]


class SearchBacklog(Base):
    """Sightings that came, changed or went, until they are searchable or forgotten; triggers add to it."""

    __tablename__ = "search_backlog"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    sightings: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    #: Of those that were changed or deleted: their plates are counted again.
    plates: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
