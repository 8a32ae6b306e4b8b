"""Times several ways of doing the same by turns, so that a busy machine troubles all of them alike."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from statistics import median
from typing import ParamSpec, TypeVar

#: Processors, and threads of each network, that a timing uses.
THREADS = 2

_P = ParamSpec("_P")
_R = TypeVar("_R")
#: Calls before the clock runs: OpenVINO compiles shapes of input that come often.
_WARM_UP = 4


def on_few_threads(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Call the function in a process of its own that keeps to `THREADS` processors.

    OpenVINO counts the processors that it may use once, when it is loaded: in this process it is too late.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_keep_to_few_threads) as process:
        return process.submit(function, *args, **kwargs).result()


def by_turns(calls: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Milliseconds that each of the calls takes: medians over the rounds, after some calls each to warm up."""
    for call in calls:
        for _ in range(_WARM_UP):
            call()
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, taken in zip(calls, times, strict=True):
            started = time.perf_counter()
            call()
            taken.append((time.perf_counter() - started) * 1000)
    return [median(taken) for taken in times]


def _keep_to_few_threads() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
