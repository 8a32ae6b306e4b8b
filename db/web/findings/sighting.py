"""What the page of one sighting shows beside what is stored of it: its neighbours, its plate, its watch hits."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

#: Watch hits that are shown.
MOST_HITS = 20
_ABOUT = text(
    """
    SELECT p.*, u.sightings AS of_plate,
           (SELECT f.pts FROM frames f WHERE f.video_id = p.video_id AND f.name = p.frame) AS frame_pts,
           (SELECT id FROM sightings n
            WHERE n.video_id = p.video_id AND n.index < s.index ORDER BY n.index DESC LIMIT 1)
               AS before,
           (SELECT id FROM sightings n WHERE n.video_id = p.video_id AND n.index > s.index ORDER BY n.index LIMIT 1)
               AS after
    FROM plate_sightings p
    JOIN sightings s ON s.id = p.sighting
    JOIN plates u ON u.id = p.plate_id
    WHERE p.sighting = :sighting
    """
)
#: Hits are found by their video, which has few.
_HITS = text(
    """
    SELECT h.id, h.said, h.winner, h.share, h.distance, h.created_at, w.label, w.plate, w.colour, w.note
    FROM hits h JOIN watch_entries w ON w.id = h.entry_id
    WHERE h.video_id = :video AND h.sighting_id = :sighting ORDER BY h.id DESC LIMIT :most
    """
)
_CROP = text(
    """
    SELECT c.name FROM sightings s
    CROSS JOIN LATERAL jsonb_array_elements(s.tracklets) AS named (pair)
    JOIN segments g ON g.video_id = s.video_id AND g.index = (named.pair ->> 0)::bigint
    JOIN tracklets t ON t.segment_id = g.id AND t.index = (named.pair ->> 1)::bigint AND NOT t.provisional
    JOIN crops c ON c.tracklet_id = t.id
    WHERE s.id = :sighting AND c.id = :crop
    """
)


def about(db: Session, sighting: int) -> RowMapping | None:
    """A row of `plate_sightings` with the neighbours in its video, and how often its plate was seen."""
    return db.execute(_ABOUT, {"sighting": sighting}).mappings().one_or_none()


def hits(db: Session, video: int, sighting: int) -> Sequence[RowMapping]:
    """Entries of watch lists that it fits, the newest first."""
    return db.execute(_HITS, {"video": video, "sighting": sighting, "most": MOST_HITS}).mappings().all()


def crop_name(db: Session, sighting: int, crop: int) -> str | None:
    """The name in the store of one of the pictures that a sighting was read from; None where it is none of its own."""
    name: str | None = db.scalar(_CROP, {"sighting": sighting, "crop": crop})
    return name
