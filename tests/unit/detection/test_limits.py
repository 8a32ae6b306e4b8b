"""The time limit of a task: heard inside the block, and nowhere else."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from tests.support.processes import PATIENCE_S
from workers.celery_app.time_limit import time_limit


def as_before() -> bool:
    """No alarm is left, but for the one of the tests' own time limit."""
    left_s, _ = signal.getitimer(signal.ITIMER_REAL)
    return left_s == 0.0 or left_s > 5.0


def test_work_that_takes_too_long_is_told() -> None:
    with pytest.raises(SoftTimeLimitExceeded), time_limit(0.05):
        time.sleep(PATIENCE_S)


def test_nothing_comes_after_the_block() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(2.0):
        inside = signal.getsignal(signal.SIGALRM)
    assert callable(inside)
    # One that was on its way when the block ended does no harm.
    inside(signal.SIGALRM, None)
    assert signal.getsignal(signal.SIGALRM) is before
    assert as_before()


def test_another_thread_has_no_limit() -> None:
    def work() -> bool:
        with time_limit(0.05):
            time.sleep(0.15)
        return True

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result()


def test_a_limit_inside_another_leaves_it_what_is_left() -> None:
    begun = time.monotonic()
    heard: list[str] = []

    def work() -> None:
        try:
            with time_limit(0.05):
                time.sleep(PATIENCE_S)
        except SoftTimeLimitExceeded:
            heard.append("the inner one")
        time.sleep(PATIENCE_S)

    with pytest.raises(SoftTimeLimitExceeded), time_limit(1.2):
        work()
    assert heard == ["the inner one"]
    assert time.monotonic() - begun > 1.15


def test_a_limit_inside_a_nearer_one_is_cut_short() -> None:
    with pytest.raises(SoftTimeLimitExceeded), time_limit(0.1), time_limit(PATIENCE_S):
        time.sleep(PATIENCE_S)
    assert as_before()
