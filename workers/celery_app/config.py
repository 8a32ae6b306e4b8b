"""Celery's settings, each with its reason.

A module of its own, named to the application by its path: a spawned pool process gets the application pickled, and
only what is named, not what was computed, travels with it.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kombu import Queue

from workers.celery_app.app import CONTROL, QUEUES
from workers.settings import Settings, settings


def configuration(config: Settings) -> dict[str, Any]:
    """The settings for this environment; raises UsageError without a broker."""
    transport = {
        # Redis hands out again what stays unacknowledged for this long. It outlasts all but a segment that could not be
        # cut; a second delivery of that finds its lease held.
        "visibility_timeout": config.visibility_timeout_s,
        "socket_timeout": 30,
        "socket_connect_timeout": 10,
        "socket_keepalive": True,
        "health_check_interval": 15,
        # Not `retry_on_timeout`: with it the driver replaces a connection that was reset behind Celery's back, in the
        # middle of a read that then waits for ever. Celery replaces it itself, and subscribes anew.
        # A worker looks at its queues in the order of its role: the express queue first.
        "queue_order_strategy": "priority",
    }
    return {
        "broker_url": config.require_redis(),
        "broker_transport_options": transport,
        "visibility_timeout": config.visibility_timeout_s,
        "result_backend_transport_options": transport,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "task_serializer": "json",
        "result_serializer": "json",
        "event_serializer": "json",
        "accept_content": ["json"],
        "task_queues": [Queue(name) for name in QUEUES],
        "task_default_queue": CONTROL,
        "task_create_missing_queues": False,
        # The database knows what is done; nothing waits for a result in Redis.
        "task_ignore_result": True,
        "task_acks_late": True,
        # A lost worker's segment comes back through its lease, with a count; requeueing at once loops for ever.
        "task_reject_on_worker_lost": False,
        "task_acks_on_failure": True,
        "task_acks_on_timeout": True,
        # What does not hear the limit of `time_limit`; Celery's own soft limit may strike between two tasks.
        "task_time_limit": config.time_limit_s + config.kill_after_s,
        # It would name a task by its function, and the sweeps by the thousand; what waits is in the database.
        "task_send_sent_event": False,
        "task_track_started": True,
        "worker_send_task_events": True,
        "worker_prefetch_multiplier": 1,
        # A forked CUDA context or psycopg connection breaks; a spawned child has its own.
        "worker_pool_start_method": "spawn",
        "worker_proc_alive_timeout": 60.0,
        "worker_soft_shutdown_timeout": 20.0,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "timezone": "UTC",
    }


#: Taken from the settings in force when the application is first used, and kept: one broker a process.
values = SimpleNamespace(**configuration(settings()))
