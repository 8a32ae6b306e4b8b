"""Searches by plate: over what sightings were read as and their runners-up, and over unique plates."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from db.engine import is_transient, ran_out_of_time, session
from db.findings.typed import is_whole
from db.where.area import BOX, NO_AREA, PATH, Area
from pipeline.errors import UsageError
from pipeline.formats.confusions import folded

log = logging.getLogger(__name__)

#: Notes of the backlog that are taken at a time: each is some sightings of one video, at most a thousand.
NOTES = 4
#: Nearly every text is like a shorter one, and no plate is longer: what is like those is not looked for.
LEAST_CHARS, MOST_CHARS = 3, 16
#: A search that takes longer, seconds, is ended: it holds a connection and whoever asks. Only broad patterns take more
#: than a tenth of one; at a million sightings none takes more than two.
MOST_S = 10.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for, and how it is narrowed."""

    #: A plate, or a pattern with `*` and `?`, as `typed` spells it; None is any plate, hashed ones too.
    wanted: str | None
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
    #: Where the camera was.
    area: Area | None = None

    def __post_init__(self) -> None:
        """Raises UsageError for what nothing can be like."""
        if self.alike and not (self.wanted and may_be_like(self.wanted)):
            raise UsageError(
                f"Only a whole plate of {LEAST_CHARS} to {MOST_CHARS} characters can be searched by likeness."
            )


@dataclass(frozen=True, slots=True)
class Behind:
    """The last row of a page; the next goes on behind it."""

    distance: float
    sighting: int


_SEARCH = text(
    f"""
    SELECT f.said, f.winner, f.share, f.distance, p.* FROM search_plates(
        :wanted, :alike, hashed => :hashed, of_job => :of_job, of_country => :of_country,
        since => :since, until => :until, least_share => :least_share, winners => :winners, most => :most,
        after_distance => :after_distance, after_sighting => :after_sighting,
        box => {BOX}, path => {PATH}, within_m => :within_m) f
    JOIN plate_sightings p USING (sighting) ORDER BY f.distance, f.sighting DESC
    """
)
_INDEX = text("SELECT index_sightings(:notes)")
_IN_TIME = text("SELECT set_config('statement_timeout', :ms, true)")
_WAITING = text("SELECT EXISTS (SELECT 1 FROM search_backlog)")
_PLATES = text(
    f"SELECT * FROM plates_fitting(:wanted, :most, :hashed, box => {BOX}, path => {PATH}, within_m => :within_m)"
)


def search(db: Session, wanted: Wanted, most: int = 100, behind: Behind | None = None) -> Sequence[RowMapping]:
    """Sightings that may be the plate, the likest first, of equally like ones the newest.

    Rows of `plate_sightings`, with `said`, the key of the text that fits, `winner`, whether the sighting was read as
    it, `share`, its confidence, and `distance`; also what people read there (`corrected`). Raises UsageError where it
    takes too long.
    """
    after = (behind.distance, behind.sighting) if behind else (None, None)
    about = {field.name: getattr(wanted, field.name) for field in fields(wanted) if field.name != "area"}
    behind_it = {"after_distance": after[0], "after_sighting": after[1]}
    values = {**about, **(wanted.area.values if wanted.area else NO_AREA), "most": most, **behind_it}
    return _asked(db, _SEARCH, values)


def said(row: RowMapping) -> str:
    """The text of a found sighting that fits, as it was read by the machine or by a person."""
    others = row["alternatives"] if isinstance(row["alternatives"], list) else []
    texts = [row["read_as"], row["corrected"], *(other.get("text") for other in others if isinstance(other, dict))]
    return next((text for text in texts if isinstance(text, str) and folded(text) == row["said"]), str(row["said"]))


def plates(
    db: Session, pattern: str, most: int = 100, hashed: str | None = None, area: Area | None = None
) -> Sequence[RowMapping]:
    """`unique_plates` rows that a pattern fits, the most seen first; O finds 0, and I finds 1.

    Of those that were seen in an area, `*` fits hashed ones too. Raises UsageError where it takes too long.
    """
    values = {"wanted": pattern, "most": most, "hashed": hashed}
    return _asked(db, _PLATES, values | (area.values if area else NO_AREA))


def may_be_like(wanted: str) -> bool:
    """Whether other plates can be like what `typed` spelled so."""
    return is_whole(wanted) and LEAST_CHARS <= len(wanted) <= MOST_CHARS


def _asked(db: Session, question: TextClause, values: Mapping[str, object]) -> Sequence[RowMapping]:
    db.execute(_IN_TIME, {"ms": str(round(1000 * MOST_S))})
    try:
        return db.execute(question, values).mappings().all()
    except OperationalError as error:
        if not ran_out_of_time(error):
            raise
        raise UsageError(
            f"The search took longer than {MOST_S:g} s. Give more of the plate, or narrow it by job or time."
        ) from None


def index_if_it_can(url: str) -> int | None:
    """`index_some` in a transaction of its own; None where that fails, so that the rest can be answered.

    Raises what the database raises while it is away.
    """
    try:
        with session(url) as db:
            return index_some(db)
    except SQLAlchemyError as error:
        if is_transient(error):
            raise
        # Its words may hold a plate.
        log.warning("What was stored last cannot be made searchable: %s.", type(error).__name__)
        return None


def index_some(db: Session, notes: int = NOTES) -> int:
    """Make some of what was stored since searchable; returns how many notes it took, 0 also while another does it."""
    return int(db.scalar(_INDEX, {"notes": notes}) or 0) if not is_complete(db) else 0


def is_complete(db: Session) -> bool:
    """Whether everything that is stored is searchable."""
    return not db.scalar(_WAITING)
