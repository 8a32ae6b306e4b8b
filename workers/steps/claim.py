"""Claims a video task from the outbox, holds its lease, and gives it back where it fails."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from celery.exceptions import SoftTimeLimitExceeded

from db.engine import retrying, session
from db.jobs.videos import step_away
from db.queue import outbox
from db.queue.outbox import PROBE, HeldTask
from pipeline.errors import Away, DashplateError
from pipeline.sources import progress
from workers.celery_app.time_limit import Standstill, time_limit
from workers.settings import settings
from workers.steps.failures import infrastructure_failure
from workers.steps.lease import Lease
from workers.telemetry import bound, traces

log = logging.getLogger(__name__)


@contextmanager
def taken(kind: str, video_id: int) -> Iterator[HeldTask | None]:
    """Hold the lease on a step for the block; None where it is done or in other hands.

    What goes wrong inside is noted in its row and the step sent again; the sweeper gives up one that keeps failing. A
    step whose video is away waits for it, for as long as the settings say.
    """
    config = settings()
    url, lease_s = config.require_database(), config.lease_s
    bound.bind(video=video_id)
    held = retrying(url, lambda db: outbox.begin(db, kind, video_id, lease_s))
    if held is None:
        log.info("%s of video %d: done, or in other hands.", kind, video_id)
        yield None
        return
    bound.bind(job=held.job_id, trace_id=traces.trace_id(url, video_id))

    limit_s = config.limit_s(held.duration_s)
    # How long an opening takes is not known before: it may go on for as long as something comes in.
    made = progress.made if kind == PROBE else _nothing_made
    stuck = Standstill(limit_s + config.kill_after_s, made)

    def renew() -> bool:
        if kind == PROBE and stuck():
            log.error("The opening of video %d is stuck and hears no alarm; its process is killed.", video_id)
            os.kill(os.getpid(), signal.SIGKILL)
        with session(url) as db:
            ours = outbox.renew(db, held, lease_s)
        # In other hands a stuck opening still holds this process, which has to end all the same.
        return ours or kind == PROBE

    try:
        limit = time_limit(limit_s, made)
        span = traces.span(kind, url, video=video_id, job=held.job_id, failures=held.failures)
        with span, Lease(f"{kind} of video {video_id}", renew, lease_s), limit:
            yield held
    except Exception as error:
        reason, infrastructure_s = _reason(error), config.trouble_delay_s
        if isinstance(error, Away):
            retrying(url, lambda db: step_away(db, held, reason, config.away_s, infrastructure_s))
        else:
            counts = infrastructure_failure(error) is None
            delay_s = config.retry_delay_s if counts else infrastructure_s
            retrying(url, lambda db: outbox.put_back(db, held, reason, counts=counts, delay_s=delay_s))
        raise


def _nothing_made() -> int:
    return 0


def _reason(error: Exception) -> str:
    if isinstance(error, SoftTimeLimitExceeded):
        return "It took longer than it may."
    return str(error) if isinstance(error, DashplateError) else f"{type(error).__name__}: {error}"
