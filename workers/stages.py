"""The two stages of a segment as a worker runs them: claim, work under a lease, store in one transaction."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded

from db import moves
from db.engine import session
from db.models import CropRow, Job, Segment, Video
from db.results import crops_of, store_readings, store_tracklets
from db.rows import media_of, observation_of
from pipeline.errors import DashplateError
from pipeline.inputs import check_allowed
from pipeline.look import LookOptions
from pipeline.records import Box, Crop, MediaInfo, Reading, SegmentSpan, SegmentState
from pipeline.road import Parts, load_detector, load_reader, look_at
from workers.lease import Lease
from workers.settings import settings
from workers.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed segment, with what is needed to work on it."""

    segment_id: int
    attempt: int
    job_id: int
    video_id: int
    span: SegmentSpan
    media: MediaInfo
    options: dict[str, Any]


def detect(segment_id: int, attempt: int) -> bool:
    """Find and follow the plates of a segment and store its tracklets; False where the message was stale."""
    with _claimed(segment_id, attempt, SegmentState.DETECTING) as work:
        if work is None:
            return False
        check_allowed(work.media.path, settings().roots)
        look = LookOptions(sample_fps=work.options["sample_fps"])
        detector = load_detector(settings().parts, work.media.kind)
        seen = look_at(work.media, work.span, detector, look, settings().threads)
        names = _store().put_crops(work.job_id, work.video_id, work.span.index, seen.tracklets)
        with session(settings().require_database()) as db:
            segment = moves.hold(db, segment_id, attempt, SegmentState.DETECTING)
            if segment is None:
                return False
            store_tracklets(db, segment_id, seen.tracklets, names)
            moves.detected(segment, seen.frames_looked, seen.damage)
        return True


def read(segment_id: int, attempt: int) -> bool:
    """Read the crops of a segment's tracklets and store the readings; False where the message was stale."""
    with _claimed(segment_id, attempt, SegmentState.READING) as work:
        if work is None:
            return False
        url = settings().require_database()
        with session(url) as db:
            rows = crops_of(db, segment_id)
        readings = _readings(rows, work.options)
        with session(url) as db:
            segment = moves.hold(db, segment_id, attempt, SegmentState.READING)
            if segment is None:
                return False
            store_readings(db, readings)
            moves.finished(db, segment)
        return True


def _readings(rows: dict[int, list[CropRow]], options: dict[str, Any]) -> dict[int, Reading]:
    if not rows:
        return {}
    crops = [[_crop(row) for row in tracklet] for tracklet in rows.values()]
    read = load_reader(_parts(options), tuple(options["countries"])).read_tracklets(crops)
    return {tracklet: reading for tracklet, reading in zip(rows, read, strict=True) if reading is not None}


def _parts(options: dict[str, Any]) -> Parts:
    """This worker's models, but for the reader that the job asks for; jobs from before could not."""
    reader = options.get("reader")
    if reader is not None and Path(reader).exists():
        check_allowed(Path(reader), settings().roots)
    return settings().parts.reading_with(reader, options.get("reader_engine"))


def _crop(row: CropRow) -> Crop:
    return Crop(observation_of(row.observation), Box(*row.plate), row.quality, _store().get(row.name))


@contextmanager
def _claimed(segment_id: int, attempt: int, step: SegmentState) -> Iterator[Work | None]:
    """Hold a segment's lease for the block; a failure inside is counted in its row before it goes on."""
    config = settings()
    url = config.require_database()
    with session(url) as db:
        segment = moves.begin(db, segment_id, attempt, step, _worker_name(), config.lease_s)
        work = None if segment is None else _work(db.get_one(Video, segment.video_id), segment, db.get_one)
    if work is None:
        log.info("Segment %d, attempt %d: already in other hands.", segment_id, attempt)
        yield None
        return
    try:
        with Lease(url, segment_id, attempt, config.lease_s):
            yield work
    except Exception as error:
        with session(url) as db:
            moves.failed(db, segment_id, attempt, _reason(error, step))
        raise


def _work(video: Video, segment: Segment, get_one: Any) -> Work:
    return Work(
        segment_id=segment.id,
        attempt=segment.attempt,
        job_id=video.job_id,
        video_id=video.id,
        span=SegmentSpan(segment.index, segment.start_pts, segment.end_pts),
        media=media_of(video, segment.start_pts),
        options=get_one(Job, video.job_id).options,
    )


def _reason(error: Exception, step: SegmentState) -> str:
    if isinstance(error, SoftTimeLimitExceeded):
        return f"{step.capitalize()} took longer than {settings().time_limit_s} s."
    if isinstance(error, DashplateError):
        return str(error)
    return f"{step.capitalize()} failed: {type(error).__name__}: {error}"


def _store() -> Store:
    return Store(settings().store)


def _worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
