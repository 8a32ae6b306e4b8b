"""The Celery application: one broker, four queues, JSON only."""

from __future__ import annotations

from celery import Celery

DETECT = "detect"
READ = "read"
CONTROL = "control"
#: A queue of its own, so that a sweep never waits behind ten thousand files to be opened.
SWEEP = "sweep"
QUEUES = (DETECT, READ, CONTROL, SWEEP)
#: What each worker role serves.
ROLES = {DETECT: (DETECT,), READ: (READ,), CONTROL: (CONTROL, SWEEP)}

app = Celery("dashplate", include=["workers.tasks", "workers.warm"])
app.config_from_object("workers.celeryconfig:values")
