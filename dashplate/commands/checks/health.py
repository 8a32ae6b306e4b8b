"""Health checks: what `dashplate health` answers."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from base64 import b64encode
from http import HTTPStatus
from http.client import HTTPException

from dashplate.signs_of_life import MAX_AGE_S, SENDER, WORKERS, age_of_sign_s
from output.terminal import say
from pipeline.errors import ServiceUnavailable, UsageError

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
_SERVICES = "redis, postgres, schema, worker, sender, flower, metrics, service"


def check(service: str, role: str | None = None) -> None:
    """Print a sentence if the service is well.

    Raises ServiceUnavailable with the reason where it is not, UsageError for a service that there is none of.
    """
    if service == "worker":
        if role not in WORKERS:
            raise UsageError(f"Say which worker: detect, read or control, not {role or ''!r}.")
        say(_alive(role, f"{role} worker"))
        return
    if service == SENDER:
        say(_alive(SENDER, SENDER))
        return
    try:
        probe = {
            "redis": _redis, "postgres": _postgres, "schema": _schema, "flower": _flower, "metrics": _metrics,
            "service": http_service,
        }[service]  # fmt: skip
    except KeyError:
        raise UsageError(f"There is no service {service!r}; the services are {_SERVICES}.") from None
    say(probe())


def _alive(role: str, name: str) -> str:
    from workers.settings import settings

    data_dir = settings().data_dir
    age_s = age_of_sign_s(role, data_dir)
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


def _schema() -> str:
    from db import engine, migrate
    from workers.settings import settings

    url = settings().require_database()
    engine.check(url)
    if not migrate.is_current(url):
        raise ServiceUnavailable("The schema is not up to date; `dashplate migrate` brings it there.")
    return "The schema is current."


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
