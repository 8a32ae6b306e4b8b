"""What has to be known of a video to show what was found in it: the moments around a sighting, or all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping, select, text
from sqlalchemy.orm import Session

from db.findings.mapping import MEDIA_COLUMNS, media_of, observation_of
from db.models import Job, Segment, SightingRow, Video
from pipeline.job_options import JobOptions
from pipeline.records import MediaInfo, MediaKind, Observation, SegmentSpan


@dataclass(frozen=True, slots=True)
class Footage:
    """A sighting's video, and the frame in it that was read."""

    media: MediaInfo
    #: As `pipeline.sources.fingerprints` made them when the file was opened and submitted.
    content: str | None
    fingerprint: str
    #: pts of the frame that was read.
    best_pts: int
    #: Its plate is stored as a keyed hash.
    hashed: bool


def footage(db: Session, sighting_id: int) -> Footage | None:
    """The video that a sighting was found in; None where there is no such sighting."""
    columns = (*MEDIA_COLUMNS, Video.content, Video.fingerprint, SightingRow.best_pts, Job.options)
    asked = (
        select(*columns)
        .join(SightingRow, SightingRow.video_id == Video.id)
        .join(Job, Job.id == Video.job_id)
        .where(SightingRow.id == sighting_id)
    )
    row = db.execute(asked).mappings().one_or_none()
    if row is None:
        return None
    hashed = JobOptions.from_json(row["options"]).hashed
    return Footage(media_of(row), row["content"], row["fingerprint"], row["best_pts"], hashed)


@dataclass(frozen=True, slots=True)
class StoredPath:
    """What is stored of where a tracklet was: its first and last observation, and those that crops were kept of."""

    #: Number of the segment in its video.
    segment: int
    #: In no order.
    seen: tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class Passing:
    """A sighting, and where its plate was seen."""

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
    SELECT p.sighting, p.plate, p.confirmed, g.index AS segment, t.first, t.last,
           (SELECT jsonb_agg(c.observation) FROM crops c WHERE c.tracklet_id = t.id) AS seen
    FROM plate_sightings p
    JOIN sightings s ON s.id = p.sighting
    CROSS JOIN LATERAL jsonb_array_elements(s.tracklets) AS named (pair)
    JOIN segments g ON g.video_id = s.video_id AND g.index = (named.pair ->> 0)::bigint
    JOIN tracklets t ON t.segment_id = g.id AND t.index = (named.pair ->> 1)::bigint AND NOT t.provisional
    WHERE s.video_id = :video
    ORDER BY p.sighting, t.id
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


def passings(db: Session, video_id: int) -> list[Passing]:
    """All sightings of a video with what is stored of their places."""
    found: dict[int, tuple[RowMapping, list[StoredPath]]] = {}
    for row in db.execute(_PASSINGS, {"video": video_id}).mappings():
        seen = tuple(observation_of(one) for one in (row["first"], row["last"], *(row["seen"] or ())))
        found.setdefault(row["sighting"], (row, []))[1].append(StoredPath(row["segment"], seen))
    return [Passing(row["plate"], row["confirmed"], tuple(tracklets)) for row, tracklets in found.values()]


def spans(db: Session, video_id: int) -> Sequence[tuple[MediaInfo, SegmentSpan]]:
    """The video's segments in time order, each with what is needed to decode it.

    Raises DashplateError for a video that was never opened.
    """
    video = db.execute(select(*MEDIA_COLUMNS).where(Video.id == video_id)).mappings().one()
    columns = (Segment.index.label("number"), Segment.start_pts, Segment.end_pts)
    rows = db.execute(select(*columns).where(Segment.video_id == video_id).order_by(Segment.index))
    return [(media_of(video, row.start_pts), SegmentSpan(row.number, row.start_pts, row.end_pts)) for row in rows]
