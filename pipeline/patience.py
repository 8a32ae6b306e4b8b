"""Tries again what may pass: a lost connection, a name that is not found, a server in trouble."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from pipeline.errors import Inaccessible

#: Seconds before the second, third, ... try; each lengthened by up to half of it at random.
WAITS_S = (0.2, 0.8, 3.0)
#: No further try begins after so many seconds: a stage has a time limit of its own.
PATIENCE_S = 45.0

T = TypeVar("T")


class Passing(Exception):
    """A failure that may be over at the next try; `sentence` says what to do if it is not."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Unreachable(Inaccessible):
    """The network or the storage is in trouble, and was at every try: later may be better."""


def patiently(work: Callable[[], T]) -> T:
    """Do `work`, again after a `Passing` failure; raises `Unreachable` where it does not pass."""
    begin = time.monotonic()
    for wait_s in (*WAITS_S, None):
        try:
            return work()
        except Passing as problem:
            if wait_s is None or time.monotonic() - begin > PATIENCE_S:
                raise Unreachable(problem.sentence) from problem
            time.sleep(wait_s * random.uniform(1.0, 1.5))
    raise AssertionError("the last try returns or raises")
