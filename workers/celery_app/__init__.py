"""Celery as Dashplate uses it: the application, its settings, its transport, its time limits, Flower."""
