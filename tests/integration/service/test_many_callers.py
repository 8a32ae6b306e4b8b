"""Many callers at once, and a service that is killed: nobody waits for a connection, and no job is left half there."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from tempfile import mkdtemp
from threading import Thread
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest
from sqlalchemy import text

from db.access.scopes import Scope
from db.engine import session
from tests.support.media_files import written
from tests.support.processes import wait_until
from tests.support.service import Serve, Served

CALLERS = 30


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client(Scope.SUBMIT, Scope.SEARCH) as opened:
        yield opened


@pytest.fixture
def beside(served: Served) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection to the same database that is not this process's or the service's."""
    with psycopg.connect(served.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


def waiting(beside: psycopg.Connection[tuple[object, ...]], others: int) -> bool:
    """Whether so many transactions wait for a lock."""
    row = beside.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    return row is not None and int(str(row[0])) >= others


def jobs_open(url: str) -> list[tuple[int, bool]]:
    with session(url) as db:
        return [(row.id, row.open) for row in db.execute(text("SELECT id, open FROM jobs ORDER BY id"))]


def test_callers_who_wait_for_the_database_hold_up_nobody(
    served: Served, client: httpx.Client, beside: psycopg.Connection[tuple[object, ...]]
) -> None:
    """Thirty searches stand before a lock; another call is answered, and so are they once it is let go."""
    with psycopg.connect(served.database_url.replace("+psycopg", "")) as holder, ThreadPoolExecutor(CALLERS) as pool:
        holder.execute("LOCK TABLE audit IN EXCLUSIVE MODE")
        answers = [pool.submit(client.get, "/v1/plates", params={"pattern": "KA05*"}) for _ in range(CALLERS)]
        wait_until("all to wait", lambda: waiting(beside, CALLERS))
        assert client.get("/v1/jobs", timeout=10).status_code == 200
        holder.commit()
        assert {answer.result().status_code for answer in answers} == {200}


def submission(served: Served, files: int) -> str:
    folder = Path(mkdtemp(dir=served.folder))
    for number in range(files):
        written(folder / f"{number}.mp4", str(number).encode())
    return str(folder)


def killed(served: Served) -> None:
    """The service's process ends as if its machine had."""
    port = served.url.rpartition(":")[2]
    (service,) = [p for p in psutil.process_iter(["cmdline"]) if port in (p.info["cmdline"] or [])]
    os.kill(service.pid, signal.SIGKILL)
    service.wait(10)


def test_a_submission_that_breaks_off_leaves_no_job(
    serve: Serve, beside: psycopg.Connection[tuple[object, ...]]
) -> None:
    """The service is killed once the job and some of its files are written."""
    served = serve("--no-token", ends=False)
    before = jobs_open(served.database_url)
    body = {"sources": [submission(served, 1200)]}
    headers = {"Authorization": f"Bearer {served.token(Scope.SUBMIT)}"}

    def submit() -> None:
        with suppress(httpx.HTTPError):
            httpx.post(f"{served.url}/v1/jobs", json=body, headers=headers, timeout=60)

    with psycopg.connect(served.database_url.replace("+psycopg", "")) as holder:
        # Its first insert passes; the probes that it then owes wait here.
        holder.execute("LOCK TABLE outbox IN EXCLUSIVE MODE")
        caller = Thread(target=submit)
        caller.start()
        wait_until("the submission", lambda: waiting(beside, 1))
        killed(served)
        caller.join()
    wait_until("its connection to be given up", lambda: not waiting(beside, 1))
    assert jobs_open(served.database_url) == before


def test_a_caller_who_leaves_has_submitted_a_whole_job(
    served: Served, client: httpx.Client, beside: psycopg.Connection[tuple[object, ...]]
) -> None:
    before = len(jobs_open(served.database_url))
    body = json.dumps({"sources": [submission(served, 40)], "name": "left"})
    headers = {"Authorization": f"Bearer {served.token(Scope.SUBMIT)}", "Content-Type": "application/json"}
    caller = HTTPConnection(urlsplit(served.url).netloc)
    with psycopg.connect(served.database_url.replace("+psycopg", "")) as holder, closing(caller):
        holder.execute("LOCK TABLE outbox IN EXCLUSIVE MODE")
        caller.request("POST", "/v1/jobs", body, headers)
        wait_until("the submission", lambda: waiting(beside, 1))
        caller.close()
        assert len(jobs_open(served.database_url)) == before
    wait_until("the job", lambda: len(jobs_open(served.database_url)) > before)
    assert jobs_open(served.database_url)[-1][1] is False
    job = client.get("/v1/jobs", params={"most": 1}).json()["items"][0]
    assert (job["name"], job["videos"]) == ("left", 40)
