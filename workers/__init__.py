"""Celery tasks and what runs them: queues, leases, maintenance."""

import pipeline  # noqa: F401  Its switches have to be set before any library is loaded.
