"""Where sightings are at all, so that a map begins there."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

#: The box of the tracks of this many videos, the newest that have one.
_MOST_TRACKS = 2000
_EXTENT = text(
    """
    SELECT min(south), min(west), max(north), max(east) FROM (
        SELECT south, west, north, east FROM tracks
        WHERE south IS NOT NULL AND west <= east ORDER BY video_id DESC LIMIT :most) newest
    """
)
#: South, west, north, east, degrees.
Extent = tuple[float, float, float, float]


def extent(db: Session) -> Extent | None:
    """The box of the newest tracks; None where there is none."""
    row = db.execute(_EXTENT, {"most": _MOST_TRACKS}).one()
    return None if row[0] is None else (row[0], row[1], row[2], row[3])
