"""Logs and traces in a worker: hears from Celery when logging is set up, and when tasks and processes begin and end.

Celery imports it in each process of a worker, because the application includes it.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from celery.apps import worker
from celery.signals import (
    after_setup_logger,
    after_setup_task_logger,
    celeryd_after_setup,
    task_postrun,
    task_prerun,
    worker_process_shutdown,
)
from celery.utils.log import get_multiprocessing_logger

from workers.settings import settings
from workers.telemetry import bound, logs, traces


@after_setup_logger.connect
@after_setup_task_logger.connect
def _set_up(logger: logging.Logger, **_: Any) -> None:
    role = settings().role or "worker"
    logs.install(logger, role)
    logs.install(get_multiprocessing_logger(), role)
    if logs.as_json():
        worker.safe_say = logs.say_at_once(role)


@celeryd_after_setup.connect
def _say_nothing_before(**_: Any) -> None:
    """Billiard's children have a form of their own until Celery has set them up, for one line that nobody needs."""
    if logs.as_json():
        os.environ.pop("_MP_FORK_LOGLEVEL_", None)


@task_prerun.connect
def _begin(task_id: str, task: Any, **_: Any) -> None:
    bound.begin(task=task.name.removeprefix("dashplate."), task_id=task_id)


@task_postrun.connect
def _end(**_: Any) -> None:
    bound.begin()


@worker_process_shutdown.connect
def _send_spans(**_: Any) -> None:
    traces.flush()
