"""The aggregator: a video's tracklets stitched into sightings, deduplicated into plates, and the video closed."""

from __future__ import annotations

import logging

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.engine import session
from db.models import Video
from db.results import count_segments, end_video, read_tracklets_of, segment_problems, store_sightings
from db.submit import close_if_done
from pipeline.merge import stitch
from pipeline.records import VideoState
from workers.settings import settings

log = logging.getLogger(__name__)


def aggregate(video_id: int) -> None:
    """Persist what a video showed; running it twice changes nothing."""
    url = settings().require_database()
    try:
        with session(url) as db:
            _aggregate(db, video_id)
    except OperationalError:
        raise  # The database is away: the sweeper sends this again.
    except Exception as error:
        log.exception("Video %d could not be aggregated.", video_id)
        with session(url) as db:
            _close(db, video_id, VideoState.FAILED, f"Putting its plates together failed: {error}")


def _aggregate(db: Session, video_id: int) -> None:
    video = db.execute(select(Video).where(Video.id == video_id).with_for_update()).scalar_one()
    if video.state is not VideoState.AGGREGATING:
        return
    store_sightings(db, video_id, stitch(read_tracklets_of(db, video_id), video.kind))
    state, problem = _verdict(db, video)
    _close(db, video_id, state, problem)


def _verdict(db: Session, video: Video) -> tuple[VideoState, str | None]:
    """The final state, and every sentence about the video in one."""
    problems = segment_problems(db, video.id)
    if problems and all(given_up for _, given_up in problems) and len(problems) == count_segments(db, video.id):
        return VideoState.FAILED, f"Nothing of it could be processed: {problems[0][0].problem}"
    sentences = [video.problem] if video.problem else []
    for segment, given_up in problems:
        where = f"{segment.start_s:.1f}–{segment.end_s:.1f} s"
        sentences.append(f"{where} was left out: {segment.problem}" if given_up else str(segment.problem))
    damaged = bool(sentences)
    return (VideoState.TRUNCATED if damaged else VideoState.DONE), " ".join(sentences) or None


def _close(db: Session, video_id: int, state: VideoState, problem: str | None) -> None:
    job_id = end_video(db, video_id, state, problem)
    if job_id is not None:
        close_if_done(db, job_id)
