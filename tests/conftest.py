"""Real servers for the tests, started once a session, and the shared test data."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest
import redis
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from tenacity import wait_none

from dashplate.stack import Stack
from db.engine import engine_for
from db.migrate import config, upgrade
from pipeline.errors import MissingDependency
from pipeline.retry_policy import STORE
from synthesis.drive import Drive, render_drive
from tests.support.branded import write_branded
from tests.support.processes import Runner
from tests.support.schema import empty_tables

ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
#: Emptying the tables waits this long for a test that left a transaction open, then says so.
_LOCK_TIMEOUT = "5s"
_OWN_FOLDER = pytest.StashKey[Path]()
#: How the sessions' folders are called, and how long one stays that a failed session leaves behind, seconds.
_PREFIX, _KEPT_S = "dashplate-tests-", 86_400


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give this session a folder of its own for temporary files.

    Else all sessions of a user share `/tmp/pytest-of-USER`, and each that starts takes other accounts' rights to it
    away. Where root runs the tests, that shuts PostgreSQL's account out in the middle of another session's initdb.
    """
    if config.option.basetemp is None:
        _remove_old_folders()
        config.option.basetemp = tempfile.mkdtemp(prefix=_PREFIX)
        config.stash[_OWN_FOLDER] = Path(config.option.basetemp)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remove that folder, unless somebody will want to see what a failed test left there."""
    folder = session.config.stash.get(_OWN_FOLDER, None)
    if folder is not None and (exitstatus == pytest.ExitCode.OK or not any(folder.iterdir())):
        shutil.rmtree(folder, ignore_errors=True)


def _remove_old_folders() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # Another session may be removing it just now.
        with suppress(OSError):
            if folder.stat().st_mtime < time.time() - _KEPT_S:
                shutil.rmtree(folder, ignore_errors=True)


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
    with engine_for(stack.database_url).begin() as connection:
        newest = MigrationContext.configure(connection).get_current_revision() == _newest_revision()
    # The migrator takes longer to find nothing to do than many a test takes.
    if not newest:
        upgrade(stack.database_url)
    with engine_for(stack.database_url).begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
        empty_tables(connection)
    return stack.database_url


@cache
def _newest_revision() -> str | None:
    return ScriptDirectory.from_config(config()).get_current_head()


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
    return render_drive(tmp_path_factory.mktemp("drive") / "drive.mp4", seed=7, duration_s=12.0, fps=10, plates=4)


@pytest.fixture(scope="session")
def branded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drive with a board on screen that looks like a plate; see `tests.support.branded`."""
    return write_branded(tmp_path_factory.mktemp("branded") / "branded.mp4")


@pytest.fixture
def run_program() -> Iterator[Runner]:
    """Starts programs, and kills those that a failed test leaves behind."""
    programs: list[subprocess.Popen[str]] = []

    def run(source: str, *arguments: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", source, *arguments]
        pipe = subprocess.PIPE
        programs.append(subprocess.Popen(argv, cwd=ROOT, stdin=pipe, stdout=pipe, text=True))
        return programs[-1]

    yield run
    for program in programs:
        if program.poll() is None:
            program.kill()
            program.communicate()


@pytest.fixture
def no_store_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store tries again at once."""
    monkeypatch.setattr("pipeline.retry_policy.STORE", STORE.copy(wait=wait_none()))
