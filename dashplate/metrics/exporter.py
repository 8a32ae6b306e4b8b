"""Puts the answers together, each time that Prometheus asks: whatever does not answer leaves its figures out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import redis
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from dashplate.metrics import figures
from dashplate.metrics.places import disk, queues
from dashplate.metrics.questions import QUESTIONS, Totals
from db.engine import session
from workers.settings import Settings

log = logging.getLogger(__name__)
#: Prometheus waits 10 s for an answer, unless told otherwise.
_LONGEST_S = 4.0
_QUICK = text(f"SET LOCAL statement_timeout = {round(_LONGEST_S * 1000)}")


class Exporter(Collector):
    """Asks PostgreSQL, Redis and the disk. Any thread may collect; one does at a time."""

    def __init__(self, settings: Settings) -> None:
        self._database_url = settings.require_database()
        self._store = settings.store
        self._redis = redis.Redis.from_url(
            settings.require_redis(), socket_timeout=_LONGEST_S, socket_connect_timeout=_LONGEST_S
        )
        self._totals = Totals()
        self._lock = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            found = [*self._of_database(), *self._of_redis(), *disk(self._store)]
        yield from found

    def _of_database(self) -> list[Metric]:
        found: list[Metric] = []
        try:
            with session(self._database_url) as db:
                db.execute(_QUICK)
                for question in QUESTIONS:
                    found += question(db, self._totals)
        except SQLAlchemyError as error:
            log.warning("PostgreSQL did not answer: %s", str(getattr(error, "orig", None) or error).partition("\n")[0])
            return [*found, figures.POSTGRES_UP.of(0)]
        return [*found, figures.POSTGRES_UP.of(1)]

    def _of_redis(self) -> list[Metric]:
        try:
            return [*queues(self._redis), figures.REDIS_UP.of(1)]
        except (RedisError, OSError) as error:
            log.warning("Redis did not answer: %s", error)
            return [figures.REDIS_UP.of(0)]
