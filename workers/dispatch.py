"""Puts work on the queues: video tasks and segments that are due."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import PurePath
from typing import Any

import redis
from celery import chain
from celery.canvas import Signature

from db.engine import session
from db.queue import outbox, scheduler, segment_moves
from pipeline.sources.source import printable
from workers.celery_app.app import CONTROL, DETECT, READ, app, express
from workers.settings import settings
from workers.steps.batches import LONGEST_S, Token

#: The detect queue holds about this many seconds of work: less of it and workers wait, more and a new job does.
_AHEAD_S = 1.0
#: A process that asks for more, while there is some, waits this long before it asks again.
_REST_S = 0.05
#: An opening that makes progress ends by itself, and one that makes none is ended by its own process (`claim`).
#: This ends what neither of them can; Celery keeps the alarm for so long, whether the opening has ended or not.
_LONGEST_OPENING_S = 4 * 3600


def pump() -> int:
    """Send everything that is due; returns how many messages went out. Safe to call from anywhere, at any time."""
    return _send_steps() + _send_segments(_depth.now)


def top_up() -> int:
    """Send segments if detection is running out of them: the cheap question first, after every batch."""
    left = waiting(DETECT)
    if left >= _depth.low_water or (left and _depth.asked_just_now):
        return 0
    depth = _depth.adapt(settings().window)
    # A queue that is empty feeds many hungry workers: a segment for each.
    return _send_segments(depth, batch=depth // scheduler.LEAST_DEPTH if left else 1)


def send_segments(segments: Iterable[segment_moves.Dispatched], batch: int = 1) -> int:
    """Queue segments in their order, up to `batch` in a message: the chain `detect | read`, or the reading alone.

    What was tried before travels alone: it may take its process down. Returns how many messages went out.
    """
    sent = 0
    for (alone, only_read, express_), alike in groupby(segments, _kind):
        several = list(alike)
        # An express segment is a job's only one: it waits for no other job's.
        size = 1 if alone or express_ else batch
        for start in range(0, len(several), size):
            _send_batch(several[start : start + size], only_read, express_)
            sent += 1
    return sent


def send_again(tokens: Sequence[Token]) -> int:
    """Queue segments of a batch, each alone, under the attempt they have; a token that is stale changes nothing."""
    if not tokens:
        return 0
    attempts = {token[0]: token[1] for token in tokens}
    with session(settings().require_database()) as db:
        segments = segment_moves.described(db, list(attempts))
    return send_segments(one for one in segments if one.attempt == attempts[one.segment_id])


def send_step(message: outbox.Message) -> None:
    """Queue a step on a whole video."""
    app.send_task(
        f"dashplate.{message.kind}",
        args=(message.key,),
        queue=express(CONTROL) if message.express else CONTROL,
        argsrepr=f"{job_label(message.job)}{_file_name(message.video)}",
        time_limit=_LONGEST_OPENING_S if message.kind == outbox.PROBE else _hard_limit_s(message.duration_s),
    )


def waiting(queue: str) -> int:
    """Messages on a queue that no worker has taken yet."""
    return int(_redis(settings().require_redis()).llen(queue))


def label(batch: Sequence[segment_moves.Dispatched]) -> str:
    """What Flower and the logs show as a task's arguments: its job, the first segment, and how many are with it.

    Never its name: Flower keeps figures for each name, and Celery's parents count by it, for as long as they live.
    """
    first, more = batch[0], len(batch) - 1
    text = f"{job_label(first.job)}{_file_name(first.video)} segment {first.index}, attempt {first.attempt}"
    return f"{text}, and {more} more" if more else text


def job_label(job: int) -> str:
    """What begins the label of each task of a job, and of no other job's."""
    return f"job {job}: "


def _file_name(video: str) -> str:
    return printable(PurePath(video).name)


def _kind(segment: segment_moves.Dispatched) -> tuple[bool, bool, bool]:
    return segment.attempt > 1, segment.only_read, segment.express


def _send_batch(batch: Sequence[segment_moves.Dispatched], only_read: bool, first: bool) -> None:
    tokens = [(one.segment_id, one.attempt) for one in batch]
    # The longest, because none is begun late; see `workers.steps.batches`.
    options: dict[str, Any] = {
        "time_limit": _hard_limit_s(max(one.duration_s for one in batch)) + math.ceil(LONGEST_S),
        "argsrepr": label(batch),
    }

    def link(task: str, queue: str, *args: Any) -> Signature:
        signature: Signature = app.signature(f"dashplate.{task}", args=args)
        return signature.set(queue=express(queue) if first else queue, **options)

    if only_read:
        link("read", READ, tokens).apply_async()
    else:
        # The first link returns what the second is to read.
        chain(link("detect", DETECT, tokens), link("read", READ)).apply_async()


def _hard_limit_s(footage_s: float) -> int:
    return settings().limit_s(footage_s) + settings().kill_after_s


class _Depth:
    """How many segments wait for detection: twice as many when they are gone within the second, half when they last."""

    def __init__(self) -> None:
        self.now = scheduler.LEAST_DEPTH
        self._asked = 0.0

    @property
    def low_water(self) -> int:
        """With fewer messages than this it is worth asking the database for more."""
        return self.now // 2

    @property
    def asked_just_now(self) -> bool:
        """There are few more by now: batches would be small, and the question costs as much."""
        return time.monotonic() - self._asked < _REST_S

    def adapt(self, most: int) -> int:
        """To be called when the queue has run low; returns how many shall wait from now on."""
        since_s, self._asked = time.monotonic() - self._asked, time.monotonic()
        self.now = 2 * self.now if since_s < _AHEAD_S else self.now // 2
        self.now = max(scheduler.LEAST_DEPTH, min(self.now, most))
        return self.now


_depth = _Depth()


def _send_segments(depth: int, batch: int = 1) -> int:
    config = settings()
    with session(config.require_database()) as db:
        segments = scheduler.take_pending(db, config.window, depth)
    # Sent after the commit: a worker may start on it before this line returns. What is lost here, the sweeper finds.
    return send_segments(segments, batch)


def _send_steps() -> int:
    config = settings()
    with session(config.require_database()) as db:
        messages = scheduler.take_messages(db, config.control_window)
    for message in messages:
        send_step(message)
    return len(messages)


@lru_cache(maxsize=2)
def _redis(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5, health_check_interval=15)
