"""What the page of a video shows: the file's facts, what was given up of it, and its sightings by their time."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from db.findings import pages
from db.states import SegmentState

#: Sightings that a timeline has marks for: more than the pixels that it is wide.
MOST_MARKS = 4000
#: Stretches of a video that are told apart.
_MOST_STRETCHES = 200

_VIDEO = text(
    """
    SELECT v.id, v.job_id AS job, j.name AS job_name, v.path, v.kind, v.state, v.problem, v.width, v.height, v.codec,
           v.frame_rate, v.duration_s, v.segments, v.segments_done, v.segments_quarantined, v.footage_done_s,
           v.recorded_at, v.recorded_from, v.clock_zone, v.clock_error_s, v.recovered, v.make, v.model, v.camera,
           v.drive_id AS drive,
           jsonb_path_query_array(v.clock_others, '$[*] ? (!(@.agrees == true))') AS clock_others,
           v.created_at, v.finished_at, v.purged_at, v.away_since,
           t.source AS track_source, t.sidecar AS track_sidecar, t.fixes AS track_fixes, t.length_m AS track_length_m,
           t.north IS NOT NULL AS track_believed,
           coalesce((j.options ->> 'hashed')::boolean, false) AS hashed,
           (SELECT count(*) FROM sightings s WHERE s.video_id = v.id) AS sightings
    FROM videos v JOIN jobs j ON j.id = v.job_id LEFT JOIN tracks t ON t.video_id = v.id WHERE v.id = :video
    """
)
_GIVEN_UP = text(
    f"""
    SELECT start_s, end_s, state = '{SegmentState.QUARANTINED}' AS lost, coalesce(problem, damage) AS sentence
    FROM segments
    WHERE video_id = :video AND (state = '{SegmentState.QUARANTINED}' OR damage IS NOT NULL)
    ORDER BY start_pts LIMIT {_MOST_STRETCHES}
    """
)
#: By the frame that was read; of two in one frame the earlier number first.
_NUMBERS = text(
    """
    SELECT id, best_s FROM sightings
    WHERE video_id = :video AND (best_s, id) > (:after_s, :after) ORDER BY best_s, id LIMIT :most
    """
)

_LOCATED = text(
    """
    SELECT s.id AS sighting, s.best_s, s.lat, s.lon, p.text AS plate,
           c.id IS NOT NULL AS corrected, c.text AS corrected_to
    FROM sightings s JOIN plates p ON p.id = s.plate_id LEFT JOIN corrections c ON c.sighting_id = s.id
    WHERE s.video_id = :video AND s.lat IS NOT NULL ORDER BY s.best_s, s.id LIMIT :most
    """
)


def video(db: Session, video_id: int) -> RowMapping | None:
    """A video with its job."""
    return db.execute(_VIDEO, {"video": video_id}).mappings().one_or_none()


def given_up(db: Session, video_id: int) -> Sequence[RowMapping]:
    """Stretches that could not be looked at, or were damaged, in order."""
    return db.execute(_GIVEN_UP, {"video": video_id}).mappings().all()


def marks(db: Session, video_id: int) -> list[tuple[int, float]]:
    """Number and second of a video's sightings, by time; the first `MOST_MARKS`."""
    rows = db.execute(_NUMBERS, {"video": video_id, "after_s": -1.0, "after": 0, "most": MOST_MARKS})
    return [(row.id, row.best_s) for row in rows]


def located(db: Session, video_id: int) -> Sequence[RowMapping]:
    """A video's sightings that have a place, by time, with what a person said of them; the first `MOST_MARKS`."""
    return db.execute(_LOCATED, {"video": video_id, "most": MOST_MARKS}).mappings().all()


def sightings(db: Session, video_id: int, after_s: float, after: int, most: int) -> list[RowMapping]:
    """`plate_sightings` rows of a video by time, past the sighting `after` at `after_s`."""
    asked = {"video": video_id, "after_s": after_s, "after": after, "most": most}
    rows = pages.sightings_of(db, db.execute(_NUMBERS, asked).scalars().all())
    return sorted(rows, key=lambda row: (row["best_s"], row["sighting"]))
