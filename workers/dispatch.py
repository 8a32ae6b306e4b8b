"""Puts work on the queues: the steps on whole videos that are owed, and the segments whose turn it is."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import PurePath

import redis
from celery import chain
from celery.canvas import Signature

from db import due, moves, outbox
from db.engine import session
from pipeline.sources import printable
from workers.app import CONTROL, DETECT, READ, app, express
from workers.settings import settings

#: The detect queue holds about this many seconds of work: less of it and workers wait, more and a new job does.
_AHEAD_S = 1.0


def pump() -> int:
    """Send everything that is due; returns how many messages went out. Safe to call from anywhere, at any time."""
    return _send_steps() + _send_segments(_depth.now)


def top_up() -> int:
    """Send segments if detection is running out of them: the cheap question first, after every segment."""
    return 0 if waiting(DETECT) >= _depth.low_water else _send_segments(_depth.adapt(settings().window))


def send_segment(segment: moves.Dispatched) -> None:
    """Queue one segment's chain `detect | read`, or its reading alone."""
    read = _step("dashplate.read", READ, segment)
    if segment.only_read:
        read.apply_async()
    else:
        chain(_step("dashplate.detect", DETECT, segment), read).apply_async()


def send_step(message: outbox.Message) -> None:
    """Queue a step on a whole video."""
    app.send_task(
        f"dashplate.{message.kind}",
        args=(message.key,),
        queue=express(CONTROL) if message.express else CONTROL,
        shadow=title(message.video, step=message.kind),
        argsrepr=f"(video={message.key})",
        time_limit=_hard_limit_s(message.duration_s),
    )


def waiting(queue: str) -> int:
    """Messages on a queue that no worker has taken yet."""
    return int(_redis(settings().require_redis()).llen(queue))


def title(video: str, index: int | None = None, step: str = "") -> str:
    """What Flower shows as a task's name: the step, the video's file name, and the segment."""
    name = printable(PurePath(video).name)
    return f"{step} {name}" if index is None else f"{step} {name} segment {index}"


def _step(task: str, queue: str, segment: moves.Dispatched) -> Signature:
    signature: Signature = app.signature(task, args=(segment.segment_id, segment.attempt), immutable=True)
    name = title(segment.video, segment.index, task.rpartition(".")[2])
    return signature.set(
        queue=express(queue) if segment.express else queue,
        shadow=name,
        argsrepr=f"(segment={segment.segment_id}, attempt={segment.attempt})",
        time_limit=_hard_limit_s(segment.duration_s),
    )


def _hard_limit_s(footage_s: float) -> int:
    return settings().limit_s(footage_s) + settings().kill_after_s


class _Depth:
    """How many segments wait for detection: twice as many when they are gone within the second, half when they last."""

    def __init__(self) -> None:
        self.now = due.LEAST_DEPTH
        self._asked = 0.0

    @property
    def low_water(self) -> int:
        """With fewer messages than this it is worth asking the database for more."""
        return self.now // 2

    def adapt(self, most: int) -> int:
        """To be called when the queue has run low; returns how many shall wait from now on."""
        since_s, self._asked = time.monotonic() - self._asked, time.monotonic()
        self.now = 2 * self.now if since_s < _AHEAD_S else self.now // 2
        self.now = max(due.LEAST_DEPTH, min(self.now, most))
        return self.now


_depth = _Depth()


def _send_segments(depth: int) -> int:
    config = settings()
    with session(config.require_database()) as db:
        segments = due.take_pending(db, config.window, depth)
    # Sent after the commit: a worker may start on it before this line returns. What is lost here, the sweeper finds.
    for segment in segments:
        send_segment(segment)
    return len(segments)


def _send_steps() -> int:
    config = settings()
    with session(config.require_database()) as db:
        messages = due.take_messages(db, config.control_window)
    for message in messages:
        send_step(message)
    return len(messages)


@lru_cache(maxsize=2)
def _redis(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5, health_check_interval=15)
