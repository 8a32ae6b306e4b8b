"""Moves videos: opened and split, ended."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.findings.mapping import media_columns
from db.findings.stored_files import owe_sweep
from db.jobs.submit import close_if_done
from db.models import Job, Video
from db.queue import outbox, unreachable
from db.queue.outbox import HeldTask
from db.queue.segment_moves import TROUBLE_DELAY_S, add_segments
from db.queue.unreachable import AWAY_S
from db.states import VideoState
from db.where.tracks import store_track
from pipeline.records import MediaInfo, MediaKind, SegmentSpan
from pipeline.sources.fingerprints import UNSEEN
from pipeline.sources.source import shown, source_of


def split_video(
    db: Session,
    video_id: int,
    info: MediaInfo,
    spans: Sequence[SegmentSpan],
    fingerprint: str | None = None,
    content: str | None = None,
) -> bool:
    """Store what the probe found and the segments; False where the video had been opened or cancelled meanwhile.

    `fingerprint` and `content` are the file's as it was opened; None leaves what it was registered with. Where another
    video of the job stands for that file already, this one ends instead, and False is returned: one file is one video.
    """
    if fingerprint is not None and not _claim(db, video_id, fingerprint):
        return False
    # The state is checked again under the row's lock: the same probe may have been delivered twice.
    job_id = db.execute(
        update(Video)
        .where(Video.id == video_id, Video.state == VideoState.REGISTERED)
        .values(
            state=VideoState.PROCESSING,
            segments=len(spans),
            reopened=False,
            away_since=None,
            content=content,
            **media_columns(info),
        )
        .returning(Video.job_id)
    ).scalar_one_or_none()
    outbox.done(db, outbox.PROBE, video_id)
    if job_id is None:
        return False
    if info.track is not None:
        store_track(db, video_id, info.track)
    timed = [(span, info.seconds(span.start_pts), info.seconds(span.end_pts)) for span in spans]
    add_segments(db, job_id, video_id, timed)
    return True


def step_away(
    db: Session, held: HeldTask, reason: str, longest_s: float = AWAY_S, delay_s: float = TROUBLE_DELAY_S
) -> None:
    """Send a step whose video cannot be reached again after a delay, and count nothing.

    Where that has been so for longer than `longest_s`, a video that was to be opened fails; one that is put together
    waits for its frames no longer than that by itself. Nothing changes where the step is in other hands by now.
    """
    if not outbox.holds(db, held):
        return
    if held.kind == outbox.PROBE and unreachable.too_long(db, held.video_id, longest_s):
        sentence = f"Opening it was given up after {longest_s:g} s: {reason}"
        end_video(db, held.video_id, VideoState.FAILED, sentence)
    else:
        delay_s = unreachable.later(delay_s, unreachable.note(db, held.video_id))
        outbox.put_back(db, held, reason, counts=False, delay_s=delay_s)


def end_video(db: Session, video_id: int, state: VideoState, problem: str | None) -> bool:
    """Give a video its final state, and its job too where it was the last; False where it had ended before."""
    job_id = db.execute(
        update(Video)
        .where(Video.id == video_id, Video.finished_at.is_(None))
        .values(
            state=state,
            problem=problem,
            finished_at=func.now(),
            purged_at=None,
            away_since=None,
            # What lost its clock leaves its drive.
            to_join=Video.kind.is_not_distinct_from(MediaKind.VIDEO)
            & (Video.recorded_at.is_not(None) | Video.drive_id.is_not(None)),
        )
        .returning(Video.job_id)
    ).scalar_one_or_none()
    for kind in (outbox.PROBE, outbox.AGGREGATE):
        outbox.done(db, kind, video_id)
    if job_id is None:
        return False
    owe_sweep(db, [video_id])
    close_if_done(db, job_id)
    return True


def _claim(db: Session, video_id: int, fingerprint: str) -> bool:
    """Let a registered video stand for the file of that fingerprint; False where another does, and this one has ended.

    Another does where it has been opened or is about to be. One that ended unopened, or that a person has opened again,
    need not be that file any more: it gives way, and is told by its own opening what it is.
    """
    video = db.get(Video, video_id, with_for_update=True, populate_existing=True)
    if video is None or video.state is not VideoState.REGISTERED or video.fingerprint == fingerprint:
        return True
    # Nobody adds that file meanwhile.
    db.execute(select(Job.id).where(Job.id == video.job_id).with_for_update(key_share=True))
    other = db.execute(
        select(Video)
        .where(Video.job_id == video.job_id, Video.fingerprint == fingerprint)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if other is not None:
        if other.kind is not None or (other.finished_at is None and not other.reopened):
            sentence = f"{shown(source_of(video.path))} is the same file as another of this job, which stands for both:"
            end_video(db, video_id, VideoState.UNREADABLE, f"{sentence} {shown(source_of(other.path))}.")
            return False
        other.fingerprint = f"{UNSEEN}{other.id} {other.path}"
        db.flush()
    video.fingerprint = fingerprint
    db.flush()
    return True
