"""Retries of database work: transient errors are waited out, others are raised at once."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from dashplate.stack import Layout, Stack
from dashplate.stack.postgres_server import PostgresServer
from db import engine
from db.engine import engine_for, is_transient, retrying, session
from db.jobs.submit import create_job
from db.migrate import upgrade
from db.models import Job
from pipeline import retry_policy
from pipeline.job_options import JobOptions
from tests.support.database import count
from tests.support.processes import PATIENCE_S, wait_until

Server = tuple[str, PostgresServer]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PostgreSQL of its own: the others' would not like to be restarted."""
    folder = tmp_path_factory.mktemp("restarted") / "data"
    with Stack.open(folder) as stack:
        upgrade(stack.database_url)
        yield stack.database_url, PostgresServer(Layout.at(folder))
        engine_for(stack.database_url).dispose()


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are short, so that the test is."""
    hasty = retry_policy.DATABASE.copy(wait=retry_policy.waits(0.1, 0.2, 0.4))
    monkeypatch.setattr("pipeline.retry_policy.DATABASE", hasty)


@pytest.mark.usefixtures("short_waits")
def test_work_outlasts_a_restart_and_is_done_once(server: Server) -> None:
    url, postgres = server
    before, attempts = count(url, Job), 0
    begun = threading.Event()

    def work(db: Session) -> int:
        nonlocal attempts
        attempts += 1
        job_id = create_job(db, f"attempt {attempts}", JobOptions())
        if attempts == 1:
            begun.set()
            # The server goes while the transaction is open.
            wait_until("the server to go", lambda: postgres.main_process() is None)
            db.execute(text("SELECT 1"))
        return job_id

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(retrying, url, work)
        assert begun.wait(PATIENCE_S)
        postgres.stop()
        time.sleep(0.3)
        assert not working.done()
        postgres.ensure()
        job_id = working.result(timeout=PATIENCE_S)
    with session(url) as db:
        assert db.get_one(Job, job_id).name == f"attempt {attempts}"
    assert attempts >= 2
    assert count(url, Job) == before + 1


@pytest.mark.usefixtures("short_waits")
def test_work_that_comes_while_the_database_is_away_waits_for_it(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """For far longer than the first waits: they grow up to the longest, and go on with that. Up to half is cut."""
    url, postgres = server
    postgres.stop()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(retrying, url, lambda db: create_job(db, "late", JobOptions(), key="late"))
        wait_until("the eighth attempt", lambda: caplog.text.count("does not serve this now; trying again in") >= 8)
        assert not working.done()
        waits = [float(said) for said in re.findall(r"trying again in ([\d.]+) s", caplog.text)]
        longest = [0.1, 0.2, *[0.4] * (len(waits) - 2)]
        assert all(most / 2 <= wait <= most for wait, most in zip(waits, longest, strict=True)), waits
        postgres.ensure()
        job_id = working.result(timeout=PATIENCE_S)
    with session(url) as db:
        assert db.get_one(Job, job_id).key == "late"


@pytest.mark.usefixtures("short_waits")
def test_retries_end_at_the_deadline(server: Server) -> None:
    url, postgres = server
    postgres.stop()
    started = time.monotonic()
    with pytest.raises(OperationalError):
        retrying(url, lambda db: db.execute(text("SELECT 1")), deadline_s=1.0)
    assert time.monotonic() - started > 0.5
    postgres.ensure()


def test_a_connection_that_was_cut_while_it_rested_is_not_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions that are not retried would fail on the first use of each pooled connection after a restart."""
    url, postgres = server
    monkeypatch.setattr(engine, "_IDLE_S", 0.0)
    with session(url) as one, session(url) as two:
        for db in (one, two):
            db.execute(text("SELECT 1"))
    postgres.stop()
    postgres.ensure()
    with session(url) as one, session(url) as two:
        for db in (one, two):
            db.execute(text("SELECT 1"))


@pytest.mark.usefixtures("short_waits")
def test_a_connection_that_is_ended_costs_one_attempt(database_url: str) -> None:
    attempts = 0

    def work(db: Session) -> int:
        nonlocal attempts
        attempts += 1
        job_id = create_job(db, "a tour", JobOptions())
        if attempts == 1:
            pid = db.scalar(text("SELECT pg_backend_pid()"))
            with session(database_url) as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            db.execute(text("SELECT 1"))
        return job_id

    retrying(database_url, work)
    assert (attempts, count(database_url, Job)) == (2, 1)


@pytest.mark.usefixtures("short_waits")
def test_two_that_block_each_other_both_get_through(database_url: str) -> None:
    with session(database_url) as db:
        one, two = (create_job(db, name, JobOptions()) for name in ("one", "two"))
    both_hold = threading.Barrier(2)
    attempts: list[int] = []

    def work(first: int, second: int) -> None:
        def rename(db: Session) -> None:
            attempts.append(first)
            db.execute(text("UPDATE jobs SET name = name || '!' WHERE id = :id"), {"id": first})
            if attempts.count(first) == 1:
                both_hold.wait(PATIENCE_S)
            db.execute(text("UPDATE jobs SET name = name || '!' WHERE id = :id"), {"id": second})

        retrying(database_url, rename)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work, one, two), pool.submit(work, two, one)]:
            done.result(timeout=PATIENCE_S)
    assert len(attempts) == 3, "one of them was told to try again"
    with session(database_url) as db:
        assert {db.get_one(Job, job_id).name for job_id in (one, two)} == {"one!!", "two!!"}


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT * FROM no_such_table", ProgrammingError),
        ("INSERT INTO jobs (id, name, options) OVERRIDING SYSTEM VALUE VALUES (1, 'x', '{}')", IntegrityError),
        ("UPDATE jobs SET state = 'finished' WHERE state = 'cancelled'", IntegrityError),
        ("SELECT 1 / 0", DBAPIError),
        ("SELECT pg_sleep(5) FROM set_config('statement_timeout', '10', true)", OperationalError),
    ],
)
def test_a_real_error_is_told_at_once(database_url: str, statement: str, error: type[Exception]) -> None:
    with session(database_url) as db:
        create_job(db, "a tour", JobOptions())
        db.execute(text("UPDATE jobs SET state = 'cancelled'"))
    attempts = 0

    def work(db: Session) -> None:
        nonlocal attempts
        attempts += 1
        db.execute(text("SET LOCAL statement_timeout = '100ms'"))
        db.execute(text(statement))

    with pytest.raises(error):
        retrying(database_url, work)
    assert attempts == 1


def test_what_is_no_error_of_the_database_is_not_retried(database_url: str) -> None:
    attempts = 0

    def work(db: Session) -> None:
        nonlocal attempts
        attempts += 1
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        retrying(database_url, work)
    assert attempts == 1
    assert not is_transient(ValueError())


def test_no_free_connection_is_transient() -> None:
    assert is_transient(PoolTimeout())


def test_a_full_disk_is_transient(database_url: str) -> None:
    """As PostgreSQL says it; no disk is filled here."""
    says = "DO $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$"
    with pytest.raises(DBAPIError) as full, session(database_url) as db:
        db.execute(text(says))
    assert is_transient(full.value)


def test_a_transaction_that_we_left_idle_is_not_retried(database_url: str) -> None:
    """The same again would be left alone for as long."""

    def leave_alone(db: Session) -> None:
        db.execute(text("SET LOCAL idle_in_transaction_session_timeout = '20ms'"))
        time.sleep(0.5)

    with pytest.raises(DBAPIError) as ended:
        retrying(database_url, leave_alone)
    assert not is_transient(ended.value)


def test_an_error_leaves_nothing_behind(database_url: str) -> None:
    def halfway(db: Session) -> None:
        create_job(db, "half", JobOptions())
        raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        retrying(database_url, halfway)
    assert count(database_url, Job) == 0
