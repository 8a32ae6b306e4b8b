"""The Celery application: one broker, three queues, JSON only."""

from __future__ import annotations

from celery import Celery

DETECT = "detect"
READ = "read"
CONTROL = "control"
QUEUES = (DETECT, READ, CONTROL)

app = Celery("dashplate", include=["workers.tasks", "workers.warm"])
app.config_from_object("workers.celeryconfig:values")
