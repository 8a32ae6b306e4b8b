"""Batches: the segments that travel in one message and are done one after the other.

Where segments take milliseconds, as photographs do, a message for each costs as much as the work. Each segment of a
batch is still begun, leased, counted and stored on its own, and one that fails fails alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from workers.telemetry import bound

log = logging.getLogger(__name__)

#: A segment and its attempt number, as a message carries them.
Token = Sequence[int]
#: Seconds after which no further segment of a batch is begun: other workers may be idle, and another job's first
#: segment waits for this one to end.
LONGEST_S = 1.0


@dataclass(slots=True)
class Done:
    """How the segments of a batch ended."""

    #: Those of which the step said yes.
    passed: list[Token] = field(default_factory=list)
    #: Those that were not begun: they are to be sent again.
    left: list[Token] = field(default_factory=list)
    #: What the others raised, which their rows have counted.
    errors: list[Exception] = field(default_factory=list)

    def check(self) -> None:
        """Raise what was raised, so that the task shows it: all of it in a group, where there was more than one."""
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            raise ExceptionGroup("several segments", self.errors)


def run_batch(step: Callable[[int, int], bool], batch: Sequence[Token]) -> Done:
    """Do a step on each segment of a batch, until the time is up."""
    done, until = Done(), time.monotonic() + LONGEST_S
    for number, token in enumerate(batch):
        if number and time.monotonic() > until:
            done.left = list(batch[number:])
            break
        if len(batch) == 1:
            # Bound until the task ends: what Celery says of that end is about this segment.
            _run_one(step, token, done)
        else:
            with bound.scope():
                _run_one(step, token, done)
    return done


def _run_one(step: Callable[[int, int], bool], token: Token, done: Done) -> None:
    segment, attempt = token
    bound.bind(segment=segment, attempt=attempt)
    try:
        if step(segment, attempt):
            done.passed.append(token)
    except Exception as error:
        # Celery tells it whole; this line has the segment's ids, where the task has several.
        log.info("The segment failed: %s", type(error).__name__)
        done.errors.append(error)
