"""Watch lists: entries by label, and the sightings that fit them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import RowMapping, delete, func, select, text, update
from sqlalchemy.orm import Session

from db.findings.plate_hashing import MARK
from db.findings.search import MOST_CHARS
from db.findings.typed import WILDCARDS, is_whole, typed
from db.models import WatchEntry
from db.states import WatchKind
from pipeline.errors import UsageError
from pipeline.formats.confusions import folded

#: Entries of one statement.
_ENTRIES_A_STATEMENT = 10_000
#: Existing sightings that an entry is matched with at a time.
CHUNK = 2_000
_MOST_LABEL = 60


@dataclass(frozen=True, slots=True)
class Wish:
    """An entry as somebody asks for it."""

    #: As it was typed: a plate, a pattern with `*` and `?`, or a keyed hash.
    plate: str
    label: str
    alike: bool = False
    colour: str | None = None
    note: str | None = None
    expires_at: dt.datetime | None = None
    alert_existing: bool = False
    #: `plate` as the database spells it, and that as a key.
    spelled: str = field(init=False)
    key: str = field(init=False)

    def __post_init__(self) -> None:
        """Raises UsageError for what cannot be meant."""
        # Once: a list may be long.
        object.__setattr__(self, "spelled", typed(self.plate))
        key = folded(self.spelled)
        object.__setattr__(self, "key", key)
        if not key.strip("".join(WILDCARDS)):
            raise UsageError(f"{self.plate!r} holds no letter or digit, and would fit every plate.")
        if len(key) > 100:
            raise UsageError("No plate is longer than 100 characters.")
        if not self.label.strip() or len(self.label) > _MOST_LABEL or not self.label.isprintable():
            raise UsageError(f"A label has 1 to {_MOST_LABEL} characters.")
        if self.alike and (not is_whole(key) or len(key) > MOST_CHARS or key.startswith(MARK)):
            raise UsageError(f"Only a whole plate of at most {MOST_CHARS} characters can be watched by likeness.")

    @property
    def kind(self) -> WatchKind:
        if self.alike:
            return WatchKind.LIKE
        return WatchKind.EXACT if is_whole(self.key) else WatchKind.WILDCARD


def add(db: Session, wishes: Sequence[Wish], owner: str) -> list[int]:
    """Put entries on their lists; returns their numbers, in order.

    One that is there already takes the new colour, note and end.
    """
    names = [_name(wish) for wish in wishes]
    numbers: dict[tuple[str, str, str], int] = {}
    for start in range(0, len(wishes), _ENTRIES_A_STATEMENT):
        end = start + _ENTRIES_A_STATEMENT
        # One that is named twice is what it was named last.
        rows = dict(zip(names[start:end], wishes[start:end], strict=True))
        for row in db.execute(_ADD, {**_columns(rows), "owner": owner}):
            numbers[row.label, row.kind, row.key] = row.id
    return [numbers[name] for name in names]


def _name(wish: Wish) -> tuple[str, str, str]:
    """By what an entry is the same: label, kind, key."""
    return wish.label.strip(), wish.kind.value, wish.key


def _columns(wishes: Mapping[tuple[str, str, str], Wish]) -> dict[str, list[Any]]:
    return {
        "labels": [label for label, _, _ in wishes],
        "kinds": [kind for _, kind, _ in wishes],
        "keys": [key for _, _, key in wishes],
        "plates": [wish.spelled for wish in wishes.values()],
        "colours": [wish.colour for wish in wishes.values()],
        "notes": [wish.note for wish in wishes.values()],
        "ends": [wish.expires_at for wish in wishes.values()],
        "alerts": [wish.alert_existing for wish in wishes.values()],
    }


#: A column each: a statement of as many rows takes SQLAlchemy a second for a thousand.
_ADD = text(
    """
    INSERT INTO watch_entries (label, kind, key, plate, colour, note, expires_at, alert_existing, owner)
    SELECT n.*, :owner FROM unnest(
        CAST(:labels AS text[]), CAST(:kinds AS text[]), CAST(:keys AS text[]), CAST(:plates AS text[]),
        CAST(:colours AS text[]), CAST(:notes AS text[]), CAST(:ends AS timestamptz[]), CAST(:alerts AS boolean[])) n
    ON CONFLICT (label, kind, key) DO UPDATE
    SET plate = excluded.plate, colour = excluded.colour, note = excluded.note, expires_at = excluded.expires_at,
        alert_existing = excluded.alert_existing
    RETURNING label, kind, key, id
    """
)


def match_existing(db: Session, entry: int, most: int = CHUNK) -> int:
    """Note existing sightings that fit a new entry, the newest first; returns how many hits that gave.

    Waits for whatever is being made searchable.
    """
    return int(db.scalar(text("SELECT match_existing(:entry, :most)"), {"entry": entry, "most": most}) or 0)


def unmatched(db: Session, most: int) -> list[int]:
    """Entries that are still to be matched with existing sightings."""
    waiting = select(WatchEntry.id).where(WatchEntry.matched_below.is_not(None)).order_by(WatchEntry.id).limit(most)
    return list(db.scalars(waiting))


def end(db: Session, entry: int) -> bool:
    """Let an entry fit nothing any more; its hits stay. False where there is none that has not ended."""
    ended = update(WatchEntry).where(
        WatchEntry.id == entry, (WatchEntry.expires_at.is_(None)) | (WatchEntry.expires_at > func.now())
    )
    return db.execute(ended.values(expires_at=func.now()).returning(WatchEntry.id)).one_or_none() is not None


def forget(db: Session, entry: int) -> bool:
    """Remove an entry and its hits. False where there is none."""
    gone = delete(WatchEntry).where(WatchEntry.id == entry).returning(WatchEntry.id)
    return db.execute(gone).one_or_none() is not None


_ENTRIES = text(
    """
    SELECT w.*, w.expires_at <= now() IS TRUE AS ended, w.matched_below IS NOT NULL AS matching,
           (SELECT count(*) FROM (SELECT 1 FROM hits h WHERE h.entry_id = w.id LIMIT 1000) h) AS hits
    FROM watch_entries w
    WHERE (CAST(:label AS text) IS NULL OR w.label = :label) AND w.id > :after
      AND (:ended OR w.expires_at IS NULL OR w.expires_at > now())
    ORDER BY w.id LIMIT :most
    """
)
_HITS = text(
    """
    SELECT * FROM watch_hits
    WHERE hit < :before AND (CAST(:label AS text) IS NULL OR label = :label)
      AND (CAST(:job AS bigint) IS NULL OR job = :job) AND (CAST(:entry AS bigint) IS NULL OR entry = :entry)
      AND (NOT :new OR NOT existing)
    ORDER BY hit DESC LIMIT :most
    """
)
_LAST = 2**63 - 1


def entries(
    db: Session, label: str | None = None, *, ended: bool = False, after: int = 0, most: int = 100
) -> Sequence[RowMapping]:
    """Entries by number, past `after`, with how many hits they have: up to a thousand are counted."""
    values = {"label": label, "ended": ended, "after": after, "most": most}
    return db.execute(_ENTRIES, values).mappings().all()


def entry_of(db: Session, entry: int) -> RowMapping | None:
    """One of them, ended or not."""
    rows = db.execute(_ENTRIES, {"label": None, "ended": True, "after": entry - 1, "most": 1}).mappings().all()
    return rows[0] if rows and rows[0]["id"] == entry else None


def hits(
    db: Session,
    *,
    label: str | None = None,
    job: int | None = None,
    entry: int | None = None,
    new: bool = False,
    before: int | None = None,
    most: int = 100,
) -> Sequence[RowMapping]:
    """Rows of `watch_hits`, newest first, below the one numbered `before`; `new` leaves out what was there already."""
    values = {"label": label, "job": job, "entry": entry, "new": new, "before": before or _LAST, "most": most}
    return db.execute(_HITS, values).mappings().all()
