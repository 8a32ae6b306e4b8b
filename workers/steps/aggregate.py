"""Aggregates a video: stitches its tracklets into sightings and plates, and ends it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import RowMapping, select
from sqlalchemy.orm import Session

from db.engine import retrying
from db.findings.mapping import MEDIA_COLUMNS, media_of
from db.findings.plate_hashing import PlateKey
from db.findings.stage_results import (
    any_left_covered,
    frames_of,
    read_tracklets_of,
    segment_problems,
    store_frames,
    store_sightings,
)
from db.findings.stored_files import drop_crops, owe_sweep
from db.jobs.videos import end_video
from db.models import Job, Segment, Video
from db.queue.outbox import AGGREGATE, MAX_FAILURES, HeldTask, holds
from db.queue.unreachable import too_long
from db.states import JobState, VideoState
from db.where.clocks import CLOCK_COLUMNS, clock_of
from db.where.tracks import track_of
from pipeline.camera.sighted import placed
from pipeline.errors import Away
from pipeline.formats import load_formats
from pipeline.job_options import JobOptions
from pipeline.records import MediaInfo, Sighting
from pipeline.sightings import stitch
from pipeline.sources.fingerprints import check_same
from store import Stored, StoreError, frame_name, frames_folder
from workers.allowed import allowed
from workers.celery_app.time_limit import time_limit
from workers.hashed_jobs import discreet, key_of
from workers.maintenance.join_videos import join_around
from workers.maintenance.store_gc import clear_video
from workers.result_store import store
from workers.settings import settings
from workers.steps.claim import taken
from workers.steps.stage_engine import stage_engine
from workers.telemetry import traces

log = logging.getLogger(__name__)

#: With more failures than this, of whatever kind, what was found is stored without frames before it is given up.
_FAILURES_WITH_FRAMES = MAX_FAILURES - 3


def aggregate(video_id: int) -> None:
    """Persist what a video showed; running it twice changes nothing."""
    url = settings().require_database()
    with taken(AGGREGATE, video_id) as held:
        if held is None:
            return
        row = retrying(url, lambda db: _row(db, video_id))
        job_id, options, media = row["job_id"], JobOptions.from_json(row["options"]), media_of(row)
        key, evidence = key_of(options), options.keeps_pictures
        with discreet(options):
            # Its readings cannot change any more: all its segments have ended.
            tracklets = retrying(url, lambda db: read_tracklets_of(db, video_id, key))
            # Outside of any transaction: a long video may take minutes.
            stitched = stitch(tracklets, media.kind, load_formats(options.countries))
        track = retrying(url, lambda db: track_of(db, video_id))
        sightings = placed(stitched, replace(media, track=track, clock=clock_of(row)))
        frames = _frames(row, held, media, sightings) if evidence else {}
        ended = retrying(url, lambda db: _store(db, held, sightings, frames, evidence, key))
    if ended:
        traces.video_ended(url, job_id, video_id, row["created_at"], sightings=len(sightings))
        join_around(url, video_id)
        clear_video(url, job_id, video_id)


def _row(db: Session, video_id: int) -> RowMapping:
    about = (Video.job_id, Video.created_at, Job.options, Video.fingerprint, Video.content)
    wanted = select(*about, *CLOCK_COLUMNS, *MEDIA_COLUMNS).join(Job, Job.id == Video.job_id)
    return db.execute(wanted.where(Video.id == video_id)).mappings().one()


def _frames(row: RowMapping, held: HeldTask, media: MediaInfo, sightings: Sequence[Sighting]) -> dict[int, Stored]:
    """The frames that sightings were read from and that are not there yet, written to the store; by pts.

    Frames are extra: where the file is gone since it was read, or decoding it again fails or takes too long, what was
    found is kept without those that are missing. Raises StoreError or Away: a store that is full and a share that is
    away are waited for.
    """
    job_id, video_id = row["job_id"], held.video_id
    before = retrying(settings().require_database(), lambda db: frames_of(db, video_id))
    wanted = {sighting.best.pts for sighting in sightings} - _with_file(before, job_id, video_id)
    kept: dict[int, Stored] = {}
    if not wanted:
        return kept
    if held.failures > _FAILURES_WITH_FRAMES:
        log.warning("Frames of video %d are not kept: the step failed %d times.", video_id, held.failures)
        return kept
    # Before minutes of decoding whose result would find no room.
    store().check_room()
    try:
        # The rest of the step's time is for storing what was found.
        with time_limit(settings().limit_s(held.duration_s) / 2):
            source = allowed(media.path)
            if before:
                check_same(source, row["content"], row["fingerprint"])
            for pts, image in stage_engine().frames(media, wanted):
                name = frame_name(job_id, video_id, held.token, pts)
                kept[pts] = store().put_image(name, image, settled=False)
            if len(kept) < len(wanted):
                # Its share may have gone meanwhile.
                allowed(media.path)
    except StoreError:
        raise
    except Away as error:
        if not retrying(settings().require_database(), lambda db: too_long(db, video_id, settings().away_s)):
            raise
        log.warning("%d of %d frames of video %d are kept: %s", len(kept), len(wanted), video_id, error)
    except SoftTimeLimitExceeded:
        log.warning("%d of %d frames of video %d are kept: they took too long.", len(kept), len(wanted), video_id)
    except Exception as error:
        log.warning("%d of %d frames of video %d are kept: %s", len(kept), len(wanted), video_id, error)
    store().settle(kept.values())
    return kept


def _with_file(frames: Mapping[int, str], job_id: int, video_id: int) -> set[int]:
    """pts of the evidence frames, given by name, that have their file. Raises StoreError."""
    files = {file.name for file in store().files(frames_folder(job_id, video_id))} if frames else set()
    return {pts for pts, name in frames.items() if name in files}


def _store(
    db: Session,
    held: HeldTask,
    sightings: Sequence[Sighting],
    frames: dict[int, Stored],
    evidence: bool,
    key: PlateKey | None,
) -> bool:
    """End the video with what was found; False, with nothing stored, where somebody else has the step or did it."""
    video_id = held.video_id
    ours = holds(db, held)
    video = db.get(Video, video_id)
    if not ours or video is None or video.state is not VideoState.AGGREGATING:
        if frames:
            owe_sweep(db, [video_id])
        return False
    if not evidence:
        sightings = [replace(sighting, crop=None) for sighting in sightings]
        drop_crops(db, video_id)
    store_sightings(db, video_id, sightings, key)
    frameless = store_frames(db, video_id, frames)
    state, sentences = _verdict(db, video)
    if evidence and frameless and not sentences:
        sentences.append(f"The frame of {frameless} of its sightings could not be fetched; the plates are kept.")
    return end_video(db, video_id, state, " ".join(sentences) or None)


def _segment(numbered: tuple[int, tuple[Segment, bool]]) -> tuple[str, bool, bool, int]:
    """Equal for segments that follow each other and have the same to say."""
    number, (segment, given_up) = numbered
    return str(segment.problem), given_up, segment.covered, segment.index - number


def _verdict(db: Session, video: Video) -> tuple[VideoState, list[str]]:
    """The final state, and what there is to say of the video and its segments."""
    problems = segment_problems(db, video.id)
    sentences = [video.damage] if video.damage else []
    for (problem, given_up, covered, _), alike in groupby(enumerate(problems), _segment):
        segments = [segment for _, (segment, _) in alike]
        where = f"{segments[0].start_s:.1f}–{segments[-1].end_s:.1f} s"
        what = "could not be done again, and what it showed before is kept" if covered else "was left out"
        sentences += [f"{where} {what}: {problem}" if given_up else problem]
        sentences += [segment.damage for segment in segments if given_up and covered and segment.damage]
    left = video.segments - video.segments_done - video.segments_quarantined
    if left and db.scalar(select(Job.state).where(Job.id == video.job_id)) is JobState.CANCELLED:
        ended = f"{video.segments - left} of {video.segments} segments"
        kept = (
            " had been done again; what the others showed before is kept"
            if any_left_covered(db, video.id)
            else "; their plates are kept"
        )
        return VideoState.CANCELLED, [f"The job was cancelled after {ended}{kept}.", *sentences]
    if video.segments_quarantined == video.segments and not any(segment.covered for segment, _ in problems):
        return VideoState.FAILED, [f"Nothing of it could be processed: {problems[0][0].problem}"]
    return VideoState.TRUNCATED if sentences else VideoState.DONE, sentences
