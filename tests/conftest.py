"""Real servers for the tests, started once a session, and the shared test data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import redis
from sqlalchemy import text

from dashplate.stack import Stack
from db.engine import engine_for
from db.migrate import upgrade
from pipeline.errors import MissingDependency
from tests.helpers_db import empty_tables
from training.synthesis.drive import Drive, render_drive

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
#: Emptying the tables waits this long for a test that left a transaction open, then says so.
_LOCK_TIMEOUT = "5s"


def missing(sentence: str) -> NoReturn:
    """Skip on a developer's machine; fail in CI, where nothing may be left out in silence."""
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The embedded Redis and PostgreSQL, in a folder of their own."""
    try:
        opened = Stack.open(tmp_path_factory.mktemp("servers") / "data")
    except MissingDependency as error:
        missing(str(error))
    with opened:
        yield opened
        engine_for.cache_clear()


@pytest.fixture
def database_url(stack: Stack) -> str:
    """A database with the newest schema and no rows.

    The embedded role may not create databases, so the tables of the one there is are emptied before each test.
    """
    upgrade(stack.database_url)
    with engine_for(stack.database_url).begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
        empty_tables(connection)
    return stack.database_url


@pytest.fixture
def redis_url(stack: Stack) -> str:
    """A Redis without keys."""
    with redis.Redis.from_url(stack.redis_url) as client:
        client.flushall()
    return stack.redis_url


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of test videos, plates and measured sets that lies beside the project."""
    if not SHARED_DATA.is_dir():
        missing(f"the shared data is missing: {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def demo_drive(tmp_path_factory: pytest.TempPathFactory) -> Drive:
    """A rendered drive of two segments with four plates, `drive.mp4` in a folder of its own."""
    return render_drive(tmp_path_factory.mktemp("drive") / "drive.mp4", seed=7, duration_s=12.0, fps=15, plates=4)
