"""Searches by plate: over what sightings were read as and their runners-up, and over unique plates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from db.findings.typed import is_whole
from pipeline.errors import UsageError
from pipeline.formats.confusions import folded

#: Notes of the backlog that are taken at a time: each is some sightings of one video, at most a thousand.
NOTES = 4


#: No plate is longer; what is like a longer text is not looked for.
MOST_CHARS = 16


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for, and how it is narrowed."""

    #: A plate, or a pattern with `*` and `?`, as `typed` spells it.
    wanted: str
    #: The plate's keyed hash, for jobs that store plates as such.
    hashed: str | None = None
    #: Also what is like it: `plate_distance` of at most 1.
    alike: bool = False
    of_job: int | None = None
    of_country: str | None = None
    #: When the video was finished: from, and before.
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    #: Confidence of the text that fits.
    least_share: float | None = None
    #: Only what sightings were read as, no runners-up.
    winners: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for what nothing can be like."""
        if self.alike and not (is_whole(self.wanted) and len(self.wanted) <= MOST_CHARS):
            raise UsageError(f"Only a whole plate of at most {MOST_CHARS} characters can be searched by likeness.")


@dataclass(frozen=True, slots=True)
class Behind:
    """The last row of a page; the next goes on behind it."""

    distance: float
    sighting: int


_SEARCH = text(
    """
    SELECT f.said, f.winner, f.share, f.distance, p.* FROM search_plates(
        :wanted, :alike, hashed => :hashed, of_job => :of_job, of_country => :of_country,
        since => :since, until => :until, least_share => :least_share, winners => :winners, most => :most,
        after_distance => :after_distance, after_sighting => :after_sighting) f
    JOIN plate_sightings p USING (sighting) ORDER BY f.distance, f.sighting DESC
    """
)
_INDEX = text("SELECT index_sightings(:notes)")
_WAITING = text("SELECT EXISTS (SELECT 1 FROM search_backlog)")
_PLATES = text("SELECT * FROM plates_fitting(:wanted, :most, :hashed)")


def search(db: Session, wanted: Wanted, most: int = 100, behind: Behind | None = None) -> Sequence[RowMapping]:
    """Sightings that may be the plate, the likest first, of equally like ones the newest.

    Rows of `plate_sightings`, with `said`, the key of the text that fits, `winner`, whether the sighting was read as
    it, `share`, its confidence, and `distance`. Also what people read there (`corrected`).
    """
    after = (behind.distance, behind.sighting) if behind else (None, None)
    values = {**asdict(wanted), "most": most, "after_distance": after[0], "after_sighting": after[1]}
    return db.execute(_SEARCH, values).mappings().all()


def said(row: RowMapping) -> str:
    """The text of a found sighting that fits, as it was read by the machine or by a person."""
    texts = [row["read_as"], row["corrected"] or "", *(other["text"] for other in row["alternatives"])]
    return str(next((text for text in texts if folded(text) == row["said"]), row["said"]))


def plates(db: Session, pattern: str, most: int = 100, hashed: str | None = None) -> Sequence[RowMapping]:
    """`unique_plates` rows that a pattern fits, the most seen first; O finds 0, and I finds 1."""
    return db.execute(_PLATES, {"wanted": pattern, "most": most, "hashed": hashed}).mappings().all()


def index_some(db: Session, notes: int = NOTES) -> int:
    """Make some of what was stored since searchable; returns how many notes it took, 0 also while another does it."""
    return int(db.scalar(_INDEX, {"notes": notes}) or 0) if not is_complete(db) else 0


def is_complete(db: Session) -> bool:
    """Whether everything that is stored is searchable."""
    return not db.scalar(_WAITING)
