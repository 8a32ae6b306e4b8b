"""Celery tasks and what runs them: queues, leases, maintenance."""
