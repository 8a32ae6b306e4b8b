"""Runs Flower on the broker, readable and, where asked, behind a password."""

from __future__ import annotations

import os

from pipeline.errors import UsageError
from workers.app import app
from workers.settings import settings

#: Tasks kept in memory for the page.
_MAX_TASKS = 20_000


def serve(port: int, address: str) -> None:
    """Serve the page until stopped; beyond this machine only with `DASHPLATE_FLOWER_AUTH=user:password`."""
    settings().require_redis()
    auth = os.environ.pop("DASHPLATE_FLOWER_AUTH", "")
    if not auth and address not in ("127.0.0.1", "localhost", "::1"):
        raise UsageError("Flower listens to other machines only with DASHPLATE_FLOWER_AUTH=user:password set.")
    if auth:
        # Through the environment: an argument could be read by anybody on the machine.
        os.environ["FLOWER_BASIC_AUTH"] = auth
    app.start(
        [
            "flower",
            f"--port={port}",
            f"--address={address}",
            f"--max_tasks={_MAX_TASKS}",
            "--tasks_columns=name,state,args,received,started,runtime,worker",
            "--inspect_timeout=3000",
        ]
    )
