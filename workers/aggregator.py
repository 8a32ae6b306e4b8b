"""The aggregator: a video's tracklets stitched into sightings, deduplicated into plates, and the video closed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.engine import patiently
from db.files import drop_crops, owe_deletion
from db.models import Job, Video
from db.outbox import AGGREGATE
from db.results import read_tracklets_of, segment_problems, store_frames, store_sightings
from db.rows import MEDIA_COLUMNS, media_of
from db.sealing import PlateKey
from db.videos import end_video
from pipeline.errors import DashplateError
from pipeline.merge import stitch
from pipeline.records import JobState, MediaInfo, Sighting, VideoState
from workers.clearing import clear_deletions, sweep_video
from workers.private import discreet, keeps_pictures, key_of
from workers.resources import store
from workers.settings import settings
from workers.steps import taken
from workers.store import Stored, StoreTrouble, frame_name, video_folders
from workers.work import work

log = logging.getLogger(__name__)


def aggregate(video_id: int) -> None:
    """Persist what a video showed; running it twice changes nothing."""
    url = settings().require_database()
    with taken(AGGREGATE, video_id) as ours:
        if not ours:
            return
        job_id, media, options, sightings = patiently(url, lambda db: _stitched(db, video_id))
        evidence = keeps_pictures(options)
        frames = _frames(job_id, video_id, media, sightings) if evidence else {}
        key = key_of(options)
        patiently(url, lambda db: _store(db, job_id, video_id, sightings, frames, evidence, key))
        if evidence:
            sweep_video(url, job_id, video_id)
        else:
            # At once: the sweeper may end with the job.
            clear_deletions(url)


def _stitched(db: Session, video_id: int) -> tuple[int, MediaInfo, dict[str, object], tuple[Sighting, ...]]:
    """Its readings cannot change any more: all its segments have ended."""
    wanted = select(Video.job_id, Job.options, *MEDIA_COLUMNS).join(Job, Job.id == Video.job_id)
    row = db.execute(wanted.where(Video.id == video_id)).mappings().one()
    options = row["options"]
    with discreet(options):
        sightings = stitch(read_tracklets_of(db, video_id, key_of(options)), row["kind"])
    return row["job_id"], media_of(row), options, sightings


def _frames(job_id: int, video_id: int, media: MediaInfo, sightings: Sequence[Sighting]) -> dict[int, Stored]:
    """The frames that sightings were read from, written to the store; by pts."""
    wanted = {sighting.best.pts for sighting in sightings}
    kept: dict[int, Stored] = {}
    try:
        for pts, image in work().frames(media, wanted) if wanted else ():
            kept[pts] = store().put_image(frame_name(job_id, video_id, pts), image)
    except StoreTrouble:
        raise
    except DashplateError as error:
        # The file is gone since it was read: what it showed is kept all the same.
        log.warning("Frames of video %d are not kept: %s", video_id, error)
    return kept


def _store(
    db: Session,
    job_id: int,
    video_id: int,
    sightings: Sequence[Sighting],
    frames: dict[int, Stored],
    evidence: bool,
    key: PlateKey | None,
) -> None:
    locked = select(Video).where(Video.id == video_id).with_for_update()
    video = db.execute(locked).scalar_one()
    if video.state is not VideoState.AGGREGATING:
        return
    if not evidence:
        sightings = [replace(sighting, crop=None) for sighting in sightings]
        drop_crops(db, video_id)
        owe_deletion(db, video_folders(job_id, video_id))
    store_sightings(db, video_id, sightings, key)
    store_frames(db, video_id, frames)
    end_video(db, video_id, *_verdict(db, video))


def _verdict(db: Session, video: Video) -> tuple[VideoState, str | None]:
    """The final state, and every sentence about the video in one."""
    problems = segment_problems(db, video.id)
    sentences = [video.damage] if video.damage else []
    for segment, given_up in problems:
        where = f"{segment.start_s:.1f}–{segment.end_s:.1f} s"
        sentences.append(f"{where} was left out: {segment.problem}" if given_up else str(segment.problem))
    left = video.segments - video.segments_done - video.segments_quarantined
    if left and db.scalar(select(Job.state).where(Job.id == video.job_id)) is JobState.CANCELLED:
        ended = f"{video.segments - left} of {video.segments} stretches"
        cancelled = f"The job was cancelled after {ended}; their plates are kept."
        return VideoState.CANCELLED, " ".join([cancelled, *sentences])
    if video.segments_quarantined == video.segments:
        return VideoState.FAILED, f"Nothing of it could be processed: {problems[0][0].problem}"
    return (VideoState.TRUNCATED if sentences else VideoState.DONE), " ".join(sentences) or None
