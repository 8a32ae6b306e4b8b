"""Runs one worker: a Celery prefork pool on the queue of its role."""

from __future__ import annotations

import os
import socket

from db.engine import check
from pipeline.errors import UsageError
from pipeline.offline import silence
from workers.app import CONTROL, ROLES, app
from workers.clock import Clock
from workers.events import GatherEvents
from workers.settings import settings

#: As Celery calls them.
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "FATAL")


def check_role(role: str) -> None:
    """Raises UsageError for a role that no worker has."""
    if role not in ROLES:
        raise UsageError(f"There is no worker role {role!r}; the roles are {', '.join(ROLES)}.")


def serve(role: str, concurrency: int, loglevel: str) -> None:
    """Serve the role's queue until a signal ends it; the control worker also runs the sweeper's clock."""
    check_role(role)
    if loglevel.upper() not in _LOG_LEVELS:
        raise UsageError(f"There is no log level {loglevel!r}; the levels are {', '.join(_LOG_LEVELS)}.")
    silence()
    # The pool's processes are spawned: the environment is how they know which model to load ahead.
    os.environ["DASHPLATE_ROLE"] = role
    settings.cache_clear()
    config = settings()
    config.require_redis()
    check(config.require_database())
    argv = [
        "worker",
        "--queues", ",".join(ROLES[role]),
        "--hostname", f"{role}@{socket.gethostname()}-{os.getpid()}",
        "--pool", "prefork",
        "--concurrency", str(concurrency),
        "--loglevel", loglevel,
        "--without-mingle",
    ]  # fmt: skip
    app.steps["consumer"].add(GatherEvents)
    if role == CONTROL:
        app.steps["worker"].add(Clock)
    app.worker_main(argv)
