"""Runs detect and read on a segment: claim, work under a lease, store in one transaction."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy.orm import Session

from db.engine import Executor, retrying, retrying_single, single
from db.findings.mapping import media_of, observation_of
from db.findings.stage_results import forget_tracklets, readings_json, replace_covered, tracklets_json
from db.findings.stored_files import names_any_below
from db.queue import segment_moves, unreachable
from db.states import SegmentState
from pipeline.detection.segment import SegmentDetection
from pipeline.errors import Away, DashplateError, Deleted, Inaccessible, Unreadable
from pipeline.job_options import JobOptions
from pipeline.records import Box, Crop, MediaInfo, Reading, SegmentSpan
from pipeline.sources.fingerprints import check_same
from pipeline.sources.source import Source, shown
from store import DamagedFile, MissingFile, Stored, StoreError, attempt_folder
from workers.allowed import allowed
from workers.celery_app.time_limit import time_limit
from workers.hashed_jobs import discreet, key_of
from workers.result_store import store
from workers.settings import settings
from workers.steps.failures import infrastructure_failure
from workers.steps.lease import Lease
from workers.steps.screen_clock import look_at_screen
from workers.steps.stage_engine import in_view, stage_engine
from workers.telemetry import bound, traces

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed segment, with what is needed to work on it."""

    segment_id: int
    attempt: int
    job_id: int
    video_id: int
    span: SegmentSpan
    media: MediaInfo
    options: JobOptions
    #: It was done before: what was found then stays until it has been done again.
    covered: bool
    #: What was damaged in it then.
    damage: str | None
    #: Of the video's file, as it was opened.
    fingerprint: str
    content: str | None
    #: To be read: pictures in the store, best first, by tracklet's id.
    crops: dict[int, list[dict[str, Any]]]
    #: Somebody reads the clock on the video's screen, or did.
    screen_read: bool

    @property
    def footage_s(self) -> float:
        """Length of the segment."""
        return self.media.seconds(self.span.end_pts) - self.media.seconds(self.span.start_pts)


def detect_segment(segment_id: int, attempt: int) -> bool:
    """Find and follow the plates of a segment and store its tracklets.

    Returns whether it goes on to reading: not where nothing was found, nor where the message was stale.
    """
    with _claimed(segment_id, attempt, SegmentState.DETECTING) as claim:
        if claim is None:
            return False
        # Before minutes of decoding whose result would find no room.
        store().check_room()
        with in_view(claim.media.path):
            seen = _look_again(claim) if claim.covered else _look(claim)
        crops = store().put_crops(claim.job_id, claim.video_id, claim.span.index, attempt, seen.tracklets)
        url = settings().require_database()
        if attempt > 1:
            stored = retrying(url, partial(_store_again, claim, seen, crops))
        else:
            # Nothing of an earlier attempt can be there: one statement says it all.
            stored = retrying_single(url, partial(_store, claim, seen, crops))
        if not stored and crops:
            # Said to have been overtaken, it may have been so by itself: a commit whose answer got lost.
            folder = attempt_folder(claim.job_id, claim.video_id, claim.span.index, attempt)
            stored = retrying(url, lambda db: names_any_below(db, segment_id, folder))
            if not stored:
                _clear_away(folder)
        return stored and bool(seen.tracklets)


def read_segment(segment_id: int, attempt: int) -> bool:
    """Read the crops of a segment's tracklets and store the readings; False where the message was stale."""
    with _claimed(segment_id, attempt, SegmentState.READING) as claim:
        if claim is None:
            return False
        url = settings().require_database()
        key = key_of(claim.options)
        with discreet(claim.options):
            readings = _readings(claim.crops, claim.options)
        if claim.crops and not claim.screen_read:
            # Before the segment is done: the video may be put together right after it, by this clock.
            look_at_screen(url, claim.video_id, claim.media, claim.options, _unchanged(claim))
        found = readings_json(readings, key)
        if claim.covered:
            return retrying(url, partial(_finish_again, claim, found))
        return retrying_single(url, lambda db: segment_moves.finished(db, segment_id, attempt, found))


def _look(claim: Claim) -> SegmentDetection:
    """Says so where the file is another by now than the one that was opened: it grew, or was replaced."""
    seen = stage_engine().detect(claim.media, claim.span, claim.options)
    try:
        check_same(_allowed(claim), claim.content, claim.fingerprint)
    except Unreadable:
        changed = f"{shown(claim.media.path)} changed after it had been opened: it may show two recordings."
        return replace(seen, damage=seen.damage or changed)
    except DashplateError:
        # Gone, or away, since it was looked at.
        pass
    return seen


def _look_again(claim: Claim) -> SegmentDetection:
    """Raises Unreadable rather than see another file, or less than before: a card that is dying, for instance."""
    check_same(_allowed(claim), claim.content, claim.fingerprint)
    seen = stage_engine().detect(claim.media, claim.span, claim.options)
    if seen.damage not in (None, claim.damage):
        raise Unreadable(str(seen.damage))
    return seen


def _unchanged(claim: Claim) -> Callable[[], None]:
    """Raises MediaError where the file is another by now than the one that was opened."""
    return lambda: check_same(_allowed(claim), claim.content, claim.fingerprint)


def _allowed(claim: Claim) -> Source:
    return allowed(claim.media.path)


def _store_again(claim: Claim, seen: SegmentDetection, crops: dict[tuple[int, int], Stored], db: Session) -> bool:
    # What a covered segment showed before stays until it has been read anew, unless there is nothing to wait for.
    waits = claim.covered and bool(seen.tracklets)
    forget_tracklets(db, claim.segment_id, claim.attempt, provisional=waits)
    return _store(claim, seen, crops, db)


def _store(claim: Claim, seen: SegmentDetection, crops: dict[tuple[int, int], Stored], db: Executor) -> bool:
    what = (claim.segment_id, claim.attempt, seen.frames_looked, seen.damage)
    if not seen.tracklets:
        return segment_moves.nothing_to_read(db, *what)
    found = tracklets_json(seen.tracklets, crops)
    return segment_moves.detected(db, *what, found, provisional=claim.covered)


def _finish_again(claim: Claim, readings: Sequence[dict[str, Any]], db: Session) -> bool:
    if not segment_moves.finished(db, claim.segment_id, claim.attempt, readings):
        return False
    replace_covered(db, claim.segment_id)
    return True


def _clear_away(folder: str) -> None:
    """Somebody else has the segment: the pictures of this attempt have no row and get none."""
    try:
        store().remove(folder)
    except StoreError:
        log.warning("%s could not be removed; it is swept with its video's end.", folder, exc_info=True)


def _readings(crops: dict[int, list[dict[str, Any]]], options: JobOptions) -> dict[int, Reading]:
    if not crops:
        return {}
    read = stage_engine().read([list(map(_crop, tracklet)) for tracklet in crops.values()], options)
    return {tracklet: reading for tracklet, reading in zip(crops, read, strict=True) if reading is not None}


def _crop(row: dict[str, Any]) -> Crop:
    image = store().get_image(row["name"], row["sha256"])
    return Crop(observation_of(row["observation"]), Box(*row["plate"]), row["quality"], image)


@contextmanager
def _claimed(segment_id: int, attempt: int, step: SegmentState) -> Iterator[Claim | None]:
    """Hold a segment's lease for the block; a failure inside is counted in its row before it goes on."""
    config = settings()
    url, lease_s = config.require_database(), config.lease_s
    row = retrying_single(url, lambda db: segment_moves.begin(db, segment_id, attempt, step, _worker_name(), lease_s))
    if row is None:
        log.info("Segment %d, attempt %d: already in other hands.", segment_id, attempt)
        yield None
        return
    try:
        claim = _claim(segment_id, attempt, row)
        bound.bind(job=claim.job_id, video=claim.video_id, trace_id=traces.trace_id(url, claim.video_id))
        limit = time_limit(config.limit_s(claim.footage_s))
        lease = Lease(f"segment {segment_id}", partial(_renew, url, segment_id, attempt, lease_s), lease_s)
        with _span(url, claim, step), lease, limit:
            yield claim
    except Exception as error:
        retrying(url, partial(_give_up, segment_id, attempt, step, error))
        raise


def _span(url: str, claim: Claim, step: SegmentState) -> AbstractContextManager[traces.Attributes]:
    name = "detect" if step is SegmentState.DETECTING else "read"
    return traces.span(
        name, url, video=claim.video_id, job=claim.job_id, segment=claim.segment_id,
        index=claim.span.index, attempt=claim.attempt, footage_s=claim.footage_s,
    )  # fmt: skip


def _renew(url: str, segment_id: int, attempt: int, lease_s: float) -> bool:
    with single(url) as db:
        return segment_moves.renew(db, segment_id, attempt, lease_s)


def _claim(segment_id: int, attempt: int, row: dict[str, Any]) -> Claim:
    return Claim(
        segment_id=segment_id,
        attempt=attempt,
        job_id=row["job_id"],
        video_id=row["video_id"],
        span=SegmentSpan(row["index"], row["start_pts"], row["end_pts"]),
        media=media_of(row, row["start_pts"]),
        options=JobOptions.from_json(row["options"]),
        covered=row["covered"],
        damage=row["damage"],
        fingerprint=row["fingerprint"],
        content=row["content"],
        crops={tracklet: list(of_it) for tracklet, of_it in groupby(row.get("crops") or (), itemgetter("tracklet"))},
        screen_read=row.get("screen_read", True),
    )


def _give_up(segment_id: int, attempt: int, step: SegmentState, error: Exception, db: Session) -> None:
    config = settings()
    failure = infrastructure_failure(error)
    if failure is not None:
        segment_moves.put_back(db, segment_id, attempt, failure, config.trouble_delay_s)
    elif isinstance(error, Away):
        unreachable.unreachable(db, segment_id, attempt, str(error), config.away_s, config.trouble_delay_s)
    elif isinstance(error, Deleted):
        segment_moves.hopeless(db, segment_id, attempt, str(error))
    else:
        gone = isinstance(error, MissingFile | DamagedFile)
        # It may be a share of which one cannot tell that it is away, and which comes back, but not within seconds.
        delay_s = config.trouble_delay_s if isinstance(error, Inaccessible) else config.retry_delay_s
        segment_moves.failed(db, segment_id, attempt, _reason(error, step), gone, delay_s)


def _reason(error: Exception, step: SegmentState) -> str:
    if isinstance(error, SoftTimeLimitExceeded):
        return f"{step.capitalize()} took longer than it may."
    if isinstance(error, DashplateError):
        return str(error)
    return f"{step.capitalize()} failed: {type(error).__name__}: {error}"


def _worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
