"""Holds a segment while it is worked on: renews its lease, and notices when it was taken away."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from db import moves
from db.engine import session

log = logging.getLogger(__name__)


class Lease:
    """Renews a segment's lease from a thread of its own while the `with` block runs."""

    def __init__(self, url: str, segment_id: int, attempt: int, lease_s: float) -> None:
        self._url = url
        self._segment_id = segment_id
        self._attempt = attempt
        self._lease_s = lease_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, name=f"lease-{segment_id}", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _renew(self) -> None:
        while not self._stop.wait(self._lease_s / 4):
            try:
                with session(self._url) as db:
                    if not moves.renew(db, self._segment_id, self._attempt, self._lease_s):
                        return
            except Exception:
                # A database that is away for a moment must not end the work; the result is checked when stored.
                log.warning("The lease on segment %d could not be renewed yet.", self._segment_id, exc_info=True)
