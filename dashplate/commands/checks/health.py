"""Health checks: what `dashplate health` answers, and the heartbeat that workers write.

A worker is not asked over the broker: a busy one answers late, and the question itself needs a broker. Its main
process touches a file with each of Celery's heartbeats, every two seconds, which stop when the process hangs or
has lost Redis.
"""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from base64 import b64encode
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path

from output.terminal import say
from pipeline.errors import ServiceUnavailable, UsageError

#: Thirty missed heartbeats: a short loss of Redis passes unnoticed, a hung worker is known within a minute.
MAX_AGE_S = 60.0
#: Where Flower listens, unless DASHPLATE_FLOWER_URL says otherwise.
FLOWER_URL = "http://127.0.0.1:5555"
#: Where the HTTP service listens, unless DASHPLATE_SERVICE_URL says otherwise.
SERVICE_URL = "http://127.0.0.1:8080"
#: Where the metrics are served, unless DASHPLATE_METRICS_URL says otherwise.
METRICS_URL = "http://127.0.0.1:9464"
_TIMEOUT_S = 5.0
#: What the HTTP service and the metrics say to anybody; and bytes that are read of an answer, which may be some other
#: program's.
_WELL, _MOST_BYTES = b'{"ok":true}', 1000
_ROLES = ("detect", "read", "control")
_SENDER = "sender"
_SERVICES = "redis, postgres, worker, sender, flower, metrics, service"


def check(service: str, role: str | None = None) -> None:
    """Print a sentence if the service is well.

    Raises ServiceUnavailable with the reason where it is not, UsageError for a service that there is none of.
    """
    if service == "worker":
        if role not in _ROLES:
            raise UsageError(f"Say which worker: detect, read or control, not {role or ''!r}.")
        say(_alive(role, f"{role} worker"))
        return
    if service == _SENDER:
        say(_alive(_SENDER, _SENDER))
        return
    try:
        probe = {
            "redis": _redis, "postgres": _postgres, "flower": _flower, "metrics": _metrics, "service": http_service,
        }[service]  # fmt: skip
    except KeyError:
        raise UsageError(f"There is no service {service!r}; the services are {_SERVICES}.") from None
    say(probe())


def install_heartbeat(role: str, data_dir: Path) -> None:
    """Let this process, a worker's main one, give a sign of life with each of Celery's heartbeats.

    Call it before the worker starts: Celery looks for listeners once. What an earlier worker left is removed.
    """
    from celery.signals import heartbeat_sent

    _sign_of_life(role, data_dir).unlink(missing_ok=True)

    def touch(**_: object) -> None:
        mark_alive(role, data_dir)

    heartbeat_sent.connect(touch, weak=False, dispatch_uid=f"dashplate.commands.checks.health.{role}")


def mark_alive(role: str, data_dir: Path) -> None:
    """Note that the role's worker, or the sender, lives now."""
    file = _sign_of_life(role, data_dir)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def worker_alive(role: str, data_dir: Path, max_age_s: float = MAX_AGE_S) -> bool:
    """Say whether a worker of this role that works on this data folder gave a sign of life lately."""
    age_s = _age_s(role, data_dir)
    return age_s is not None and age_s <= max_age_s


def _alive(role: str, name: str) -> str:
    from workers.settings import settings

    data_dir = settings().data_dir
    age_s = _age_s(role, data_dir)
    if age_s is None:
        raise ServiceUnavailable(f"No {name} has given a sign of life in {data_dir}.")
    if age_s > MAX_AGE_S:
        raise ServiceUnavailable(f"The {name} has given no sign of life for {age_s:.0f} s; see its log.")
    return f"The {name} gave a sign of life {age_s:.0f} s ago."


def _redis() -> str:
    from dashplate.stack.reach import check_redis
    from workers.settings import settings

    return f"Redis {check_redis(settings().require_redis())} answers."


def _postgres() -> str:
    from dashplate.stack.reach import check_database
    from workers.settings import settings

    return f"PostgreSQL {check_database(settings().require_database())} answers."


def _flower() -> str:
    url = os.environ.get("DASHPLATE_FLOWER_URL", FLOWER_URL).rstrip("/")
    try:
        request = urllib.request.Request(f"{url}/healthcheck")
        if auth := os.environ.get("DASHPLATE_FLOWER_AUTH"):
            request.add_unredirected_header("Authorization", f"Basic {b64encode(auth.encode()).decode()}")
        _ask(request)
        return f"Flower answers at {url}."
    except (urllib.error.URLError, OSError, ValueError) as problem:
        if isinstance(problem, urllib.error.HTTPError) and problem.code == HTTPStatus.UNAUTHORIZED:
            raise ServiceUnavailable(
                f"Flower at {url} wants its password: set DASHPLATE_FLOWER_AUTH=user:password as it is set there."
            ) from None
        raise ServiceUnavailable(f"Flower does not answer at {url}: {problem}.") from None


def http_service() -> str:
    """A sentence if the HTTP service answers. Raises ServiceUnavailable."""
    url = os.environ.get("DASHPLATE_SERVICE_URL", SERVICE_URL).rstrip("/")
    return _well("The service", url, "DASHPLATE_SERVICE_URL")


def _metrics() -> str:
    url = os.environ.get("DASHPLATE_METRICS_URL", METRICS_URL).rstrip("/")
    return _well("The metrics' program", url, "DASHPLATE_METRICS_URL")


def _well(title: str, url: str, variable: str) -> str:
    try:
        said = _ask(urllib.request.Request(f"{url}/healthz"))
    except (HTTPException, OSError, ValueError) as problem:
        raise ServiceUnavailable(f"{title} does not answer at {url}: {problem}.") from None
    if said != _WELL:
        raise ServiceUnavailable(f"Something else than {title.lower()} answers at {url}; set {variable}.")
    return f"{title} answers at {url}."


def _ask(request: urllib.request.Request) -> bytes:
    # Not through a proxy that the environment names: the question is about this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_TIMEOUT_S) as answer:
        body: bytes = answer.read(_MOST_BYTES)
        return body


def _age_s(role: str, data_dir: Path) -> float | None:
    try:
        return max(0.0, time.time() - _sign_of_life(role, data_dir).stat().st_mtime)
    except OSError:
        return None


def _sign_of_life(role: str, data_dir: Path) -> Path:
    if role not in (*_ROLES, _SENDER):
        raise UsageError(f"Say which worker: detect, read or control, not {role!r}.")
    return data_dir / "run" / "health" / role
