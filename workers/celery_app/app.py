"""The Celery application: one broker, JSON only, two queues for each stage."""

from __future__ import annotations

from celery import Celery

from pipeline.offline import silence
from workers.celery_app import redis_transport

DETECT = "detect"
READ = "read"
CONTROL = "control"


def express(queue: str) -> str:
    """The queue that a worker looks at before that one: for a job that has nothing else on the way."""
    return f"{queue}.first"


#: What each worker role serves, in the order in which it looks.
ROLES = {
    DETECT: (express(DETECT), DETECT),
    READ: (express(READ), READ),
    CONTROL: (express(CONTROL), CONTROL),
}
QUEUES = tuple(queue for queues in ROLES.values() for queue in queues)


class Application(Celery):  # type: ignore[misc]
    """Tasks without a parent: what a task sends goes on to other segments, and is no part of it.

    Else each task is the child of the one before, without end, and Flower holds all of those that were looked at.
    The second link of a chain is told its parent by the first.
    """

    current_worker_task = None


# Celery's own programs begin here.
silence()
redis_transport.use()
app = Application("dashplate", include=["workers.tasks", "workers.preload", "workers.telemetry.of_celery"])
app.config_from_object("workers.celery_app.config:values")
