"""What has to be known of a video to show what was found in it: the moments around a sighting, or all of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from sqlalchemy import RowMapping, select, text
from sqlalchemy.orm import Session

from db.findings.mapping import MEDIA_COLUMNS, media_of, observation_of, path_of
from db.models import Job, Segment, SightingRow, Video
from pipeline.job_options import JobOptions
from pipeline.records import MediaInfo, MediaKind, Observation, SegmentSpan


@dataclass(frozen=True, slots=True)
class Footage:
    """A video as it can be shown."""

    media: MediaInfo
    #: As `pipeline.sources.fingerprints` made them when the file was opened and submitted.
    content: str | None
    fingerprint: str
    #: Its plates are stored as keyed hashes.
    hashed: bool


_FOOTAGE = select(*MEDIA_COLUMNS, Video.content, Video.fingerprint, Job.options).join(Job, Job.id == Video.job_id)


def footage(db: Session, sighting_id: int) -> tuple[Footage, int] | None:
    """The video that a sighting was found in, and pts of the frame that was read; None where there is no sighting."""
    asked = _FOOTAGE.add_columns(SightingRow.best_pts).join(SightingRow, SightingRow.video_id == Video.id)
    row = db.execute(asked.where(SightingRow.id == sighting_id)).mappings().one_or_none()
    return None if row is None else (_footage(row), row["best_pts"])


def footage_of(db: Session, video_id: int) -> Footage | None:
    """A video; None where there is none of that number. Raises DashplateError for one that was never opened."""
    row = db.execute(_FOOTAGE.where(Video.id == video_id)).mappings().one_or_none()
    return None if row is None else _footage(row)


def _footage(row: RowMapping) -> Footage:
    hashed = JobOptions.from_json(row["options"]).hashed
    return Footage(media_of(row), row["content"], row["fingerprint"], hashed)


@dataclass(frozen=True, slots=True)
class StoredPath:
    """What is stored of where a tracklet was: all of it, or, in rows of before 0013, its first and last observation and
    those that crops were kept of."""

    #: Number of the segment in its video.
    segment: int
    #: In no order.
    seen: tuple[Observation, ...]
    #: They are all that there were.
    whole: bool


@dataclass(frozen=True, slots=True)
class Passing:
    """A sighting, and where its plate was seen."""

    sighting: int
    plate: str
    confirmed: bool
    tracklets: tuple[StoredPath, ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """A video of a job, as it can be shown."""

    id: int
    path: str
    kind: MediaKind | None
    #: Of its job.
    options: JobOptions
    #: As `pipeline.sources.fingerprints` made them when the file was opened and submitted.
    content: str | None
    fingerprint: str


#: A sighting names its tracklets by segment and index. Those that a redo has replaced are gone, and left out.
_PASSINGS = text(
    """
    SELECT s.id AS sighting, p.text AS plate, s.confirmed, g.index AS segment, t.first, t.last, t.path,
           v.time_base_num, v.time_base_den,
           (SELECT jsonb_agg(c.observation) FROM crops c WHERE t.path IS NULL AND c.tracklet_id = t.id) AS seen
    FROM sightings s
    JOIN plates p ON p.id = s.plate_id
    JOIN videos v ON v.id = s.video_id
    CROSS JOIN LATERAL jsonb_array_elements(s.tracklets) AS named (pair)
    JOIN segments g ON g.video_id = s.video_id AND g.index = (named.pair ->> 0)::bigint
    JOIN tracklets t ON t.segment_id = g.id AND t.index = (named.pair ->> 1)::bigint AND NOT t.provisional
    WHERE s.video_id = :video AND s.last_s >= :since_s AND s.first_s <= :until_s
    ORDER BY s.id, t.id
    """
)


_WATCHED = select(Video.id, Video.path, Video.kind, Video.content, Video.fingerprint, Job.options).join(
    Job, Job.id == Video.job_id
)


def watched(db: Session, job_id: int) -> list[Watched]:
    """A job's videos in the order of their submission."""
    return [_watched(row) for row in db.execute(_WATCHED.where(Job.id == job_id).order_by(Video.id)).mappings()]


def watched_video(db: Session, video_id: int) -> Watched | None:
    """One video; None where there is no such video."""
    row = db.execute(_WATCHED.where(Video.id == video_id)).mappings().one_or_none()
    return None if row is None else _watched(row)


def _watched(row: RowMapping) -> Watched:
    options = JobOptions.from_json(row["options"])
    return Watched(row["id"], row["path"], row["kind"], options, row["content"], row["fingerprint"])


def passings(db: Session, video_id: int, since_s: float = -math.inf, until_s: float = math.inf) -> list[Passing]:
    """The sightings of a video, or of some seconds of it, with what is stored of their places."""
    found: dict[int, tuple[RowMapping, list[StoredPath]]] = {}
    asked = {"video": video_id, "since_s": since_s, "until_s": until_s}
    for row in db.execute(_PASSINGS, asked).mappings():
        found.setdefault(row["sighting"], (row, []))[1].append(_stored_path(row))
    return [
        Passing(number, row["plate"], row["confirmed"], tuple(tracklets)) for number, (row, tracklets) in found.items()
    ]


def _stored_path(row: RowMapping) -> StoredPath:
    first = observation_of(row["first"])
    if row["path"] is not None:
        time_base = Fraction(row["time_base_num"], row["time_base_den"])
        return StoredPath(row["segment"], path_of(row["path"], first, time_base), whole=True)
    some = (first, observation_of(row["last"]), *map(observation_of, row["seen"] or ()))
    return StoredPath(row["segment"], some, whole=False)


def spans(db: Session, video_id: int) -> Sequence[tuple[MediaInfo, SegmentSpan]]:
    """The video's segments in time order, each with what is needed to decode it.

    Raises DashplateError for a video that was never opened.
    """
    video = db.execute(select(*MEDIA_COLUMNS).where(Video.id == video_id)).mappings().one()
    columns = (Segment.index.label("number"), Segment.start_pts, Segment.end_pts)
    rows = db.execute(select(*columns).where(Segment.video_id == video_id).order_by(Segment.index))
    return [(media_of(video, row.start_pts), SegmentSpan(row.number, row.start_pts, row.end_pts)) for row in rows]
