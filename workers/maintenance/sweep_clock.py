"""The sweeper's clock: every control worker sweeps every few seconds, in a thread of its main process.

Not as a task: it would wait behind an opening that takes minutes, and nobody would notice meanwhile who died. The
thread lives and dies with its worker; of all that tick, one sweeps at a time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from celery import bootsteps

from db.engine import visit
from workers.maintenance.join_videos import join_new
from workers.maintenance.new_watch_entries import match_new
from workers.maintenance.search_index import index_new
from workers.maintenance.sweeper import clear, sweep
from workers.settings import settings

log = logging.getLogger(__name__)

#: Deleting takes its time and nobody waits for it: so many sweeps apart, in a thread of its own.
_CLEAR_EVERY = 2


class Clock(bootsteps.StartStopStep):  # type: ignore[misc]
    """Runs as long as the worker does, whether its broker is there or not."""

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._stop = threading.Event()
        every_s = settings().sweep_every_s
        self._threads = [
            threading.Thread(target=self._tick, args=(sweep, every_s), name="sweeper", daemon=True),
            threading.Thread(target=self._tick, args=(index_new, every_s), name="indexing", daemon=True),
            threading.Thread(target=self._tick, args=(join_new, every_s), name="joining", daemon=True),
            threading.Thread(target=self._tick, args=(match_new, every_s), name="matching", daemon=True),
            threading.Thread(target=self._tick, args=(clear, _CLEAR_EVERY * every_s), name="clearing", daemon=True),
        ]

    def start(self, worker: Any) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, worker: Any) -> None:
        self._stop.set()

    def _tick(self, act: Callable[[], object], every_s: float) -> None:
        while not self._stop.wait(every_s):
            try:
                # Hundreds of control workers may tick: between two ticks none keeps a connection.
                with visit(settings().require_database()):
                    act()
            except Exception as problem:
                # A server is away: the next tick tries again.
                log.warning("%s: %s", act.__name__, str(problem).partition("\n")[0])
                log.debug("It happened here:", exc_info=True)
