"""The service as a user starts it: a process on the real servers, with the real models."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from dashplate.stack import Stack
from dashplate.stack.server import free_port
from dashplate.supervisor import Command, Supervisor
from db.access.scopes import Scope
from db.migrate import upgrade
from tests.conftest import ROOT
from tests.support.processes import PATIENCE_S, wait_until
from tests.support.service import QUEUE, Serve, Served


@pytest.fixture(scope="package")
def serve(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    upgrade(stack.database_url)
    running: list[subprocess.Popen[bytes]] = []

    def start(*words: str, ends: bool = True, **environment: str) -> Served:
        base, port = tmp_path_factory.mktemp("service"), free_port()
        # What is uploaded lies beside it, so that no root holds it.
        folder = base / "videos"
        folder.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DASHPLATE_")}
        env = kept | {
            "DASHPLATE_REDIS_URL": stack.redis_url,
            "DASHPLATE_DATABASE_URL": stack.database_url,
            "DASHPLATE_DATA_DIR": str(base / "data"),
            "DASHPLATE_PHOTO_QUEUE": str(QUEUE),
            "DASHPLATE_ROOTS": str(folder),
            "DASHPLATE_WORK": "bench.standin:StandIn",
            "DASHPLATE_RETRY_DELAY_S": "0.1",
            "DASHPLATE_WEBHOOK_KEY": "a signing key of more than thirty-two characters",
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        argv = [sys.executable, "-m", "dashplate", "serve", "--port", str(port), *words]
        log = base / "serve.log"
        with log.open("wb") as output:
            process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=output, stderr=output)
        if ends:
            running.append(process)
        url = f"http://127.0.0.1:{port}"
        wait_until("the service", lambda: process.poll() is not None or _answers(url), every_s=0.2)
        assert process.poll() is None, log.read_text()
        return Served(url, stack.database_url, folder, env)

    yield start
    for process in running:
        process.terminate()
        assert process.wait(PATIENCE_S) == 128 + 15


@pytest.fixture(scope="package")
def served(serve: Serve) -> Served:
    """A service whom only tokens open."""
    return serve()


@pytest.fixture(scope="package")
def working(served: Served) -> Iterator[Served]:
    """The same with workers, whose models are stand-ins."""
    with redis.Redis.from_url(served.env["DASHPLATE_REDIS_URL"]) as client:
        client.flushall()
    roles = ("control", "detect", "read")
    commands = [Command(role, (sys.executable, "-m", "dashplate", "worker", role), served.env, ROOT) for role in roles]
    with Supervisor(Path(served.env["DASHPLATE_DATA_DIR"])) as workers:
        workers.start(commands)
        yield served


@pytest.fixture
def client(working: Served) -> Iterator[httpx.Client]:
    with working.client(Scope.SUBMIT, Scope.SEARCH) as opened:
        yield opened


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
