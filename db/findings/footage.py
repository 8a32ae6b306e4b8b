"""What has to be known of a sighting's video to show the moments around it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.findings.mapping import MEDIA_COLUMNS, media_of
from db.models import Job, SightingRow, Video
from pipeline.job_options import JobOptions
from pipeline.records import MediaInfo


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
