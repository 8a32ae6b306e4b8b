"""Looks at something again and again while a measurement runs, such as the memory of a process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil


@contextmanager
def watched(look: Callable[[], None], every_s: float) -> Iterator[None]:
    """Call `look` every so many seconds, from a thread, until the block ends."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(every_s):
            look()

    watcher = threading.Thread(target=watch, name="watching", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def resident_bytes(process: psutil.Process | None) -> int:
    """Resident memory; 0 of a process that is not there."""
    with suppress(psutil.NoSuchProcess):
        return 0 if process is None else int(process.memory_info().rss)
    return 0
