"""What the page for submitting learns from earlier uploads."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

_SECONDS_PER_BYTE = text(
    """
    SELECT sum(duration_s) / sum(size) FROM (
        SELECT v.duration_s, u.size FROM uploads u JOIN videos v ON v.id = u.video_id
        WHERE v.duration_s > 0 AND u.size > 0 ORDER BY u.number DESC LIMIT 50
    ) last
    """
)


def seconds_per_byte(db: Session) -> float | None:
    """How much footage a byte held in the videos that were uploaded last; None before there are any."""
    found = db.scalar(_SECONDS_PER_BYTE)
    return None if found is None else float(found)
