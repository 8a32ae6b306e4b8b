"""A soft time limit that only the code inside the block receives.

Celery's own soft limit is a signal that the parent process sends. Where it comes a moment late it strikes between two
tasks, while the child writes to its parent: the pipe then holds half a message, and the whole worker stands still.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from celery.exceptions import SoftTimeLimitExceeded

from pipeline.errors import OutOfTime

_SOON_S = 0.001


class TimeIsUp(SoftTimeLimitExceeded, OutOfTime):  # type: ignore[misc]
    """What the limit raises: for the workers it is Celery's, for the pipeline, which knows no Celery, its own."""


class Standstill:
    """Whether work has made no progress for so many seconds; `made` gives a number that grows with it."""

    def __init__(self, seconds: float, made: Callable[[], int]) -> None:
        self._seconds = seconds
        self._made = made
        self._seen, self._since = made(), time.monotonic()

    def __call__(self) -> bool:
        now = time.monotonic()
        if (made := self._made()) != self._seen:
            self._seen, self._since = made, now
        return now - self._since >= self._seconds


@contextmanager
def time_limit(seconds: float, made: Callable[[], int] = lambda: 0) -> Iterator[None]:
    """Raise SoftTimeLimitExceeded inside the block after so many seconds without progress.

    `made` gives a number that grows with the progress; without it, the work as a whole has these seconds.

    Signals reach the main thread only, in which a worker's tasks run; in another there is no limit. What does not hear
    it, such as a decoder that hangs, is killed by Celery's hard limit. Inside another limit the nearer one counts, and
    the outer one goes on afterwards.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    inside, seen = True, made()

    def over(signum: int, frame: FrameType | None) -> None:
        nonlocal seen
        if not inside:
            return
        if (now := made()) == seen:
            raise TimeIsUp
        seen = now
        signal.setitimer(signal.ITIMER_REAL, seconds)

    left_s, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    before = signal.signal(signal.SIGALRM, over)
    started = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, min(seconds, left_s) if left_s else seconds)
    try:
        yield
    finally:
        inside = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left_s:
            # Zero would switch it off.
            signal.setitimer(signal.ITIMER_REAL, max(_SOON_S, left_s - (time.monotonic() - started)))
