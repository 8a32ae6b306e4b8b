"""Batches Celery's events for Flower: a few messages a second.

Celery sends each at the next turn of its loop, alone for the most part: three publications for every task, a third of
what its main process does. Nobody who looks at a page can tell.
"""

from __future__ import annotations

from typing import Any

from celery import bootsteps

#: Seconds that an event may wait. Full buffers go out at once.
_GATHER_S = 0.2


class GatherEvents(bootsteps.StartStopStep):  # type: ignore[misc]
    """Replaces what the dispatcher does when it has buffered an event; another connection brings another dispatcher."""

    requires = ("celery.worker.consumer.events:Events",)

    def start(self, consumer: Any) -> None:
        dispatcher, hub = consumer.event_dispatcher, consumer.hub
        if dispatcher is None or hub is None:
            return
        waiting = False

        def flush() -> None:
            nonlocal waiting
            waiting = False
            dispatcher.flush()

        def gather() -> None:
            nonlocal waiting
            if not waiting:
                waiting = True
                hub.call_later(_GATHER_S, flush)

        dispatcher.on_send_buffered = gather
