"""The producer's work on one video: open it once, split it, write its segments."""

from __future__ import annotations

import logging
from pathlib import PurePath

from sqlalchemy import select

from db.engine import patiently
from db.models import Job, Video
from db.outbox import PROBE
from db.videos import end_video, split_video
from pipeline.errors import Inaccessible, MediaError, NoVideoStream
from pipeline.records import VideoState
from workers.settings import settings
from workers.steps import taken
from workers.work import work

log = logging.getLogger(__name__)


def open_video(video_id: int) -> None:
    """Probe and split a registered video; one that gives no pictures ends here with its sentence."""
    url = settings().require_database()
    with taken(PROBE, video_id) as ours:
        if not ours:
            return
        wanted = select(Video.path, Job.options).join(Job, Job.id == Video.job_id).where(Video.id == video_id)
        path, options = patiently(url, lambda db: db.execute(wanted).one())
        try:
            info, spans = work().probe(path, options)
        except MediaError as error:
            problem, state = str(error), state_of(error)
            log.info("%r: %s", PurePath(path).name, problem)
            patiently(url, lambda db: end_video(db, video_id, state, problem))
            return
        patiently(url, lambda db: split_video(db, video_id, info, spans))


def state_of(error: MediaError) -> VideoState:
    """The state that a video with that fault ends in."""
    if isinstance(error, Inaccessible):
        return VideoState.INACCESSIBLE
    return VideoState.NO_VIDEO_STREAM if isinstance(error, NoVideoStream) else VideoState.UNREADABLE
