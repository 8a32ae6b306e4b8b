"""Whether a server that the user named can be reached, and the sentence to show if not."""

from __future__ import annotations

from dashplate.stack.urls import mask_secrets, mask_url
from pipeline.errors import ServiceUnavailable, UsageError

_TIMEOUT_S = 5


def check_redis(url: str) -> str:
    """Greet the Redis at `url` and return its version.

    Raises UsageError for an address that is none, ServiceUnavailable with the password masked otherwise.
    """
    import redis

    try:
        client = redis.Redis.from_url(url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S)
    except ValueError as problem:
        raise UsageError(_sentence("DASHPLATE_REDIS_URL", url, problem, "is not a Redis address")) from None
    try:
        return str(client.info("server")["redis_version"])
    except (redis.RedisError, OSError, UnicodeError) as problem:
        raise ServiceUnavailable(_sentence("DASHPLATE_REDIS_URL", url, problem)) from None
    finally:
        client.close()


def check_database(url: str) -> str:
    """Connect to the PostgreSQL at `url`, a SQLAlchemy address, and return its version.

    Raises UsageError for an address that is none, ServiceUnavailable with the password masked otherwise.
    """
    import psycopg

    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        problem = ValueError("it has to begin with postgresql+psycopg://")
        raise UsageError(_sentence("DASHPLATE_DATABASE_URL", url, problem, "is not a PostgreSQL address"))
    try:
        with psycopg.connect(f"postgresql://{rest}", connect_timeout=_TIMEOUT_S) as connection:
            return connection.info.parameter_status("server_version") or "unknown"
    except (psycopg.Error, UnicodeError) as problem:
        raise ServiceUnavailable(_sentence("DASHPLATE_DATABASE_URL", url, problem)) from None


def _sentence(variable: str, url: str, problem: Exception, verdict: str = "cannot be reached") -> str:
    said = " ".join(mask_secrets(str(problem), url).split())
    return f"{mask_url(url)} ({variable}) {verdict}: {said}"
