"""The fleet that is disturbed: embedded servers, workers, senders, the service, and the jobs that are submitted."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import SecretStr
from sqlalchemy import RowMapping, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from bench.chaos.disturbed import flaky_store
from bench.chaos.disturbed.processes import ROOT, Processes
from bench.chaos.disturbed.proxy import Proxy
from bench.chaos.disturbed.receiver import Mood, Receiver
from bench.chaos.footage import FLEETS, standing, write_fleets
from dashplate.delivery.signing import WebhookKey
from dashplate.stack import Layout, Stack
from dashplate.stack.postgres_server import PostgresServer
from dashplate.stack.redis_server import RedisServer
from dashplate.stack.server import free_port
from db.access import tokens
from db.access.scopes import Scope
from db.engine import engine_for, is_transient, retrying, session
from db.findings.plate_hashing import PlateKey
from db.migrate import upgrade
from db.telling import endpoints, watch_lists
from pipeline.errors import UsageError

T = TypeVar("T")

#: Everything that takes seconds or minutes in earnest, made short.
_PACE = {
    "DASHPLATE_LEASE_S": "2",
    "DASHPLATE_SWEEP_EVERY_S": "0.5",
    # The least: a segment is given three times its length, see `bench.chaos.footage`.
    "DASHPLATE_TIME_LIMIT_S": "1",
    "DASHPLATE_KILL_AFTER_S": "1",
    "DASHPLATE_VISIBILITY_S": "7",
    "DASHPLATE_QUIET_S": "1.5",
    "DASHPLATE_QUIET_BUSY_S": "4",
    "DASHPLATE_RETRY_DELAY_S": "0.1",
    "DASHPLATE_TROUBLE_DELAY_S": "0.5",
    "DASHPLATE_DELIVERY_LEASE_S": "2",
    "DASHPLATE_DELIVERY_DELAYS_S": ",".join(["0.5"] * 20),
    "DASHPLATE_WINDOW": "8",
    "DASHPLATE_THREADS": "1",
}
_ENDPOINT = "chaos"
_READY_S = 60.0
_JOB = "SELECT id, open, finished_at IS NOT NULL AS ended FROM jobs WHERE key = :key"


@dataclass(frozen=True, slots=True)
class Job:
    """A submitted job as it stands."""

    id: int
    #: A command still adds files to it.
    open: bool
    ended: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """A command that somebody has typed."""

    words: tuple[str, ...]
    process: subprocess.Popen[bytes]
    #: What PostgreSQL calls its connections.
    name: str


class ChaosFleet:
    """Servers and workers in a folder of their own, for many schedules, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store_folder = folder / "store"
        #: The videos are on a share: a root of its own.
        self.share, self._share_away = folder / "drives", folder / "drives.away"
        self._trouble_file = folder / "store.errors"
        self._closing = ExitStack()
        self._store_kind = ""
        self.processes = Processes(folder)
        #: The tree whose code is started.
        self.root = ROOT
        # Made anew: whoever keeps the folder of a run cannot read its hashed plates.
        self._plate_key, self._webhook_key = secrets.token_hex(32), secrets.token_hex(32)
        self._service_port = free_port()

    def __enter__(self) -> Self:
        layout = Layout.at(self.folder)
        stack = self._closing.enter_context(Stack.open(self.folder))
        self.url = stack.database_url
        self.redis_url = stack.redis_url
        self.redis, self.postgres = RedisServer(layout), PostgresServer(layout)
        self._closing.callback(engine_for.cache_clear)
        #: Between servers and all of Dashplate; only the harness itself reaches the servers directly.
        self.networks = {"redis": Proxy(lambda: self.redis.port), "postgres": Proxy(lambda: self.postgres.port)}
        for network in self.networks.values():
            self._closing.enter_context(network)
        upgrade(self.url)
        self.files = write_fleets(self.share)
        self.calm()
        self.receiver = self._closing.enter_context(Receiver(self._secret()))
        self._begin_to_tell()
        # Whichever run by then: others may have taken their place.
        self._closing.callback(lambda: self.processes.stop())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def _secret(self) -> str:
        return WebhookKey(SecretStr(self._webhook_key)).secret(_ENDPOINT, 1)

    def _begin_to_tell(self) -> None:
        """Tell the receiver of everything, watch for some plates, and let somebody into the service."""
        with session(self.url) as db:
            endpoints.add(db, _ENDPOINT, self.receiver.url)
            watch_lists.add(db, standing(PlateKey(self._plate_key)), "chaos")
            #: For the service.
            self.token = tokens.create(db, "chaos", [Scope.ADMIN], None)

    @property
    def service_url(self) -> str:
        return f"http://127.0.0.1:{self._service_port}"

    def calm(self) -> None:
        """The result store is in order again."""
        self.trouble()

    def trouble(self, chance: float = 0.0, full: bool = False) -> None:
        """The result store fails from now on; see `bench.chaos.disturbed.flaky_store`."""
        flaky_store.set_trouble(self._trouble_file, chance, full)

    @property
    def videos_are_away(self) -> bool:
        return self._share_away.exists()

    def take_videos_away(self, *, emptied: bool) -> None:
        """Unmount the share, as it were: its folder is missing, or `emptied`."""
        self.share.rename(self._share_away)
        if emptied:
            self.share.mkdir()

    def bring_videos_back(self) -> None:
        """The same files again. An empty folder in their place gives way."""
        self._share_away.rename(self.share)

    def ready(self, store_kind: str) -> None:
        """See that all answer, all run and videos are there, on that kind of store (`Schedule.store`)."""
        self.redis.ensure()
        self.postgres.ensure()
        self.receiver.be(Mood.WELL)
        if self.videos_are_away:
            self.bring_videos_back()
        if self._store_kind != store_kind:
            self.processes.stop()
            self._store_kind = store_kind
            self.start()
        wait_for("all processes", self.processes.all_run, _READY_S)

    def start(self) -> None:
        """Start the processes, after they were stopped."""
        self.processes.start(self._environment(), str(self.store_folder), self._service_port, self.root)

    def start_beside(self, processes: Processes) -> None:
        """Start more processes beside those that run; their service listens on a port of its own."""
        processes.start(self._environment(), str(self.store_folder), free_port(), self.root)

    def submit(self, fleet: str, key: str) -> Typed:
        """Begin to submit a fleet; the same key goes on with the same job."""
        files = [str(path) for path in self.files[fleet]]
        return self.type("submit", "--key", key, "--name", fleet, *FLEETS[fleet].words, *files)

    def type(self, *words: str) -> Typed:
        """Begin a command in a process of its own."""
        name = f"typed {secrets.token_hex(8)}"
        env = {**os.environ, **self._environment(), "PGAPPNAME": name, "PYTHONPATH": str(self.root)}
        command = (sys.executable, "-m", "dashplate", *words)
        with (self.folder / "logs" / "commands.log").open("ab") as log:
            process = subprocess.Popen(
                command, env=env, cwd=self.root, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return Typed(words, process, name)

    def job(self, key: str) -> Job | None:
        """The job of a submission's key; None where it is not there yet."""
        rows = self.ask(_JOB, key=key)
        return Job(**rows[0]) if rows else None

    def ask(self, query: str, **values: Any) -> Sequence[RowMapping]:
        """The rows of a query; waits for a database that is away."""
        return self.look(lambda db: db.execute(text(query), values).mappings().all())

    def look(self, work: Callable[[Session], T]) -> T:
        """Do something in the database, which may be away for a moment."""
        return retrying(self.url, work, 30.0)

    def steer(self, command: Callable[[str, int], None], job_id: int) -> None:
        """Pause, resume or cancel a job as a person would: again where the database was away."""
        while True:
            try:
                command(self.url, job_id)
                return
            except UsageError:
                return
            except DBAPIError as error:
                if not is_transient(error):
                    raise
            time.sleep(0.2)

    def _environment(self) -> dict[str, str]:
        flaky = self._store_kind == "flaky"
        place = flaky_store.flaky_url(self.store_folder) if flaky else str(self.store_folder)
        return {
            **_PACE,
            **flaky_store.environment(self._trouble_file),
            "DASHPLATE_REDIS_URL": _through(self.networks["redis"], self.redis_url),
            "DASHPLATE_DATABASE_URL": _through(self.networks["postgres"], self.url),
            "DASHPLATE_DATA_DIR": str(self.folder),
            "DASHPLATE_STORE_DIR": place,
            "DASHPLATE_ROOTS": str(self.share),
            "DASHPLATE_WORK": "bench.chaos.disturbed.flaky_store:StandIn",
            "DASHPLATE_PLATE_KEY": self._plate_key,
            "DASHPLATE_WEBHOOK_KEY": self._webhook_key,
            "DASHPLATE_PRIVATE_HOSTS": "127.0.0.1",
            # The service is asked for no photograph, and without weights loads no models.
            "DASHPLATE_DETECTOR": str(self.folder / "no-weights"),
        }


def _through(network: Proxy, url: str) -> str:
    """A server's address as the other end of that network has it."""
    return make_url(url).set(port=network.port).render_as_string(hide_password=False)


def wait_for(what: str, look: Callable[[], T | None], patience_s: float, every_s: float = 0.05) -> T:
    """The first answer that is true; raises TimeoutError with `what` was waited for."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(every_s)
    raise TimeoutError(f"waited {patience_s:.0f} s in vain for {what}")
