"""Probes a video: opens it once, splits it, writes its segments."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from sqlalchemy import select

from db.engine import retrying
from db.jobs.videos import end_video, split_video
from db.models import Job, Video
from db.queue.outbox import PROBE, holds
from db.states import VideoState
from pipeline.errors import Away, Inaccessible, MediaError, NoVideoStream, UsageError
from pipeline.job_options import JobOptions
from pipeline.records import MediaInfo, SegmentSpan
from pipeline.sources.fingerprints import UNSEEN, content_of, fingerprint
from pipeline.sources.source import Remote, Source, source_of
from pipeline.video.probe import changed_since
from workers.allowed import allowed
from workers.settings import settings
from workers.steps.claim import taken
from workers.steps.stage_engine import in_view, stage_engine
from workers.telemetry import traces

log = logging.getLogger(__name__)


def open_video(video_id: int) -> None:
    """Probe and split a registered video; one that gives no pictures ends here with its sentence."""
    url = settings().require_database()
    with taken(PROBE, video_id) as ours:
        if not ours:
            return
        wanted = select(Video.path, Video.fingerprint, Video.reopened, Job.options, Video.created_at)
        wanted = wanted.join(Job, Job.id == Video.job_id).where(Video.id == video_id)
        path, known, mended, options, submitted_at = retrying(url, lambda db: db.execute(wanted).one())
        try:
            marks, info, spans = _opened(path, JobOptions.from_json(options), None if mended else known)
        except (MediaError, UsageError) as error:
            if isinstance(error, Away):
                _wait(error, path, known)
            problem, state = str(error), state_of(error)
            log.info("%s", problem)
            if retrying(url, lambda db: holds(db, ours) and end_video(db, video_id, state, problem)):
                traces.video_ended(url, ours.job_id, video_id, submitted_at, state=state.value)
            return
        retrying(url, lambda db: holds(db, ours) and split_video(db, video_id, info, spans, *marks))


#: A file's fingerprint and that of its content, or neither.
_Marks: TypeAlias = tuple[str | None, str | None]


def _opened(path: str, options: JobOptions, known: str | None) -> tuple[_Marks, MediaInfo, Sequence[SegmentSpan]]:
    """The file's marks as it was opened, what the probe found, and the segments.

    It is said to have grown where it is no longer what `known` says, its fingerprint at registration. Raises MediaError
    or UsageError.
    """
    with in_view(source_of(path)):
        found = _marks(path)
        info, spans = stage_engine().probe(path, options)
        grown = None if known is None else changed_since(_allowed(path), known)
    return found, replace(info, problem=info.problem or grown), spans


def _marks(path: str) -> _Marks:
    """Of the file before it is opened: what grows meanwhile will count as another file. None where the probe will say
    why it cannot be looked at. Raises Away."""
    try:
        source = _allowed(path)
        return fingerprint(source), content_of(source)
    except Away:
        raise
    except (MediaError, UsageError):
        return None, None


def _allowed(path: str) -> Source:
    return allowed(source_of(path))


def _wait(error: Away, path: str, known: str) -> None:
    """Raises `error` where the file was seen when it was registered: it is waited for.

    One that nobody has seen may be misspelt. An address is tried a few times, as after any failure, and Inaccessible is
    raised; a path is not waited for at all.
    """
    if not known.startswith(UNSEEN):
        raise error
    if isinstance(source_of(path), Remote):
        raise Inaccessible(str(error)) from error


def state_of(error: MediaError | UsageError) -> VideoState:
    """The state that a video with that fault ends in; an address that must not be followed is inaccessible."""
    if isinstance(error, Inaccessible | UsageError):
        return VideoState.INACCESSIBLE
    return VideoState.NO_VIDEO_STREAM if isinstance(error, NoVideoStream) else VideoState.UNREADABLE
