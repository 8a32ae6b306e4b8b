"""The producer's work on one video: open it once, split it, write its segments."""

from __future__ import annotations

import logging
from dataclasses import replace

from sqlalchemy import select

from db.engine import patiently
from db.models import Job, Video
from db.outbox import PROBE, holds
from db.videos import end_video, split_video
from pipeline.errors import Inaccessible, MediaError, NoVideoStream, UsageError
from pipeline.fingerprints import fingerprint
from pipeline.inputs import check_allowed
from pipeline.media import changed_since
from pipeline.patience import Unreachable
from pipeline.records import VideoState
from pipeline.sources import source_of
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
        wanted = select(Video.path, Video.fingerprint, Video.reopened, Job.options)
        wanted = wanted.join(Job, Job.id == Video.job_id).where(Video.id == video_id)
        path, known, mended, options = patiently(url, lambda db: db.execute(wanted).one())
        try:
            found = _fingerprint(path)
            info, spans = work().probe(path, options)
            grown = None if mended else changed_since(check_allowed(source_of(path), settings().roots), known)
        except Unreachable:
            # The network or the storage, not the file: it is tried again.
            raise
        except (MediaError, UsageError) as error:
            problem, state = str(error), state_of(error)
            log.info("%s", problem)
            patiently(url, lambda db: holds(db, ours) and end_video(db, video_id, state, problem))
            return
        info = replace(info, problem=info.problem or grown)
        patiently(url, lambda db: holds(db, ours) and split_video(db, video_id, info, spans, found))


def _fingerprint(path: str) -> str | None:
    """Of the file before it is opened: what grows meanwhile will count as another file. None where the probe will say
    why it cannot be looked at. Raises Unreachable."""
    try:
        return fingerprint(check_allowed(source_of(path), settings().roots))
    except Unreachable:
        raise
    except (MediaError, UsageError):
        return None


def state_of(error: MediaError | UsageError) -> VideoState:
    """The state that a video with that fault ends in; an address that must not be followed is inaccessible."""
    if isinstance(error, Inaccessible | UsageError):
        return VideoState.INACCESSIBLE
    return VideoState.NO_VIDEO_STREAM if isinstance(error, NoVideoStream) else VideoState.UNREADABLE
