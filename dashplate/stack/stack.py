"""The services that Dashplate runs on: the user's where addresses are given, else private ones."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from dashplate.stack.account import forget_account
from dashplate.stack.layout import Layout, write_private
from dashplate.stack.lock import Share, changing
from dashplate.stack.postgres_server import PostgresServer
from dashplate.stack.reach import check_database, check_redis
from dashplate.stack.records import end_recorded
from dashplate.stack.redis_server import RedisServer
from dashplate.stack.server import Server

T = TypeVar("T")


@dataclass(frozen=True)
class Running:
    """What a folder's stack says of itself while it runs. The addresses hold passwords."""

    redis_url: str | None = field(repr=False)
    database_url: str | None = field(repr=False)
    #: It stays when its last user leaves, until `stop`.
    keep: bool
    #: Service name to the pid of its main process.
    pids: dict[str, int]


class Stack:
    """A share in the services of one data folder.

    >>> with Stack.open(Path("data")) as stack:              # doctest: +SKIP
    ...     use(stack.redis_url, stack.database_url)

    The last program to leave stops the private servers. After a crash they live on, and the next program
    takes them over; whatever died it starts again on the same data.
    """

    def __init__(self, layout: Layout, redis_url: str, database_url: str, owned: bool, share: Share | None) -> None:
        #: Addresses with passwords: for drivers and children's environments, not for eyes; see `mask_url`.
        self.redis_url = redis_url
        self.database_url = database_url
        #: This program started the private servers, or took them over from one that died.
        self.owned = owned
        self._layout = layout
        self._share = share

    @classmethod
    def open(
        cls,
        data_dir: Path,
        redis_url: str | None = None,
        database_url: str | None = None,
        *,
        keep: bool = False,
    ) -> Stack:
        """Reach the services named by an address, and start, join or adopt private ones for the others.

        `keep` leaves the servers running when the last user goes, until `stop`. Raises ServiceUnavailable,
        MissingDependency or UsageError; no sentence holds a password.
        """
        if redis_url:
            check_redis(redis_url)
        if database_url:
            check_database(database_url)
        layout = Layout.at(data_dir)
        if redis_url and database_url:
            return cls(layout, redis_url, database_url, owned=False, share=None)
        layout.prepare()
        redis = None if redis_url else RedisServer(layout)
        postgres = None if database_url else PostgresServer(layout)
        share = Share(layout)
        try:
            owned = _bring_up(layout, share, redis, postgres, keep)
        except BaseException:
            share.close()
            raise
        return cls(
            layout,
            redis.url if redis else str(redis_url),
            postgres.url if postgres else str(database_url),
            owned,
            share,
        )

    def close(self) -> None:
        """Leave; stop the private servers if nobody else is left and none keeps them. Twice is no harm."""
        share, self._share = self._share, None
        if share is None:
            return
        try:
            with changing(self._layout):
                state = _read(self._layout)
                if share.alone() and not (state and state.keep):
                    _stop_servers(self._layout)
        finally:
            share.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def stop(data_dir: Path) -> list[str]:
    """Stop all that runs on a data folder: programs that supervise workers, orphaned workers, both servers.

    Returns what was stopped, as words; an empty list where nothing ran. Raises ServiceUnavailable.
    """
    layout = Layout.at(data_dir)
    if not layout.run.is_dir():
        return []
    # Before the lock: a supervising program closes its own stack on the way out, and needs the lock for that.
    stopped = end_recorded(layout)
    with changing(layout):
        return stopped + _stop_servers(layout)


def forget(data_dir: Path) -> bool:
    """Remove the account that root's PostgreSQL ran under, after `stop`; returns whether there was one.

    Other data folders' clusters belong to its number until their next start. Raises UsageError.
    """
    gone = forget_account()
    PostgresServer(Layout.at(data_dir)).disown()
    return gone


def running(data_dir: Path) -> Running | None:
    """Return what runs on a data folder now, without starting anything; None where no server lives."""
    layout = Layout.at(data_dir)
    state = _read(layout)
    servers = _servers(layout)
    pids = {server.title: main.pid for server in servers if (main := server.main_process())}
    if not pids:
        return None
    redis, postgres = (server.url if server.title in pids else None for server in servers)
    return Running(redis, postgres, bool(state and state.keep), pids)


def _bring_up(
    layout: Layout, share: Share, redis: RedisServer | None, postgres: PostgresServer | None, keep: bool
) -> bool:
    """Return whether this program owns the servers: it started one, or inherits from a dead program."""
    servers = [server for server in (redis, postgres) if server is not None]
    with changing(layout):
        alone = share.alone()
        state = _read(layout)
        survivors = any(server.main_process() for server in servers)
        kept = survivors and state is not None and state.keep
        try:
            started = _together(_ensure, servers)
        except BaseException:
            if alone and not survivors:
                _stop_servers(layout)
            raise
        _write(layout, redis, postgres, keep or kept)
        share.hold()
    return any(started) or (alone and not kept)


def _ensure(server: Server) -> bool:
    return server.ensure()


def _together(action: Callable[[Server], T], servers: Sequence[Server]) -> list[T]:
    """Run `action` on all servers at the same time, wait for all, then return or raise the first problem."""
    with ThreadPoolExecutor(max_workers=len(servers)) as pool:
        futures = [pool.submit(action, server) for server in servers]
    return [future.result() for future in futures]


def _servers(layout: Layout) -> tuple[RedisServer, PostgresServer]:
    return RedisServer(layout), PostgresServer(layout)


def _stop_servers(layout: Layout) -> list[str]:
    servers = _servers(layout)
    stopped = _together(lambda server: server.stop(), servers)
    for server in servers:
        server.leave()
    layout.state_file.unlink(missing_ok=True)
    return [server.title for server, did in zip(servers, stopped, strict=True) if did]


def _write(layout: Layout, redis: RedisServer | None, postgres: PostgresServer | None, keep: bool) -> None:
    pids = {one.title: main.pid for one in (redis, postgres) if one and (main := one.main_process())}
    state = {
        "redis_url": redis.url if redis else None,
        "database_url": postgres.url if postgres else None,
        "keep": keep,
        "pids": pids,
        "opened_by": os.getpid(),
    }
    write_private(layout.state_file, json.dumps(state, indent=1))


def _read(layout: Layout) -> Running | None:
    """Return what the last opener wrote; None for a missing or damaged file, as the servers tell it all."""
    try:
        state = json.loads(layout.state_file.read_text(encoding="utf-8"))
        return Running(state["redis_url"], state["database_url"], bool(state["keep"]), dict(state["pids"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
