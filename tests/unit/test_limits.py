"""The time limit of a task: heard inside the block, and nowhere else."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from workers.limits import time_limit


def test_work_that_takes_too_long_is_told() -> None:
    begun = time.monotonic()
    with pytest.raises(SoftTimeLimitExceeded), time_limit(0.05):
        time.sleep(5.0)
    assert time.monotonic() - begun < 1.0


def test_nothing_comes_after_the_block() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(0.05):
        inside = signal.getsignal(signal.SIGALRM)
    assert callable(inside)
    # One that was on its way when the block ended does no harm.
    inside(signal.SIGALRM, None)
    time.sleep(0.1)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_another_thread_has_no_limit() -> None:
    def work() -> bool:
        with time_limit(0.05):
            time.sleep(0.15)
        return True

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result()
