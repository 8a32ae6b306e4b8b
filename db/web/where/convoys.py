"""Convoys for people who wait for them: ended where they take too long, and which of their clocks have no zone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from db.web.in_time import in_time
from db.where.asked import convoys

_TOO_LONG = "Looking through so many drives takes too long. Ask about fewer days, or about one job."
_WITHOUT = text(
    """
    SELECT p.text FROM plates p WHERE p.text = ANY (:plates) AND EXISTS (
        SELECT 1 FROM sightings s JOIN videos v ON v.id = s.video_id
        WHERE s.plate_id = p.id AND v.recorded_at IS NOT NULL AND v.clock_zone IS NULL AND v.drive_id IS NOT NULL
    )
    """
)


def convoys_in_time(db: Session, most_s: float, days: int | None, **question: Any) -> Sequence[RowMapping]:
    """What `convoys` gives. Raises UsageError, with a sentence, where it takes longer than `most_s`."""
    with in_time(db, most_s, _TOO_LONG):
        return convoys(db, days, **question)


def seen_without_zone(db: Session, plates: Collection[str]) -> set[str]:
    """Those of these plates that a camera without a known zone saw in any drive."""
    return set(db.scalars(_WITHOUT, {"plates": list(plates)}))
