"""What the pages of plates show of one: its sightings, when and by whom it was seen, with which others, and what may be
a misreading of it.

A sighting is a plate's where a person read it so, or where the machine did and nobody read it otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from db.findings.plate_hashing import MARK
from db.findings.search import may_be_like
from db.findings.typed import typed
from db.named_sql import statements
from db.web.findings.sightings import A_PAGE, Page, Place, rows_of
from pipeline.formats.confusions import folded

_SQL = statements(Path(__file__).with_suffix(".sql"))
#: Its newest sightings: of which calendar, hours and jobs are made, which are on its map, and around which others are
#: looked for.
MOST_TIMED, MOST_PLACED, MOST_AROUND = 5_000, 2_000, 200
#: Another plate is seen with it where it passes within so many seconds in the same video.
NEAR_S = 10
#: A runner-up that is less likely than this is no hint at a misreading.
_LEAST_SHARE = 0.1
#: Sightings that are corrected at a time: a person looks at each.
MOST_CORRECTED = 24


@dataclass(frozen=True, slots=True)
class OnePlate:
    """A plate, as far as it is known."""

    text: str
    key: str
    #: Null where only people read it so.
    id: int | None
    country: str | None
    #: How many sightings the machine read as it, how many of these are something else, and how many others are it.
    read: int
    left: int
    added: int

    @property
    def sightings(self) -> int:
        return self.read - self.left + self.added

    @property
    def hashed(self) -> bool:
        return self.key.startswith(MARK)


def one(db: Session, plate: str) -> OnePlate | None:
    """The plate of a text as people type it; None where it was never seen."""
    text = typed(plate)
    row = db.execute(_SQL["one"], {"key": folded(text)}).mappings().one()
    if row["id"] is None and not row["added"]:
        return None
    return OnePlate(
        row["text"] or text, folded(text), row["id"], row["country"], row["read"] or 0, row["away"], row["added"]
    )


def sightings(db: Session, plate: OnePlate, place: Place, most: int = A_PAGE) -> Page:
    """Its sightings, newest first."""
    ids = _members(db, plate, place, most)
    return Page(rows_of(db, ids), Place(ids[-1]) if len(ids) == most else None)


def uncorrected(db: Session, plate: OnePlate) -> list[RowMapping]:
    """Its newest sightings that nobody has looked at."""
    values = {"plate": plate.id or 0, "most": MOST_CORRECTED}
    return rows_of(db, list(db.execute(_SQL["uncorrected"], values).scalars()))


def times(db: Session, plate: OnePlate, zone: str) -> RowMapping:
    """When it was seen, days and hours in a time zone, and in which jobs and videos: of its newest sightings."""
    values = {"plate": plate.id or 0, "key": plate.key, "most": MOST_TIMED, "zone": zone}
    return db.execute(_SQL["times"], values).mappings().one()


def places(db: Session, plate: OnePlate) -> Sequence[RowMapping]:
    """Where its newest sightings were, those that a track has a place for, newest first."""
    values = {"plate": plate.id or 0, "key": plate.key, "most": MOST_PLACED}
    return db.execute(_SQL["places"], values).mappings().all()


def has_places(db: Session, plate: OnePlate) -> bool:
    """Whether any of its newest sightings has a place."""
    return bool(db.scalar(_SQL["placed"], {"plate": plate.id or 0, "key": plate.key, "most": MOST_AROUND}))


def companions(db: Session, plate: OnePlate) -> Sequence[RowMapping]:
    """Plates that passed within some seconds of it more than once, the most often first."""
    values = {"plate": plate.id or 0, "key": plate.key, "most": MOST_AROUND, "near_s": NEAR_S}
    return db.execute(_SQL["companions"], values).mappings().all()


def misreadings(db: Session, plate: OnePlate) -> Sequence[RowMapping]:
    """Other plates that are like it, or whose sightings may say it."""
    if plate.hashed or not may_be_like(plate.key):
        return []
    return db.execute(_SQL["misreadings"], {"key": plate.key, "least_share": _LEAST_SHARE}).mappings().all()


def newest(db: Session, keys: Sequence[str]) -> dict[str, RowMapping]:
    """Of plates by their keys: the newest sighting, with its crop and its time."""
    return {row["key"]: row for row in db.execute(_SQL["newest"], {"keys": list(keys)}).mappings()}


def _members(db: Session, plate: OnePlate, place: Place, most: int) -> list[int]:
    values = {"plate": plate.id or 0, "key": plate.key, "before": place.before, "most": most}
    return list(db.execute(_SQL["members"], values).scalars())
