"""Asks PostgreSQL, Redis and the disks, each in a thread of its own: who does not answer in time holds up nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy import RowMapping, text
from sqlalchemy.exc import SQLAlchemyError

from dashplate.metrics.places import Broker, Room, broker, room
from dashplate.service.threads import beside
from dashplate.signs_of_life import SENDER, WORKERS, age_of_sign_s
from db import migrate
from db.engine import is_transient, session, why_unreachable
from db.queue import monitored
from db.web.operating import health
from workers.settings import Settings

T = TypeVar("T")
#: Whoever looks is told after this that there is no answer.
LONGEST_S = 2.0
#: What is asked gives up a little earlier, so that it can say why.
_EACH_S = 1.5
_QUICK = text(f"SET LOCAL statement_timeout = {round(_EACH_S * 1000)}")


@dataclass(frozen=True, slots=True)
class Silent:
    """No answer, and the sentence for it where there is one."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Database:
    """What PostgreSQL says."""

    version: str
    revision: str
    server: RowMapping
    sweep_age_s: float | None
    jobs: Sequence[RowMapping]
    in_flight: Sequence[RowMapping]
    at_work: Sequence[RowMapping]
    delayed: int
    why_delayed: Sequence[RowMapping]
    away: RowMapping
    videos_away: Sequence[RowMapping]
    tasks: RowMapping
    failing: Sequence[RowMapping]
    telling: RowMapping
    others: RowMapping


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine says: disks, and signs of life of what runs here, in seconds."""

    #: None where the store is no folder.
    store: Room | None
    data: Room | None
    signs: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that was asked."""

    database: Database | Silent
    redis: Broker | Silent
    machine: Machine | Silent


@dataclass
class Question(Generic[T]):
    """Something that may hang, asked once at a time, however many look."""

    ask: Callable[[], T | Silent]
    _running: asyncio.Future[T | Silent] | None = field(default=None, init=False)

    async def answer(self, until: float) -> T | Silent:
        """Its answer, or that there was none by that time of the loop's clock."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(beside(self.ask))
        asked = self._running
        await asyncio.wait({asked}, timeout=max(0.0, until - time.monotonic()))
        return asked.result() if asked.done() else Silent()


class Questions:
    """All that a service is asked about its health."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._redis = redis.Redis.from_url(
            settings.require_redis(), socket_timeout=_EACH_S, socket_connect_timeout=_EACH_S,
            retry=Retry(NoBackoff(), 0),
        )  # fmt: skip
        self._database = Question(self._of_database)
        self._broker = Question(self._of_redis)
        self._machine = Question(self._of_machine)

    async def answers(self) -> Answers:
        """Asked anew; raises nothing that a server or a disk may cause."""
        until = time.monotonic() + LONGEST_S
        database, told, machine = await asyncio.gather(
            self._database.answer(until), self._broker.answer(until), self._machine.answer(until)
        )
        return Answers(database, told, machine)

    def _of_database(self) -> Database | Silent:
        try:
            return _asked(self._settings.require_database())
        except SQLAlchemyError as error:
            if is_transient(error):
                return Silent(why_unreachable(error))
            return Silent(str(getattr(error, "orig", None) or error).partition("\n")[0])

    def _of_redis(self) -> Broker | Silent:
        try:
            return broker(self._redis)
        except (RedisError, OSError):
            # The words of its client hold the address.
            return Silent()

    def _of_machine(self) -> Machine:
        folder: Path = self._settings.data_dir
        signs = {who: age_of_sign_s(who, folder) for who in (*WORKERS, SENDER)}
        return Machine(room(self._settings.store), room(str(folder)), signs)


def _asked(url: str) -> Database:
    with session(url) as db:
        db.execute(_QUICK)
        jobs = monitored.open_jobs(db)
        numbers = [job for row in jobs for job in row["ids"]]
        delayed, away, tasks = monitored.delayed(db, numbers), monitored.away(db), monitored.video_tasks(db)
        return Database(
            version=health.version(db), revision=migrate.revision_of(db), server=monitored.server(db),
            sweep_age_s=monitored.sweep_age_s(db), jobs=jobs, in_flight=monitored.in_flight(db),
            at_work=health.at_work(db), delayed=delayed,
            why_delayed=health.why_delayed(db, numbers) if delayed else (),
            away=away, videos_away=health.away(db) if away["videos"] else (),
            tasks=tasks, failing=health.failing(db) if tasks["failing"] else (),
            telling=monitored.deliveries(db), others=health.others(db),
        )  # fmt: skip
