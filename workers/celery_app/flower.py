"""Runs Flower on the broker, readable and, where asked, behind a password."""

from __future__ import annotations

import os

from flower.api import BaseApiHandler
from flower.options import options
from flower.views import BaseHandler
from tornado import web

from pipeline.errors import UsageError
from workers.celery_app.app import app
from workers.settings import settings

#: Tasks kept in memory for the page.
MAX_TASKS = 10_000
#: Seconds after which a worker that went leaves page and metrics: containers come back under other names.
_FORGET_WORKERS_S = 86_400


def serve(port: int, address: str) -> None:
    """Serve the page until stopped; beyond this machine only with `DASHPLATE_FLOWER_AUTH=user:password`."""
    settings().require_redis()
    _lock(os.environ.pop("DASHPLATE_FLOWER_AUTH", ""), address)
    app.start(
        [
            "flower",
            f"--port={port}",
            f"--address={address}",
            f"--max_tasks={MAX_TASKS}",
            f"--purge_offline_workers={_FORGET_WORKERS_S}",
            "--tasks_columns=name,args,state,received,started,runtime,worker",
            "--inspect_timeout=3000",
            # Else a file of that name in the current folder, which may be anybody's, would be executed.
            f"--conf={os.devnull}",
        ]
    )


def _lock(auth: str, address: str) -> None:
    """Put all that Flower serves behind the password; its style sheets and scripts, the same everywhere, stay open."""
    if not auth and address not in ("127.0.0.1", "localhost", "::1"):
        raise UsageError("Flower listens to other machines only with DASHPLATE_FLOWER_AUTH=user:password set.")
    if auth:
        user, colon, password = auth.partition(":")
        if not (user and colon and password and auth.isascii()):
            raise UsageError("DASHPLATE_FLOWER_AUTH must be user:password, in ASCII characters.")
        # Not an argument, which anybody on the machine can read; nor FLOWER_BASIC_AUTH, where a comma ends a password.
        os.environ.pop("FLOWER_BASIC_AUTH", None)
        options.basic_auth = [auth]
    # Flower itself leaves /metrics and /healthcheck open. What needs no login without a password needs none here.
    for handler in (BaseHandler, BaseApiHandler):
        handler.prepare = web.authenticated(handler.prepare)
