"""A service as a user starts it: on servers of its own, in a folder of its own, with tokens and stand-in workers."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from dashplate.stack import Stack
from dashplate.stack.server import free_port
from dashplate.supervisor import Command, Supervisor
from db.access import tokens
from db.access.scopes import Scope
from db.engine import engine_for, session
from db.migrate import upgrade

#: Far more than a start takes.
PATIENCE_S = 300.0
_WORKERS = ("control", "detect", "read")


@dataclass
class Service:
    """`dashplate serve` as a process; it may be killed and started again on its port."""

    database_url: str
    env: dict[str, str]
    #: Its data, its log, and what it may open videos below.
    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that it has said."""
        return (self.folder / "serve.log").read_text("utf-8", "replace")

    def start(self, *words: str) -> None:
        """Start it and wait until it answers. Raises RuntimeError with its log where it does not."""
        argv = [sys.executable, "-m", "dashplate", "serve", "--port", str(self.port), *words]
        with (self.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(argv, env=self.env, stdout=log, stderr=log)
        end = time.monotonic() + PATIENCE_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"The service did not come up:\n{self.log}")
            time.sleep(0.1)

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """End it; its exit status."""
        assert self.process is not None
        self.process.send_signal(with_signal)
        return self.process.wait(PATIENCE_S)

    def web(self) -> psutil.Process | None:
        """The process itself, where it runs."""
        assert self.process is not None
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid)
        return None

    def reader(self) -> psutil.Process | None:
        """The process that reads photographs, where there is one."""
        web = self.web()
        with suppress(psutil.NoSuchProcess):
            for child in [] if web is None else web.children():
                with suppress(psutil.NoSuchProcess):
                    if "spawn_main" in " ".join(child.cmdline()):
                        return child
        return None

    def token(self, name: str, *scopes: Scope) -> str:
        """A new token."""
        with session(self.database_url) as db:
            return tokens.create(db, name, scopes, None)

    def client(self, token: str, timeout_s: float = PATIENCE_S) -> httpx.Client:
        """A client that sends the token."""
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s, limits=limits)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2.0).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def service(
    *, workers: bool = False, queue: int = 64, roots: Sequence[str] = (), words: Sequence[str] = ()
) -> Iterator[Service]:
    """A running service with the newest schema; with workers that do stand-in work, where they are wanted."""
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="dashplate-service-")))
        (folder / "tmp").mkdir()
        stack = held.enter_context(Stack.open(folder / "data"))
        held.callback(engine_for.cache_clear)
        upgrade(stack.database_url)
        env = _environment(stack, folder, queue, roots)
        if workers:
            argv = (sys.executable, "-m", "dashplate", "worker")
            supervisor = held.enter_context(Supervisor(folder / "data"))
            supervisor.start([Command(role, (*argv, role), env, Path.cwd()) for role in _WORKERS])
        here = Service(stack.database_url, env, folder)
        here.start(*words)
        try:
            yield here
        finally:
            if here.process is not None and here.process.poll() is None:
                here.stop()


def _environment(stack: Stack, folder: Path, queue: int, roots: Sequence[str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DASHPLATE_")}
    return kept | {
        "DASHPLATE_REDIS_URL": stack.redis_url,
        "DASHPLATE_DATABASE_URL": stack.database_url,
        "DASHPLATE_DATA_DIR": str(folder / "data"),
        "DASHPLATE_PHOTO_QUEUE": str(queue),
        "DASHPLATE_ROOTS": json.dumps([str(folder), *roots]),
        # However many are begun, the disk has room.
        "DASHPLATE_UPLOAD_MOST_BYTES": "2000000",
        "DASHPLATE_WORK": "bench.standin:StandIn",
        "DASHPLATE_PLATE_KEY": secrets.token_hex(32),
        "DASHPLATE_SIGNING_KEY": secrets.token_hex(32),
        "DASHPLATE_WEBHOOK_KEY": secrets.token_hex(32),
        # So that what is left behind can be seen.
        "TMPDIR": str(folder / "tmp"),
    }
