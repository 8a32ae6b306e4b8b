"""Watch lists as a page shows them: labels, and entries by label and plate, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

#: Hits and entries are counted up to here, and so many labels are named.
MOST, MOST_LABELS = 1_000, 60


@dataclass(frozen=True, slots=True)
class Behind:
    """The last entry of a page; the next goes on behind it."""

    label: str
    kind: str
    key: str


# Each label is one step in the index of (label, kind, key).
_LABELS = text(
    f"""
    WITH RECURSIVE named (label) AS (
        SELECT min(label) FROM watch_entries
        UNION ALL
        SELECT (SELECT min(w.label) FROM watch_entries w WHERE w.label > n.label) FROM named n WHERE n.label IS NOT NULL
    ), lists AS (SELECT label FROM named WHERE label IS NOT NULL LIMIT {MOST_LABELS})
    SELECT s.label,
           (SELECT count(*) FROM (SELECT FROM watch_entries w WHERE w.label = s.label LIMIT {MOST}) w) AS entries,
           (SELECT colour FROM watch_entries w WHERE w.label = s.label LIMIT 1) AS colour
    FROM lists s ORDER BY s.label
    """
)
_ENTRIES = f"""
    SELECT w.*, w.expires_at <= now() IS TRUE AS ended, w.matched_below IS NOT NULL AS matching,
           (SELECT count(*) FROM (SELECT FROM hits h WHERE h.entry_id = w.id LIMIT {MOST}) h) AS hits,
           (SELECT h.created_at FROM hits h WHERE h.entry_id = w.id ORDER BY h.sighting_id DESC LIMIT 1) AS last_hit
    FROM ({{some}} ORDER BY w.label, w.kind, w.key LIMIT :most) w
    ORDER BY w.label, w.kind, w.key
"""
_SOME = """
    SELECT * FROM watch_entries w
    WHERE (CAST(:label AS text) IS NULL OR w.label = :label)
      AND (:ended OR w.expires_at IS NULL OR w.expires_at > now())
      AND (CAST(:after_label AS text) IS NULL
           OR (w.label, w.kind, w.key) > (:after_label, :after_kind, CAST(:after_key AS text) COLLATE "C"))
"""
# OFFSET 0: read from end to end and sorted then, which is faster than all of them in the order of the index.
_FOUND = f"""
    SELECT * FROM ({_SOME} AND (strpos(w.key, :key) > 0 OR strpos(lower(w.note), :words) > 0) OFFSET 0) w
"""
_ALL_ENTRIES, _FOUND_ENTRIES = text(_ENTRIES.format(some=_SOME)), text(_ENTRIES.format(some=_FOUND))


def labels(db: Session) -> Sequence[RowMapping]:
    """Lists with how many entries they have, and the colour of one."""
    return db.execute(_LABELS).mappings().all()


def entries(
    db: Session,
    *,
    label: str | None,
    key: str | None,
    words: str | None,
    ended: bool,
    behind: Behind | None,
    most: int,
) -> Sequence[RowMapping]:
    """Entries by label and plate, with how many hits they have and when the last came in.

    `key` is a part of a plate as keys are spelled, `words` a part of a note in small letters: either fits, and both are
    given or none.
    """
    after = behind or Behind("", "", "")
    values = {
        "label": label, "key": key, "words": words, "ended": ended, "most": most,
        "after_label": after.label if behind else None, "after_kind": after.kind, "after_key": after.key,
    }  # fmt: skip
    return db.execute(_FOUND_ENTRIES if key is not None else _ALL_ENTRIES, values).mappings().all()
