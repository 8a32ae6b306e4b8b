"""The producer's work on one video: open it once, split it, write its segments."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.engine import session
from db.models import Job, Video
from db.moves import add_segments
from db.results import end_video
from db.rows import media_columns
from db.submit import close_if_done
from pipeline.errors import Inaccessible, MediaError, NoVideoStream
from pipeline.inputs import check_allowed
from pipeline.media import probe
from pipeline.overlay import with_overlays
from pipeline.records import MediaInfo, VideoState
from pipeline.split import split
from workers.settings import settings

log = logging.getLogger(__name__)


def open_video(video_id: int) -> None:
    """Probe and split a registered video; one that gives no pictures ends here with its sentence."""
    config = settings()
    url = config.require_database()
    with session(url) as db:
        video = db.get_one(Video, video_id)
        if video.state is not VideoState.REGISTERED:
            return
        path = Path(video.path)
        options = db.get_one(Job, video.job_id).options
    try:
        info = probe(check_allowed(path, config.roots))
        # Jobs of an earlier version have no such option.
        if not options.get("keep_overlays", False):
            info = with_overlays(info)
    except MediaError as error:
        log.info("%s: %s", path.name, error)
        with session(url) as db:
            _refuse(db, video_id, error)
        return
    with session(url) as db:
        _split(db, video_id, info)


def state_of(error: MediaError) -> VideoState:
    """The state that a video with that fault ends in."""
    if isinstance(error, Inaccessible):
        return VideoState.INACCESSIBLE
    return VideoState.NO_VIDEO_STREAM if isinstance(error, NoVideoStream) else VideoState.UNREADABLE


def _split(db: Session, video_id: int, info: MediaInfo) -> None:
    # The state is checked again under the row's lock: the same probe may have been delivered twice.
    taken = db.execute(
        update(Video)
        .where(Video.id == video_id, Video.state == VideoState.REGISTERED)
        .values(state=VideoState.PROCESSING, **media_columns(info))
        .returning(Video.id)
    ).scalar_one_or_none()
    if taken is not None:
        spans = [(s, info.seconds(s.start_pts), info.seconds(s.end_pts)) for s in split(info)]
        add_segments(db, video_id, spans)


def _refuse(db: Session, video_id: int, error: MediaError) -> None:
    job_id = end_video(db, video_id, state_of(error), str(error))
    if job_id is not None:
        close_if_done(db, job_id)
