"""The tables of watch lists and of what is told to others; `db/sql/telling_0011.sql` fills them."""

from __future__ import annotations

import datetime as dt
import uuid

from sqlalchemy import ForeignKey, Identity, Index, String, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import FILL, Base, enum_of
from db.states import DeliveryState, EndpointFormat, WatchKind


class WatchEntry(Base):
    """A plate, or a pattern of plates, that somebody wants to hear of."""

    __tablename__ = "watch_entries"
    __table_args__ = (
        UniqueConstraint("label", "kind", "key"),
        # Those that are still to be matched with what was there before them.
        Index("ix_watch_entries_matching", "id", postgresql_where=text("matched_below IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[WatchKind] = mapped_column(enum_of(WatchKind))
    #: As `plates.key`; with `*` and `?` where it is a pattern, a keyed hash where it is for hashed jobs.
    key: Mapped[str] = mapped_column(Text(collation="C"))
    #: As a person typed it.
    plate: Mapped[str]
    #: Names the list.
    label: Mapped[str]
    colour: Mapped[str | None]
    note: Mapped[str | None]
    #: Who put it there.
    owner: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    #: It fits nothing any more from then on.
    expires_at: Mapped[dt.datetime | None]
    #: Whether endpoints are told of hits that were there before the entry.
    alert_existing: Mapped[bool] = mapped_column(server_default=text("false"))
    #: Sightings of lower numbers are still to be matched; null once all are.
    matched_below: Mapped[int | None] = mapped_column(server_default=text("9223372036854775807"))


class WatchTerm(Base):
    """What entries are found by; a trigger keeps them."""

    __tablename__ = "watch_terms"

    kind: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    term: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    entry_id: Mapped[int] = mapped_column(
        ForeignKey("watch_entries.id", ondelete="CASCADE"), primary_key=True, index=True, autoincrement=False
    )


class Hit(Base):
    """A sighting that fits an entry, and why."""

    __tablename__ = "hits"
    __table_args__ = (UniqueConstraint("entry_id", "sighting_id"), Index("ix_hits_video", "video_id", "entry_id"))

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("watch_entries.id", ondelete="CASCADE"))
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    #: No foreign key: a redo gives the passing a sighting of another number, and the hit follows.
    sighting_id: Mapped[int]
    #: Key of the text that fits, whether the sighting was read as it, its confidence, and how unlike it is.
    said: Mapped[str]
    winner: Mapped[bool]
    share: Mapped[float]
    distance: Mapped[float]
    read_as: Mapped[str]
    first_s: Mapped[float]
    last_s: Mapped[float]
    best_s: Mapped[float]
    #: Whether the sighting was there before the entry.
    existing: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class Endpoint(Base):
    """Somebody who is told. The address holds no secrets: `${NAME}` stands for a variable of the sender."""

    __tablename__ = "endpoints"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    address: Mapped[str]
    format: Mapped[EndpointFormat] = mapped_column(enum_of(EndpointFormat))
    #: Kinds of events.
    events: Mapped[list[str]] = mapped_column(ARRAY(String()))
    #: Of hits, those of these lists alone; all where it is empty.
    labels: Mapped[list[str]] = mapped_column(ARRAY(String()), server_default=text("'{}'"))
    #: Number of its signing secret; the one before it signs too until `former_until`.
    secret: Mapped[int] = mapped_column(server_default="1")
    former_until: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    #: Nothing is sent from then on, because of `problem`.
    disabled_at: Mapped[dt.datetime | None]
    problem: Mapped[str | None]
    #: The sender that is connected to its broker, and for how long it need not say so again.
    holder: Mapped[str | None]
    holder_until: Mapped[dt.datetime | None]


class Event(Base):
    """Something that at least one endpoint is told of. It stays, so that a redo does not tell it again."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_video", "video_id", "key"), Index("ix_events_job", "job_id"))

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    #: The same over all deliveries and tries.
    uid: Mapped[uuid.UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    #: sighting, hit, video or job.
    kind: Mapped[str]
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    video_id: Mapped[int | None] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    #: No foreign key, as in `hits`.
    sighting_id: Mapped[int | None]
    hit_id: Mapped[int | None] = mapped_column(ForeignKey("hits.id", ondelete="CASCADE"), index=True)
    #: That a video or job was in then.
    state: Mapped[str | None]
    #: Of a sighting: what it was read as, as a key, from when to when.
    key: Mapped[str | None] = mapped_column(Text(collation="C"))
    first_s: Mapped[float | None]
    last_s: Mapped[float | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class Delivery(Base):
    """An event that an endpoint is to be told of, and what came of it."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id"),
        Index("ix_deliveries_due", "endpoint_id", "due_at", "id", postgresql_where=text("state = 'pending'")),
        Index("ix_deliveries_dead", "endpoint_id", "id", postgresql_where=text("state = 'dead'")),
        # What may be forgotten.
        Index("ix_deliveries_told", "tried_at", postgresql_where=text("state = 'told'")),
        FILL,
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("endpoints.id", ondelete="CASCADE"))
    state: Mapped[DeliveryState] = mapped_column(enum_of(DeliveryState), server_default=DeliveryState.PENDING.value)
    tries: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    #: A sender has it in hand until then.
    lease_until: Mapped[dt.datetime | None]
    tried_at: Mapped[dt.datetime | None]
    #: Of the last answer.
    status: Mapped[int | None]
    problem: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
