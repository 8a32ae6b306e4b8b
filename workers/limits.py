"""A time limit that the work at hand hears, and nothing else does.

Celery's own soft limit is a signal that the parent process sends. Where it comes a moment late it strikes between two
tasks, while the child writes to its parent: the pipe then holds half a message, and the whole worker stands still.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from celery.exceptions import SoftTimeLimitExceeded


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise SoftTimeLimitExceeded inside the block after so many seconds.

    Signals reach the main thread only, in which a worker's tasks run; in another there is no limit. What does not hear
    it, such as a decoder that hangs, is killed by Celery's hard limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    inside = True

    def over(signum: int, frame: FrameType | None) -> None:
        if inside:
            raise SoftTimeLimitExceeded

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        inside = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
