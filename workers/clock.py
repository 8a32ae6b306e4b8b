"""The sweeper's clock: every control worker asks for a sweep every few seconds, from its own event loop.

Celery's embedded beat is a process of its own that nobody starts again when it dies; the worker would live on without
a clock, and what goes quiet would stay so. This one lives and dies with its worker.
"""

from __future__ import annotations

from typing import Any

from celery import bootsteps

from workers.app import SWEEP, app
from workers.settings import settings


class Clock(bootsteps.StartStopStep):  # type: ignore[misc]
    """Runs while the worker is connected. Two sweeps are as good as one, none would be none."""

    requires = ("celery.worker.consumer.connection:Connection",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._ticking: Any = None

    def start(self, consumer: Any) -> None:
        self._ticking = consumer.timer.call_repeatedly(settings().sweep_every_s, ask_for_sweep)

    def stop(self, consumer: Any) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None


def ask_for_sweep() -> None:
    """Send the message; one that nobody took before the next ones are due has no use."""
    every_s = settings().sweep_every_s
    # Not tried again: the next tick does that.
    app.send_task("dashplate.sweep", queue=SWEEP, expires=max(5.0, 3 * every_s), retry=False)
