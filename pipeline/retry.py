"""The retry policy: how a call to a server, the result store or the database is repeated after a transient error."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_before_delay, wait_random
from tenacity.wait import wait_chain

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a call that met a transient error is made again; whichever limit comes first ends it."""

    #: Seconds before the second, third, ... attempt, and the last of them before each further one. Each is shortened
    #: by up to half at random: workers that were turned away together do not come back together.
    waits_s: tuple[float, ...]
    #: Attempts in all.
    attempts: int = sys.maxsize
    #: Seconds from the first attempt; none begins later.
    deadline_s: float = math.inf

    def run(
        self,
        work: Callable[[], T],
        is_transient: Callable[[Exception], bool],
        before_wait: Callable[[RetryCallState], None] | None = None,
    ) -> T:
        """What `work` returns. Raises its error: one that is not transient at once, else that of the last attempt."""
        retrying = Retrying(
            # tenacity catches KeyboardInterrupt and SystemExit too.
            retry=retry_if_exception(lambda error: isinstance(error, Exception) and is_transient(error)),
            wait=wait_chain(*(wait_random(wait_s / 2, wait_s) for wait_s in self.waits_s)),
            stop=stop_after_attempt(self.attempts) | stop_before_delay(self.deadline_s),
            before_sleep=before_wait,
            reraise=True,
        )
        return retrying(work)


#: A server or a bucket with videos. A stage has a time limit of its own.
SOURCE = RetryPolicy((0.3, 1.2, 4.5), attempts=4, deadline_s=45.0)
#: The result store.
STORE = RetryPolicy((0.1, 0.3, 1.0), attempts=4)
#: The database: a restart or a failover is waited for, so that work that is done can be stored.
DATABASE = RetryPolicy((0.2, 0.4, 0.8, 1.6, 3.2, 5.0), deadline_s=120.0)
