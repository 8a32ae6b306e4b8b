"""Runs one worker: a Celery prefork pool on the queue of its role."""

from __future__ import annotations

import errno
import hashlib
import os
import socket

from celery.app import trace

from db.engine import check
from pipeline.errors import UsageError
from workers.celery_app.app import CONTROL, ROLES, app
from workers.celery_app.event_batching import GatherEvents
from workers.maintenance.sweep_clock import Clock
from workers.settings import settings
from workers.telemetry import logs

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
    # The pool's processes are spawned: the environment is how they know which model to load ahead.
    os.environ["DASHPLATE_ROLE"] = role
    settings.cache_clear()
    config = settings()
    # What is said before Celery has set up its own.
    logs.configure(role)
    config.require_redis()
    check(config.require_database())
    name, held = _name(role)
    # The names are few; which video and segment it is, the arguments say.
    trace.LOG_RECEIVED = "Task %(name)s[%(id)s] received: %(args)s"
    argv = [
        # The banner is no log line.
        *(["--quiet"] if logs.as_json() else []),
        "worker",
        "--queues", ",".join(ROLES[role]),
        "--hostname", name,
        "--pool", "prefork",
        "--concurrency", str(concurrency),
        "--loglevel", loglevel,
        "--without-mingle",
    ]  # fmt: skip
    app.steps["consumer"].add(GatherEvents)
    if role == CONTROL:
        app.steps["worker"].add(Clock)
    with held:
        app.worker_main(argv)


def _name(role: str) -> tuple[str, socket.socket]:
    """The worker's name, unlike all others of this machine on the broker, and what holds it while the process lives.

    A worker that is started again gets the name that it had: Flower keeps figures of each name that it has heard of.
    Names in the kernel's abstract space go with the process, however it ends, and need no folder.
    """
    # As Celery prints it, without the password: everybody on the machine can read these names.
    broker = hashlib.sha256(app.connection_for_read().as_uri().encode()).hexdigest()[:16]
    name, number, held = f"{role}@{socket.gethostname()}", 1, socket.socket(socket.AF_UNIX)
    while True:
        numbered = name if number == 1 else f"{name}-{number}"
        try:
            held.bind(f"\0dashplate/{broker}/{numbered}")
            return numbered, held
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise
        number += 1
