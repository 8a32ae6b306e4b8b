"""Opens the database: one engine a process, sessions that commit or leave nothing, retries while it is away."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from tenacity import RetryCallState, retry_if_exception, stop_before_delay

from pipeline import retry_policy
from pipeline.errors import ServiceUnavailable

log = logging.getLogger(__name__)
T = TypeVar("T")
E = TypeVar("E")
#: What a statement is run on: a session, or a connection of `single`.
Executor: TypeAlias = Session | Connection

#: A query that takes longer than this has met a lock or a plan gone wrong.
STATEMENT_TIMEOUT_MS = 60_000
#: A transaction in which nothing is asked for this long holds its locks in vain: its worker was stopped or cut off.
IDLE_TRANSACTION_MS = 120_000
#: Who is cut off without a word is noticed at both ends after a minute, and not after the two hours of the system's own
#: settings: three probes after half a minute of silence, and as long for what was sent and not confirmed.
_SILENT_S, _PROBE_EVERY_S, _PROBES = 30, 10, 3
_UNCONFIRMED_MS = 60_000
#: A process keeps one connection and has three at most: its work's, and beside it the renewal of a lease or a sweep.
#: Whoever answers many callers at once has `allow`. docs/deployment.md counts with both.
KEPT, MOST = 1, 3
#: A connection that lay idle for this long is tried before it is used: the server may have gone meanwhile.
_IDLE_S = 5.0
#: Beginnings of the codes of transient errors: the server stops, starts, or two transactions met. A statement that ran
#: out of time is not among them.
_TRANSIENT = ("08", "57P01", "57P02", "57P03", "53", "40001", "40P01", "55P03")
#: The server ended a transaction in which nothing was asked for: our own doing, and it would happen again.
_IDLE_TOO_LONG = "25P03"
#: A statement was ended because it took longer than it may.
_TOO_LONG = "57014"
#: What says that there are more clients than connections. The driver knows no code for a connection that was refused.
_TOO_MANY = "53300"
_TOO_MANY_WORDS = ("too many clients", "too many connections", "remaining connection slots", "no more connections")
#: By the beginning of the code, sentences for transient errors.
_SENTENCES = {
    "53100": "The disk of PostgreSQL is full. Make room there, then try again.",
    "53": "PostgreSQL has too little memory left. Try again.",
    "40": "PostgreSQL was busy with the same rows for somebody else. Try again.",
    "55P03": "PostgreSQL was busy with the same rows for somebody else. Try again.",
}
#: What the server is asked to keep to on each connection.
_SERVER_SIDE = {
    "timezone": "UTC",
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": IDLE_TRANSACTION_MS,
    "tcp_keepalives_idle": _SILENT_S,
    "tcp_keepalives_interval": _PROBE_EVERY_S,
    "tcp_keepalives_count": _PROBES,
    "tcp_user_timeout": _UNCONFIRMED_MS,
}


#: Connections that are kept and that are had at most, by URL, where it is not KEPT and MOST.
_allowed: dict[str, tuple[int, int]] = {}


def allow(url: str, kept: int, most: int) -> None:
    """Let this process keep and have so many connections; for an entry point, before its threads start."""
    engine_for(url).dispose()
    _allowed[url] = kept, most
    engine_for.cache_clear()


@lru_cache(maxsize=8)
def engine_for(url: str) -> Engine:
    """The engine for a `postgresql://` URL; psycopg 3 drives it, whatever driver the URL names."""
    kept, most = _allowed.get(url, (KEPT, MOST))
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        # What a statement carries may be a plate, and error texts end in logs and rows.
        hide_parameters=True,
        pool_size=kept,
        max_overflow=most - kept,
        connect_args={
            "connect_timeout": 10,
            # In `pg_stat_activity`: who holds what. PGAPPNAME goes before it.
            "fallback_application_name": f"dashplate {os.environ.get('DASHPLATE_ROLE', 'command')} {os.getpid()}",
            "keepalives_idle": _SILENT_S,
            "keepalives_interval": _PROBE_EVERY_S,
            "keepalives_count": _PROBES,
            "tcp_user_timeout": _UNCONFIRMED_MS,
            "options": " ".join(f"-c {name}={value}" for name, value in _SERVER_SIDE.items()),
        },
    )

    @event.listens_for(engine, "checkin")
    def _rests(connection: Any, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _still_there(connection: Any, record: Any, proxy: Any) -> None:
        # Each time would be a round trip for each of a segment's few statements.
        if time.monotonic() - record.info.get("rests_since", time.monotonic()) < _IDLE_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise DisconnectionError("The connection had been cut.") from error

    return engine


_visitors: Counter[str] = Counter()
_visitors_change = threading.Lock()


@contextmanager
def visit(url: str) -> Iterator[None]:
    """For a process that asks now and then: once none of its threads is inside, it keeps no connection."""
    with _visitors_change:
        _visitors[url] += 1
    try:
        yield
    finally:
        with _visitors_change:
            _visitors[url] -= 1
            if not _visitors[url]:
                engine_for(url).dispose()


@contextmanager
def session(url: str) -> Iterator[Session]:
    """One transaction: committed on leaving, rolled back on an exception."""
    with Session(engine_for(url), expire_on_commit=False) as opened, opened.begin():
        yield opened


@contextmanager
def single(url: str) -> Iterator[Connection]:
    """A connection on which each statement is a transaction of its own, without the round trips of one."""
    with engine_for(url).connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def retrying(url: str, work: Callable[[Session], T], deadline_s: float = retry_policy.DATABASE_S) -> T:
    """Do `work` in one transaction; after a transient error again from its start, in a new one.

    For work whose repetition changes nothing: the first attempt may have been committed without our hearing of it.
    Raises the database's last error after `deadline_s` seconds.
    """
    return _retrying(session, url, work, deadline_s)


def retrying_single(url: str, work: Callable[[Connection], T]) -> T:
    """The same for a single statement, without the round trips of a transaction."""
    return _retrying(single, url, work, retry_policy.DATABASE_S)


def _retrying(
    opened: Callable[[str], AbstractContextManager[E]], url: str, work: Callable[[E], T], deadline_s: float
) -> T:
    def attempt() -> T:
        with opened(url) as db:
            return work(db)

    stop = stop_before_delay(deadline_s)
    return retry_policy.DATABASE.copy(retry=retry_if_exception(is_transient), stop=stop, before_sleep=_warn)(attempt)


def _warn(state: RetryCallState) -> None:
    assert state.outcome is not None
    reason = str(state.outcome.exception()).partition("\n")[0]
    log.warning("The database does not serve this now; trying again in %.1f s: %s", state.upcoming_sleep, reason)


def is_transient(error: BaseException) -> bool:
    """Whether it is an error of the database after which the same may succeed later."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = _state(error)
    if state == _IDLE_TOO_LONG:
        return False
    # Without a state there was no server to give one.
    return error.connection_invalidated or (
        state.startswith(_TRANSIENT) if state else isinstance(error, OperationalError)
    )


def why_unreachable(error: BaseException) -> str:
    """The sentence for a transient error: what is wrong, and what to do."""
    state = _state(error)
    if _is_full(error):
        return (
            "PostgreSQL has no free connection: all that its max_connections allows are in use. Try again, run fewer "
            "worker processes, or raise the limit; docs/deployment.md says how many are needed."
        )
    if isinstance(error, PoolTimeout):
        return "All connections of this process are in use. Try again."
    for beginning, sentence in _SENTENCES.items():
        if state is not None and state.startswith(beginning):
            return sentence
    return "PostgreSQL went away or does not answer. Try again once it is back."


def _is_full(error: BaseException) -> bool:
    """Whether the server has no free connection. Without one there is no code, and the words say it."""
    return _state(error) == _TOO_MANY or any(words in str(error) for words in _TOO_MANY_WORDS)


def _state(error: BaseException) -> str | None:
    """PostgreSQL's code for an error, where there was a server to give one."""
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def ran_out_of_time(error: BaseException) -> bool:
    """Whether a statement took longer than its time."""
    return _state(error) == _TOO_LONG


def check(url: str) -> None:
    """Raise ServiceUnavailable, without the password, where the database does not answer."""
    try:
        with visit(url), engine_for(url).connect():
            pass
    except OperationalError as error:
        shown = make_url(url).render_as_string(hide_password=True)
        reason = str(error.orig).partition("\n")[0] or "no reason given"
        # A refused login, a database that is not there: PostgreSQL's own words say it.
        advice = f". {why_unreachable(error)}" if _is_full(error) else ""
        raise ServiceUnavailable(f"PostgreSQL does not answer at {shown}: {reason}{advice}") from error
