"""Opens the database: one engine a process, sessions that commit or leave nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from pipeline.errors import ServiceUnavailable

#: A query that takes longer than this has met a lock or a plan gone wrong.
STATEMENT_TIMEOUT_MS = 60_000


@lru_cache(maxsize=8)
def engine_for(url: str) -> Engine:
    """The engine for a `postgresql://` URL; psycopg 3 drives it, whatever driver the URL names."""
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=4,
        max_overflow=4,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 10, "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC"},
    )


@contextmanager
def session(url: str) -> Iterator[Session]:
    """One transaction: committed on leaving, rolled back on an exception."""
    with Session(engine_for(url), expire_on_commit=False) as opened, opened.begin():
        yield opened


def check(url: str) -> None:
    """Raise ServiceUnavailable, without the password, where the database does not answer."""
    try:
        with engine_for(url).connect():
            pass
    except OperationalError as error:
        shown = make_url(url).render_as_string(hide_password=True)
        reason = str(error.orig).partition("\n")[0] or "no reason given"
        raise ServiceUnavailable(f"PostgreSQL does not answer at {shown}: {reason}") from error
