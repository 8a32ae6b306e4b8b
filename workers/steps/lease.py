"""Renews the leases of a process's work until they are given back or lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from types import TracebackType

log = logging.getLogger(__name__)


class Lease:
    """Calls `renew` every quarter of the lease from another thread while the `with` block runs.

    `renew` returns False where the lease was lost; what it raises is logged and tried again, because a database that is
    away for a moment must not end the work. The result is checked when it is stored.
    """

    def __init__(self, what: str, renew: Callable[[], bool], lease_s: float) -> None:
        self.what = what
        self.renew = renew
        self.every_s = lease_s / 4
        self.due = 0.0
        #: Log lines about it carry the ids of the work.
        self.context = copy_context()

    def __enter__(self) -> Lease:
        self.due = time.monotonic() + self.every_s
        _KEEPER.hold(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _KEEPER.drop(self)


class _Keeper:
    """One thread of the process that renews all its leases: most last for less than a thread takes to start."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: set[Lease] = set()
        self._thread: threading.Thread | None = None

    def hold(self, lease: Lease) -> None:
        with self._changed:
            self._held.add(lease)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
                self._thread.start()

    def drop(self, lease: Lease) -> None:
        """Returns after a renewal that is under way, so that nothing of the lease happens afterwards."""
        with self._changed:
            self._held.discard(lease)

    def _run(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                for lease in [lease for lease in self._held if lease.due <= now]:
                    lease.due = now + lease.every_s
                    if not lease.context.run(_still_ours, lease):
                        self._held.discard(lease)
                next_due = min((lease.due for lease in self._held), default=now + _IDLE_S)
                self._changed.wait(min(max(0.01, next_due - time.monotonic()), _IDLE_S))


def _still_ours(lease: Lease) -> bool:
    try:
        return lease.renew()
    except Exception:
        log.warning("The lease on %s could not be renewed yet.", lease.what, exc_info=True)
        return True


#: How long the keeper sleeps at most: a lease begun meanwhile must not be renewed late.
_IDLE_S = 0.5
_KEEPER = _Keeper()
