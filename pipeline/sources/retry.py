"""Tries again what may pass: a lost connection, a name that is not found, a server in trouble."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from pipeline.errors import Away
from pipeline.sources.progress import advance

#: Seconds before the second, third, ... try; each lengthened by up to half of it at random.
WAITS_S = (0.2, 0.8, 3.0)
#: Answers of the web below 500 that a later try may better: a time that ran out, too early, too many requests.
_PASSING = frozenset({408, 425, 429})
#: No further try begins after so many seconds: a stage has a time limit of its own.
PATIENCE_S = 45.0

T = TypeVar("T")


class Passing(Exception):
    """A failure that may be over at the next try; `sentence` says what to do if it is not."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def passes(status: int) -> bool:
    """Whether an HTTP status speaks of the server and not of what was asked for."""
    return status in _PASSING or status >= 500


def patiently(work: Callable[[], T]) -> T:
    """Do `work`, again after a `Passing` failure; raises `Away` where it does not pass."""
    begin = time.monotonic()
    for wait_s in (*WAITS_S, None):
        try:
            done = work()
            advance()
            return done
        except Passing as problem:
            if wait_s is None or time.monotonic() - begin > PATIENCE_S:
                raise Away(problem.sentence) from problem
            time.sleep(wait_s * random.uniform(1.0, 1.5))
    raise AssertionError("the last try returns or raises")
