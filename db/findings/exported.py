"""A job's findings as an export reads them: from one moment, through a cursor of the server, however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from db.engine import session
from db.findings.queries import VIDEOS

#: Rows that come over at a time; a sighting has about 2 kB.
_ROWS = 500
#: The same of rows whose pictures are fetched one after the other: the server waits two minutes for the next question.
_WITH_PICTURES = 50
#: Videos whose sightings the server sorts together: so the first come at once, and none is sorted on its disk.
_VIDEOS_A_QUERY = 100
#: Tracks that come over at a time; one of an hour with ten fixes a second has 2 MB.
_TRACKS = 5
#: Whoever reads an export may rest for so long: somebody who looks through it, or whose disk is full for the moment.
_LONGEST_REST_S = 3600

_COUNT = """
    SELECT count(*) FROM (
        SELECT DISTINCT s.video_id, s.plate_id FROM sightings s JOIN videos v ON v.id = s.video_id WHERE v.job_id = :job
    ) plates
"""
_VIDEO_IDS = """
    SELECT id FROM videos v WHERE v.job_id = :job AND EXISTS (SELECT FROM sightings WHERE video_id = v.id) ORDER BY id
"""
_COUNT_SIGHTINGS = "SELECT count(*) FROM sightings s JOIN videos v ON v.id = s.video_id WHERE v.job_id = :job"
_ORDER = "ORDER BY video_id, first_s, plate"
_SIGHTINGS = f"SELECT * FROM plate_sightings WHERE video_id = ANY (:videos) {_ORDER}"
_PLACED = f"SELECT * FROM plate_sightings WHERE video_id = ANY (:videos) AND lat IS NOT NULL {_ORDER}"
_COUNT_TRACKS = "SELECT count(*) FROM tracks t JOIN videos v ON v.id = t.video_id WHERE v.job_id = :job"
_TRACKS_OF_JOB = """
    SELECT v.path, v.camera, v.drive_id, v.recorded_at, v.clock_zone, t.source, t.points, t.doubts
    FROM tracks t JOIN videos v ON v.id = t.video_id WHERE v.job_id = :job ORDER BY v.id
"""
#: The same with the detector's confidence in the box that was read, and the plate's place in the crop, where they are
#: left; and when the frame was that is shown.
_DETECTED = """
    SELECT p.*, d.detection_confidence, d.crop_plate,
           (SELECT f.pts FROM frames f WHERE f.video_id = s.video_id AND f.name = p.frame) AS frame_pts
    FROM plate_sightings p
    JOIN sightings s ON s.id = p.sighting
    LEFT JOIN LATERAL (
        SELECT (r.best ->> 'confidence')::float AS detection_confidence, c.plate AS crop_plate
        FROM jsonb_array_elements(s.tracklets) e (pair)
        JOIN segments g ON g.video_id = s.video_id AND g.index = (e.pair ->> 0)::bigint
        JOIN tracklets t ON t.segment_id = g.id AND t.index = (e.pair ->> 1)::bigint AND NOT t.provisional
        JOIN readings r ON r.tracklet_id = t.id
        LEFT JOIN crops c ON c.tracklet_id = t.id AND c.name = s.crop
        WHERE (r.best ->> 'pts')::bigint = s.best_pts
        ORDER BY c.name IS NULL LIMIT 1
    ) d ON true
    WHERE p.video_id = ANY (:videos)
"""
#: What is known of a sighting: a person read it, or more than one crop says so.
_KNOWN = "(corrected_by IS NOT NULL OR (:confirmed AND confirmed))"
_COUNT_LABELLED = f"SELECT count(*) FROM plate_sightings WHERE job = :job AND {_KNOWN}"
_LABELLED = f"SELECT * FROM ({_DETECTED}) found WHERE {_KNOWN} ORDER BY video_id, best_pts, sighting"


@contextmanager
def snapshot(url: str) -> Iterator[Session]:
    """A transaction in which all questions are answered as of the first one."""
    with session(url) as db:
        db.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        db.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{_LONGEST_REST_S}s'"))
        yield db


def count_plates(db: Session, job_id: int) -> int:
    """The rows of an export: unique plates per video."""
    return int(db.execute(text(_COUNT), {"job": job_id}).scalar_one())


def count_sightings(db: Session, job_id: int, *, placed: bool = False) -> int:
    """The same where each sighting is a row, or each that has a place."""
    query = f"{_COUNT_SIGHTINGS} AND s.lat IS NOT NULL" if placed else _COUNT_SIGHTINGS
    return int(db.execute(text(query), {"job": job_id}).scalar_one())


def count_tracks(db: Session, job_id: int) -> int:
    """How many videos have a track."""
    return int(db.execute(text(_COUNT_TRACKS), {"job": job_id}).scalar_one())


def tracks(db: Session, job_id: int) -> Iterator[RowMapping]:
    """The tracks of a job's videos, by video: rows of `tracks` with what `videos` says of clock and camera."""
    return _streamed(db, _TRACKS_OF_JOB, _TRACKS, job=job_id)


def videos(db: Session, job_id: int) -> Iterator[RowMapping]:
    """What `queries.videos` gives, one after the other."""
    yield from _streamed(db, VIDEOS, job=job_id)


def sightings(db: Session, job_id: int, *, detector: bool = False, placed: bool = False) -> Iterator[RowMapping]:
    """What `queries.sightings` gives, one after the other: by video and time.

    If `placed`, only those that have a place. With `detector`, also how sure it was of the box that was read,
    `detection_confidence`; null where nobody knows.
    """
    query = f"{_DETECTED} ORDER BY p.video_id, p.first_s, p.plate" if detector else _PLACED if placed else _SIGHTINGS
    return _by_videos(db, job_id, query)


def count_labelled(db: Session, job_id: int, *, confirmed: bool) -> int:
    """The rows of `labelled`."""
    return int(db.execute(text(_COUNT_LABELLED), {"job": job_id, "confirmed": confirmed}).scalar_one())


def labelled(db: Session, job_id: int, *, confirmed: bool) -> Iterator[RowMapping]:
    """Sightings that a person read, and if `confirmed`, also those that more than one crop says: by video and moment.

    With `detection_confidence`, `crop_plate` (the plate's box in its crop) and `frame_pts`, where these are known.
    """
    return _by_videos(db, job_id, _LABELLED, _WITH_PICTURES, confirmed=confirmed)


def _by_videos(db: Session, job_id: int, query: str, rows: int = _ROWS, **values: Any) -> Iterator[RowMapping]:
    ids = db.execute(text(_VIDEO_IDS), {"job": job_id}).scalars().all()
    for start in range(0, len(ids), _VIDEOS_A_QUERY):
        yield from _streamed(db, query, rows, videos=list(ids[start : start + _VIDEOS_A_QUERY]), **values)


def _streamed(db: Session, query: str, rows: int = _ROWS, **values: Any) -> Iterator[RowMapping]:
    result = db.execute(text(query), values, execution_options={"yield_per": rows})
    try:
        yield from result.mappings()
    finally:
        result.close()
