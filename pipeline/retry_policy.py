"""The retry policy: how often, and for how long, work that met a transient error is tried again.

A caller adds which errors are transient: `STORE.copy(retry=retry_if_exception(is_transient))(work)` returns what `work`
returns, and raises its error: at once where it is not transient, else after the last attempt.
"""

from __future__ import annotations

from tenacity import Retrying, stop_after_attempt, stop_before_delay, wait_chain, wait_random


def waits(*longest_s: float) -> wait_chain:
    """Seconds before the second, third, ... attempt; the last goes for all later ones. Up to half is cut at random.

    Workers that were turned away together do not come back together.
    """
    return wait_chain(*(wait_random(wait_s / 2, wait_s) for wait_s in longest_s))


#: No attempt at a video's server begins later than 45 s after the first: a stage has a time limit of its own.
SOURCE = Retrying(wait=waits(0.3, 1.2, 4.5), stop=stop_after_attempt(4) | stop_before_delay(45.0), reraise=True)
STORE = Retrying(wait=waits(0.1, 0.3, 1.0), stop=stop_after_attempt(4), reraise=True)
#: Work that is done waits this long for a database that restarts.
DATABASE_S = 120.0
DATABASE = Retrying(wait=waits(0.2, 0.4, 0.8, 1.6, 3.2, 5.0), stop=stop_before_delay(DATABASE_S), reraise=True)
