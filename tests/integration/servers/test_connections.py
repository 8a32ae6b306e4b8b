"""Who holds how many of PostgreSQL's connections, and what is said when there is none left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest

from bench.parts.connections import measure
from bench.standin import Drive
from dashplate.stack import Stack, postgres_server
from db.engine import MOST, check, engine_for
from db.migrate import upgrade
from pipeline.errors import ServiceUnavailable
from tests.support.command_line.fleet import Fleet, running_fleet
from tests.support.command_line.in_process import run_command
from tests.support.processes import wait_until
from workers.celery_app.app import CONTROL, DETECT, READ

_HELD = """
SELECT application_name, count(*) FROM pg_stat_activity
WHERE usename = current_user AND application_name LIKE 'dashplate %' GROUP BY application_name
"""


@pytest.fixture
def fleet(stack: Stack, tmp_path: Path) -> Iterator[Fleet]:
    with running_fleet(stack, tmp_path) as fleet:
        yield fleet


@pytest.fixture
def watcher(stack: Stack) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(stack.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


def held(watcher: psycopg.Connection[tuple[object, ...]]) -> Counter[str]:
    """Connections by the name of the process that has them: `dashplate ROLE PID`."""
    return Counter({str(name): int(str(number)) for name, number in watcher.execute(_HELD)})


def take_all(stack: Stack, others: ExitStack) -> None:
    """Connect until no connection is left."""
    with suppress(psycopg.OperationalError):
        while True:
            others.enter_context(psycopg.connect(stack.database_url.replace("+psycopg", "")))


def test_a_worker_process_holds_few_connections_and_a_main_process_none(
    fleet: Fleet, watcher: psycopg.Connection[tuple[object, ...]]
) -> None:
    # Longer than a lease's quarter, so that it is renewed meanwhile.
    drives = fleet.drives("busy", 3, Drive(segments=3, probe_s=0.7, look_s=0.7, read_s=0.7))
    job, most = fleet.submit(drives), Counter[str]()
    while not fleet.ended(job):
        most |= held(watcher)
    assert {name.split()[1] for name in most} >= {CONTROL, DETECT, READ}
    assert {name: number for name, number in most.items() if number > MOST} == {}
    mains = {f"dashplate {state.name.removeprefix('worker-')} {state.pid}" for state in fleet.workers.states()}
    assert len(mains) == 3

    def at_rest() -> bool:
        """Each process that serves a queue keeps one for its next task, the main processes none."""
        now = {name: number for name, number in held(watcher).items() if "command" not in name}
        return not mains & set(now) and set(now.values()) == {1} and len(now) >= 3

    wait_until("the processes to let go", at_rest)


def test_many_processes_hold_three_each_at_most(database_url: str) -> None:
    seen = measure(database_url, 8)
    assert 1 <= seen.busy_each <= MOST
    assert seen.idle == 8
    assert seen.idle_each == 1


def test_a_server_without_a_free_connection_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgres_server._SETTINGS, "max_connections", "6")
    monkeypatch.setenv("DASHPLATE_DATA_DIR", str(tmp_path))
    with Stack.open(tmp_path) as stack, ExitStack() as others:
        upgrade(stack.database_url)
        engine_for(stack.database_url).dispose()
        take_all(stack, others)
        said = run_command("status", "--data", tmp_path)
        assert said.code == ServiceUnavailable.exit_code
        assert "PostgreSQL has no free connection" in said.err
        assert "went away" not in said.err
        with pytest.raises(ServiceUnavailable, match="no free connection"):
            check(stack.database_url)
