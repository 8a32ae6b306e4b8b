"""The Celery application: one broker, JSON only, two queues for each stage."""

from __future__ import annotations

from celery import Celery

from workers import transport

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

transport.use()
app = Celery("dashplate", include=["workers.tasks", "workers.warm"])
app.config_from_object("workers.celeryconfig:values")
