"""Events with what is known of them when they are told."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import RowMapping, select, text
from sqlalchemy.orm import Session

from db.findings import pages, queries
from db.models import Event
from db.states import EventKind

_HIT = text("SELECT * FROM watch_hits WHERE hit = :hit")
#: Sightings of a video that are not searchable yet: events and hits of those before them still name those.
_STORED_ANEW = text(
    """
    SELECT EXISTS (
        SELECT FROM sightings s JOIN search_backlog b ON s.id = ANY (b.sightings) WHERE s.video_id = :video)
    """
)


@dataclass(frozen=True, slots=True)
class Told:
    """An event with what is known of it now."""

    uid: str
    event: Event
    sighting: RowMapping | None = None
    hit: RowMapping | None = None
    #: Of an event that is about them alone: the video, or the job with its progress.
    video: RowMapping | None = None
    job: RowMapping | None = None

    @property
    def seen(self) -> RowMapping:
        """The sighting of an event that has one."""
        assert self.sighting is not None
        return self.sighting

    @property
    def moment(self) -> dt.datetime:
        """When that was seen; where nothing says when it was recorded, when it was found."""
        moment: dt.datetime = self.seen["recorded_at"] or self.seen["processed_at"] or self.event.created_at
        return moment

    @property
    def texts(self) -> list[tuple[str, float]]:
        """What it may say, with the confidence of each: what it was read as first."""
        others = [(other["text"], min(1.0, other["confidence"])) for other in self.seen["alternatives"]]
        return [(self.seen["read_as"], min(1.0, self.seen["confidence"])), *others]


class StoredAnew(Exception):
    """A redo has stored the video's sightings anew, and nobody has looked yet which of them the event is about."""


def find(db: Session, event_id: int, uid: str) -> Told | None:
    """An event with its rows; None where what it is about is gone: purged, or not found again by a redo.

    Raises StoredAnew. Begins the session's transaction.
    """
    # As it was at one moment: an event that looks gone may be getting its new sighting just now.
    db.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    event = db.scalar(select(Event).where(Event.id == event_id))
    if event is None:
        return None
    if event.kind == EventKind.VIDEO:
        return Told(uid, event, video=pages.video(db, event.video_id or 0))
    if event.kind == EventKind.JOB:
        return Told(uid, event, job=queries.jobs(db, event.job_id, 1)[0])
    hit = db.execute(_HIT, {"hit": event.hit_id}).mappings().one_or_none() if event.hit_id else None
    number = event.sighting_id if event.kind == EventKind.SIGHTING else hit and hit["sighting"]
    sighting = pages.sighting(db, number) if number else None
    if sighting is not None:
        return Told(uid, event, sighting, hit)
    if db.scalar(_STORED_ANEW, {"video": event.video_id}):
        raise StoredAnew
    return None
