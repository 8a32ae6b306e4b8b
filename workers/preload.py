"""Loads a worker's model while it waits for its first segment.

The load runs beside the pool's own start-up: a child that only answers once its model is there would be taken for dead.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from celery.signals import task_prerun, worker_process_init

from workers.settings import settings
from workers.steps.stage_engine import stage_engine

log = logging.getLogger(__name__)

_loading: threading.Thread | None = None


@worker_process_init.connect
def _start(**_: Any) -> None:
    global _loading
    role = settings().role
    if role is not None:
        _loading = threading.Thread(target=_load, args=(role,), name="warm", daemon=True)
        _loading.start()


@task_prerun.connect
def _wait(**_: Any) -> None:
    """Let the load end before the first task: a model serves one caller at a time."""
    if _loading is not None:
        _loading.join()


def _load(role: str) -> None:
    try:
        stage_engine().warm(role)
    except Exception:
        # The first segment meets the same error and reports it where somebody looks.
        log.warning("The model could not be loaded ahead of its first use.", exc_info=True)
