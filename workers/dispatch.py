"""Puts work on the queues: what the outbox owes, and the segments whose turn it is."""

from __future__ import annotations

from pathlib import PurePath

from celery import chain
from celery.canvas import Signature
from sqlalchemy.orm import Session

from db import moves, outbox
from db.engine import session
from db.results import end_video
from db.submit import close_if_done
from pipeline.records import VideoState
from workers.app import CONTROL, DETECT, READ, app
from workers.settings import settings

#: Messages taken from the outbox in one transaction.
_BATCH = 200
#: A step on a whole video that was sent out this often without an answer is given up.
_MAX_SENDS = 5
#: A stage may take this many times the length of its stretch, and never less than the usual limit.
_PATIENCE = 3


def pump() -> int:
    """Send everything that is due; returns how many messages went out. Safe to call from anywhere, at any time."""
    return _flush_outbox() + _send_segments()


def send_segment(segment: moves.Dispatched) -> None:
    """Queue one segment's chain `detect | read`, or its reading alone."""
    read = _step("dashplate.read", READ, segment)
    if segment.only_read:
        read.apply_async()
    else:
        chain(_step("dashplate.detect", DETECT, segment), read).apply_async()


def title(video: str, index: int | None = None, step: str = "") -> str:
    """What Flower shows as a task's name: the step, the video's file name, and the segment."""
    name = PurePath(video).name
    return f"{step} {name}" if index is None else f"{step} {name} segment {index}"


def _step(task: str, queue: str, segment: moves.Dispatched) -> Signature:
    signature: Signature = app.signature(task, args=(segment.segment_id, segment.attempt), immutable=True)
    name = title(segment.video, segment.index, task.rpartition(".")[2])
    # A stretch that could not be split, such as an hour with a single keyframe, is given its time.
    limit_s = max(settings().time_limit_s, round(_PATIENCE * segment.duration_s))
    return signature.set(
        queue=queue,
        shadow=name,
        argsrepr=f"(segment={segment.segment_id}, attempt={segment.attempt})",
        soft_time_limit=limit_s,
        time_limit=limit_s + 30,
    )


def _send_segments() -> int:
    config = settings()
    with session(config.require_database()) as db:
        due = moves.take_pending(db, config.window)
    # Sent after the commit: a worker may start on it before this line returns. What is lost here, the sweeper finds.
    for segment in due:
        send_segment(segment)
    return len(due)


def _flush_outbox() -> int:
    sent = 0
    with session(settings().require_database()) as db:
        for message in outbox.unsent(db, _BATCH):
            if message.sends >= _MAX_SENDS:
                _give_up(db, message)
                continue
            app.send_task(
                f"dashplate.{message.kind}",
                args=(message.key,),
                queue=CONTROL,
                shadow=title(message.video, step=message.kind),
                argsrepr=f"(video={message.key})",
            )
            outbox.mark_sent(db, message)
            sent += 1
    return sent


def _give_up(db: Session, message: outbox.Message) -> None:
    outbox.mark_sent(db, message)
    what = "opening it" if message.kind == outbox.PROBE else "putting its plates together"
    sentence = f"Gave up: {what} ended without an answer {message.sends} times; see the workers' logs."
    job_id = end_video(db, message.key, VideoState.FAILED, sentence)
    if job_id is not None:
        close_if_done(db, job_id)
