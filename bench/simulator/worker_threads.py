"""A process of simulated workers: `python -m bench.simulator.worker_threads COUNTERS FIRST DETECT READ`.

Each thread is a worker process of one role: it has a connection to the broker, takes one message at a time, runs its
task as Celery does, acknowledges it, and holds a connection to PostgreSQL of its own. What a thread lacks is Celery's
main process, which sends events and heartbeats, and the models.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

from celery.app.trace import trace_task
from kombu import Consumer, Message

from bench.simulator.counters import Counters
from bench.simulator.timed import this_thread
from db.engine import allow
from db.queue import scheduler
from workers.celery_app.app import DETECT, READ, ROLES, app
from workers.settings import settings

#: How long a thread waits for a message before it looks whether it should end.
_LOOK_S = 1.0


def _work(role: str, number: int, counters: Counters) -> None:
    """One worker, until its process ends."""
    this_thread.counters, this_thread.number = counters, number
    queues = [app.amqp.queues[name] for name in ROLES[role]]

    def received(body: Any, message: Message) -> None:
        args, kwargs, links = body
        request = {**message.headers, **links, "delivery_info": message.delivery_info}
        began = time.monotonic()
        trace_task(app.tasks[message.headers["task"]], message.headers["id"], args, kwargs, request, app=app)
        message.ack()
        counters.task(number, time.monotonic() - began)

    with app.connection_for_read() as connection, connection.channel() as channel:
        consumer = Consumer(channel, queues, callbacks=[received], accept=["json"], prefetch_count=1)
        with consumer:
            while True:
                try:
                    connection.drain_events(timeout=_LOOK_S)
                except TimeoutError:
                    continue


def _timed_dispatch(counters: Counters) -> None:
    """Count what choosing segments takes."""
    choose = scheduler.take_pending

    def timed(*given: Any) -> list[Any]:
        began = time.thread_time()
        taken = choose(*given)
        counters.dispatch(this_thread.number, time.thread_time() - began, len(taken))
        return taken

    scheduler.take_pending = timed  # type: ignore[assignment]


def main(path: Path, first: int, detecting: int, reading: int) -> None:
    """Run so many workers, whose counters begin at a number."""
    app.loader.import_default_modules()
    app.finalize()
    number = detecting + reading
    allow(settings().require_database(), number, number + 8)
    counters = Counters.opened(path)
    _timed_dispatch(counters)
    roles = [DETECT] * detecting + [READ] * reading
    threads = [
        threading.Thread(target=_work, args=(role, first + at, counters), daemon=True) for at, role in enumerate(roles)
    ]
    for thread in threads:
        thread.start()
        # All at once they would come for their segments at once, for as long as the stages take the same time.
        time.sleep(1.0 / number)
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
