"""The unsure sightings that nobody has looked at yet, and what a person needs to judge one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from db.findings.plate_hashing import MARK
from db.models.findings import UNSURE

#: So many wait in a person's browser at a time, and are counted; the least sure are sought among these. At one a second
#: they last a quarter of an hour.
MOST = 1_000
#: Jobs that are offered to choose from.
MOST_JOBS = 100

#: Which sightings `s` wait for a person. Nobody can look at the picture of a hashed one.
WAITING = (
    f"({UNSURE}) AND s.text NOT LIKE '{MARK}%' AND NOT EXISTS (SELECT FROM corrections c WHERE c.sighting_id = s.id)"
)
_NEWEST = text(
    f"""
    SELECT s.id, s.confidence FROM sightings s WHERE {WAITING} ORDER BY s.id DESC LIMIT {MOST}
    """
)
_NEWEST_OF_JOB = text(
    f"""
    SELECT s.id, s.confidence FROM videos v JOIN sightings s ON s.video_id = v.id
    WHERE v.job_id = :job AND {WAITING} ORDER BY s.id DESC LIMIT {MOST}
    """
)
_SHOWN = text(
    f"""
    SELECT p.*, v.width, v.height
    FROM (SELECT s.id FROM sightings s WHERE s.id = ANY (:ids) AND {WAITING}) w
    JOIN plate_sightings p ON p.sighting = w.id JOIN videos v ON v.id = p.video_id
    ORDER BY array_position(CAST(:ids AS bigint[]), w.id)
    """
)
_JOBS = text(f"SELECT id, name FROM jobs ORDER BY id DESC LIMIT {MOST_JOBS}")


def waiting(db: Session, job: int | None, *, newest: bool) -> list[int]:
    """The newest that wait for a person, at most `MOST`; of these, unless the `newest` are to come first, the least
    sure first."""
    rows = db.execute(_NEWEST if job is None else _NEWEST_OF_JOB, {"job": job}).all()
    return [row.id for row in (rows if newest else sorted(rows, key=lambda row: row.confidence))]


def shown(db: Session, ids: Sequence[int]) -> Sequence[RowMapping]:
    """`plate_sightings` rows with the size of their frames, in this order; without those that somebody has judged."""
    return db.execute(_SHOWN, {"ids": list(ids)}).mappings().all() if ids else []


def jobs(db: Session) -> Sequence[RowMapping]:
    """The newest jobs, to choose from."""
    return db.execute(_JOBS).mappings().all()
