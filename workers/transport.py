"""Celery's way to Redis, patient with one that is full."""

from __future__ import annotations

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as base
from redis.exceptions import OutOfMemoryError


class Transport(base.Transport):  # type: ignore[misc]
    """A full Redis is taken for one that is away: the worker connects again until there is room, and does not end.

    Ending would take the segments along that its processes are at.
    """

    connection_errors = (*base.Transport.connection_errors, OutOfMemoryError)


def use() -> None:
    """Put it in the place of Celery's own: by the addresses' schemes, from which much follows, TLS among it."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
