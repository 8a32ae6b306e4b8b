"""Jobs by name, for whoever chooses one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

#: Older ones are reached from their own pages.
MOST = 100
_NAMES = text(
    """
    SELECT id, name FROM jobs WHERE id = :chosen
    UNION (SELECT id, name FROM jobs ORDER BY id DESC LIMIT :most)
    ORDER BY id DESC
    """
)


def names(db: Session, chosen: int | None) -> Sequence[Row[tuple[int, str]]]:
    """The newest jobs, and one that was chosen, newest first."""
    return db.execute(_NAMES, {"chosen": chosen or 0, "most": MOST}).all()
