"""What the service tells of watch lists, hits, endpoints and deliveries: the shapes of its JSON.

The client reads into them too, so this module imports neither FastAPI nor SQLAlchemy.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from dashplate.service.documents import Share
from db.states import DeliveryState, EndpointFormat, EventKind, WatchKind

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from db.models import Endpoint


class EntryTold(BaseModel):
    """A plate or pattern that somebody wants to hear of."""

    id: int
    plate: str
    kind: WatchKind
    label: str = Field(description="Names the list.", examples=["stolen"])
    colour: str | None
    note: str | None
    owner: str = Field(description="Who put it there.")
    created_at: dt.datetime
    expires_at: dt.datetime | None
    alert_existing: bool
    hits: int = Field(description="Up to 1,000 are counted.")
    matching: bool = Field(description="Sightings of before the entry are still being matched with it.")

    @classmethod
    def of(cls, row: RowMapping) -> EntryTold:
        return cls.model_validate(dict(row))


class Imported(BaseModel):
    """How many entries a file put on watch lists."""

    entries: int


class HitTold(BaseModel):
    """A sighting that fits an entry, and why."""

    id: int
    entry: int
    label: str
    colour: str | None
    wanted: str = Field(description="The entry's plate or pattern.")
    kind: WatchKind
    said: str = Field(description="The text of the sighting that fits, O as 0 and I as 1.")
    winner: bool = Field(description="Whether it was read as that; else that is one of its runners-up.")
    share: Share = Field(description="How sure the text that fits is.")
    distance: float = Field(
        description="How unlike the entry it is: 0.3 for each look-alike, 1 for any other character."
    )
    read_as: str
    existing: bool = Field(description="Whether the sighting was there before the entry.")
    created_at: dt.datetime
    recorded_at: dt.datetime | None = Field(description="When its video's recording began, as far as its file says.")
    job: int
    video: int
    path: str
    sighting: int | None = Field(description="Null where a redo did not find it again.")
    first_s: float
    last_s: float
    best_s: float

    @classmethod
    def of(cls, row: RowMapping) -> HitTold:
        known = {**row, "id": row["hit"], "video": row["video_id"], "path": row["video"]}
        return cls.model_validate({**known, "share": min(1.0, row["share"])})


class EndpointTold(BaseModel):
    """Somebody who is told."""

    name: str
    address: str
    format: EndpointFormat
    events: list[EventKind]
    labels: list[str] = Field(description="Of hits, those of these lists; all where it is empty.")
    created_at: dt.datetime
    enabled: bool
    problem: str | None = Field(description="Why it was switched off.")

    @classmethod
    def of(cls, row: Endpoint) -> EndpointTold:
        names = ("name", "address", "format", "events", "labels", "created_at", "problem")
        return cls(enabled=row.disabled_at is None, **{name: getattr(row, name) for name in names})


class SecretTold(BaseModel):
    """What a receiver checks signatures with."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class EndpointMade(EndpointTold):
    """A new endpoint, with what a webhook checks signatures with."""

    secret: str | None = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class DeliveryTold(BaseModel):
    """An event that an endpoint was told, is owed, or could not be told."""

    id: int
    endpoint: str
    event: uuid.UUID
    kind: EventKind
    job: int
    video: int | None
    sighting: int | None
    state: DeliveryState
    tries: int
    status: int | None = Field(description="Of the last answer.")
    problem: str | None
    due_at: dt.datetime
    tried_at: dt.datetime | None
    created_at: dt.datetime

    @classmethod
    def of(cls, row: RowMapping) -> DeliveryTold:
        return cls.model_validate({**row, "id": row["delivery"], "video": row["video_id"]})


class Resent(BaseModel):
    """How many deliveries are sent again."""

    deliveries: int
