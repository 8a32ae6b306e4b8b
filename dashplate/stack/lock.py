"""One stack per data folder: a lock for changing it, and shares for those who use it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dashplate.stack.layout import Layout
from pipeline.errors import ServiceUnavailable

#: A first start takes 2 to 4 s, recovery after a crash up to some minutes.
_CHANGE_TIMEOUT_S = 240.0
_POLL_S = 0.05


@contextmanager
def changing(layout: Layout, timeout_s: float = _CHANGE_TIMEOUT_S) -> Iterator[None]:
    """Be the only program that starts or stops this folder's servers; the file tells the holder's pid.

    The kernel lets go of the lock when its holder dies. Raises ServiceUnavailable after `timeout_s`.
    """
    descriptor = _open(layout, "stack.lock")
    try:
        deadline = time.monotonic() + timeout_s
        while not _try(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
                raise ServiceUnavailable(
                    f"Process {holder} has been starting or stopping the servers in {layout.root} "
                    f"for {timeout_s:.0f} s; try again, or stop that process."
                )
            time.sleep(_POLL_S)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


class Share:
    """One program's share in a folder's running servers, which the kernel takes back when the program dies.

    `alone` and `hold` are called inside `changing` only, so nobody slips in between.
    """

    def __init__(self, layout: Layout) -> None:
        self._descriptor = _open(layout, "users.lock")

    def alone(self) -> bool:
        """Say whether no other program has a share; this one's own is given up in asking."""
        if not _try(self._descriptor, fcntl.LOCK_EX):
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            return False
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return True

    def hold(self) -> None:
        """Take the share."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def close(self) -> None:
        """Give the share up for good."""
        os.close(self._descriptor)


def _open(layout: Layout, name: str) -> int:
    return os.open(layout.run / name, os.O_RDWR | os.O_CREAT, 0o600)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
