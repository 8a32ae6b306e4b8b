"""What watched plates keep of videos that are due, and which videos nobody can judge without the plate key.

Where plates are watched by their hash and the key is not at hand, nobody can tell whether a plate in clear is one of
them. Videos that show such a plate wait for the key; all others go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.findings.plate_hashing import MARK, PlateKey


@dataclass(frozen=True, slots=True)
class Kept:
    """What watched plates keep, by id; frames by number of their row."""

    videos: frozenset[int] = frozenset()
    sightings: frozenset[int] = frozenset()
    tracklets: frozenset[int] = frozenset()
    frames: frozenset[int] = frozenset()

    def values(self) -> dict[str, list[int]]:
        return {
            "kept_sightings": sorted(self.sightings),
            "kept_tracklets": sorted(self.tracklets),
            "kept_frames": sorted(self.frames),
        }


def kept_of(db: Session, ids: Sequence[int], key: PlateKey | None) -> Kept:
    """What of these videos is a watched plate's; `key` finds those that are watched by their hash."""
    plates, said = _watched_by_hash(db, ids, key)
    values = {"ids": list(ids), "plates": plates, "said": said}
    rows = db.execute(_WATCHED, values).all()
    return Kept(
        frozenset(row.video_id for row in rows),
        frozenset(row.sighting for row in rows),
        frozenset(row.tracklet for row in rows if row.tracklet is not None),
        frozenset(row.frame for row in rows if row.frame is not None),
    )


def some_watched_by_hash(db: Session) -> bool:
    """Whether a plate is watched by its hash alone."""
    return bool(db.scalar(text("SELECT EXISTS (SELECT 1 FROM watched WHERE key LIKE :mark)"), {"mark": f"{MARK}%"}))


def undecided(db: Session, ids: Sequence[int]) -> set[int]:
    """Those of these videos of which nobody without the key can tell whether they show a watched plate."""
    return set(db.scalars(_UNDECIDED, {"ids": list(ids), "mark": f"{MARK}%"}))


def _watched_by_hash(db: Session, ids: Sequence[int], key: PlateKey | None) -> tuple[list[int], list[int]]:
    """Plates in clear, of these videos, whose hash is watched, and corrections; none without the key.

    Then these videos show no plate in doubt.
    """
    hashes = set(db.scalars(_WATCHED_HASHES, {"mark": f"{MARK}%"})) if key is not None else ()
    if key is None or not hashes:
        return [], []
    values = {"ids": list(ids), "mark": f"{MARK}%"}
    plates, said = db.execute(_CLEAR_PLATES, values).all(), db.execute(_CLEAR_CORRECTIONS, values).all()
    return (
        [plate.id for plate in plates if key.hashed(plate.key) in hashes],
        [one.id for one in said if key.hashed(one.text) in hashes],
    )


#: A plate in clear that is not watched in clear may be watched by its hash. A scalar subquery, not EXISTS: it is never
#: answered by reading all sightings.
IN_DOUBT = """
    EXISTS (SELECT 1 FROM watched WHERE key LIKE :mark) AND (
        SELECT true FROM sightings s JOIN plates p ON p.id = s.plate_id
        WHERE s.video_id = v.id AND p.key NOT LIKE :mark
          AND NOT EXISTS (SELECT 1 FROM watched w WHERE w.key = p.key)
        LIMIT 1)
"""
_UNDECIDED = text(f"SELECT v.id FROM videos v WHERE v.id = ANY (:ids) AND {IN_DOUBT}")
#: A sighting once for each of its tracklets. Where a redo could not be put together, other tracklets may bear the
#: numbers of those that it rests on, and none has its crop any more: then only what says the same is taken for it.
_WATCHED = text(
    """
    SELECT s.video_id, s.id AS sighting, t.id AS tracklet, f.id AS frame
    FROM sightings s
    JOIN plates p ON p.id = s.plate_id
    LEFT JOIN LATERAL jsonb_array_elements(s.tracklets) e (pair) ON true
    LEFT JOIN segments g ON g.video_id = s.video_id AND g.index = (e.pair ->> 0)::bigint
    LEFT JOIN LATERAL (
        SELECT t.id FROM tracklets t LEFT JOIN readings r ON r.tracklet_id = t.id
        WHERE t.segment_id = g.id AND t.index = (e.pair ->> 1)::bigint AND NOT t.provisional
          AND (t.first ->> 'pts')::bigint >= s.first_pts AND (t.last ->> 'pts')::bigint <= s.last_pts
          AND (s.crop IS NULL OR r.text = s.text OR EXISTS (
              SELECT 1 FROM segments o JOIN tracklets q ON q.segment_id = o.id JOIN crops c ON c.tracklet_id = q.id
              WHERE o.video_id = s.video_id AND NOT q.provisional AND c.name = s.crop))
    ) t ON true
    LEFT JOIN LATERAL (
        SELECT id FROM frames
        WHERE video_id = s.video_id AND (pts = s.best_pts OR pts BETWEEN s.first_pts AND s.last_pts)
        ORDER BY abs(pts - s.best_pts), pts LIMIT 1
    ) f ON true
    WHERE s.video_id = ANY (:ids)
      AND (p.id = ANY (CAST(:plates AS bigint[])) OR EXISTS (SELECT 1 FROM watched w WHERE w.key = p.key)
           -- Or a person reads one there.
           OR EXISTS (SELECT 1 FROM corrections c LEFT JOIN watched w ON w.key = translate(c.text, 'OI', '01')
                      WHERE c.sighting_id = s.id AND (w.key IS NOT NULL OR c.id = ANY (CAST(:said AS bigint[])))))
    """
)
_WATCHED_HASHES = text("SELECT key FROM watched WHERE key LIKE :mark")
_CLEAR_PLATES = text(
    """
    SELECT id, key FROM plates
    WHERE id IN (SELECT plate_id FROM sightings WHERE video_id = ANY (:ids)) AND key NOT LIKE :mark
    """
)
_CLEAR_CORRECTIONS = text(
    "SELECT id, text FROM corrections WHERE video_id = ANY (:ids) AND text IS NOT NULL AND text NOT LIKE :mark"
)
