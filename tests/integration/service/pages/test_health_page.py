"""The page of health where servers are away or hang: it says so within seconds, and the rest is shown."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr

from dashplate.service.access import COOKIE, Access
from dashplate.service.app import Parts
from dashplate.service.files.making.annotator import Annotator
from dashplate.service.files.making.cutter import Cutter
from dashplate.service.photographs.reader import PhotoReader
from dashplate.stack.server import free_port
from dashplate.web.app import create_app_with_pages
from dashplate.web.health.asked import LONGEST_S, Database, Machine, Questions, Silent
from dashplate.web.health.judged import State, looks
from db.access.scopes import Scope
from tests.support.database import forget_job, make_job
from tests.support.pages import person
from tests.support.service import Served
from workers.settings import Settings, settings

#: A busy machine takes that much longer.
SPARE_S = 3.0


@pytest.fixture
def hanging() -> Iterator[int]:
    """The port of something that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def asking(redis_port: int, database_port: int) -> Settings:
    redis = SecretStr(f"redis://127.0.0.1:{redis_port}/0")
    database = SecretStr(f"postgresql://nobody:geheim@127.0.0.1:{database_port}/none")
    return settings().model_copy(update={"redis_url": redis, "database_url": database})


def test_servers_that_hang_are_told_in_time(hanging: int) -> None:
    began = time.monotonic()
    answers = asyncio.run(Questions(asking(hanging, hanging)).answers())
    assert time.monotonic() - began < LONGEST_S + SPARE_S
    assert isinstance(answers.database, Silent)
    assert isinstance(answers.redis, Silent)
    assert isinstance(answers.machine, Machine)
    found = {look.key: look for look in looks(answers, "/data/store", (0, 64))}
    assert (found["database"].state, found["redis"].state) == (State.BAD, State.BAD)
    assert found["store"].state is not State.BAD
    assert "geheim" not in repr(found)


def test_servers_that_are_not_there_are_told_at_once() -> None:
    began = time.monotonic()
    answers = asyncio.run(Questions(asking(free_port(), free_port())).answers())
    assert time.monotonic() - began < LONGEST_S + SPARE_S
    assert isinstance(answers.database, Silent)
    assert "PostgreSQL" in answers.database.why


def test_a_person_is_told_that_the_database_hangs(hanging: int) -> None:
    config = asking(hanging, hanging)
    url = config.require_database()
    app = create_app_with_pages(Parts(config, Access(url), PhotoReader(config.models, 1), Cutter(), Annotator(config)))

    async def opened() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        headers = {"Accept": "text/html", "Cookie": f"{COOKIE}=anything"}
        async with httpx.AsyncClient(transport=transport, base_url="http://here", timeout=30) as client:
            return await client.get("/health", headers=headers)

    began = time.monotonic()
    answer = asyncio.run(opened())
    assert time.monotonic() - began < LONGEST_S + SPARE_S + 10, "its thread is waited for at the loop's end"
    assert answer.status_code == 503
    assert "PostgreSQL does not answer" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_all_that_is_asked_is_shown(served: Served) -> None:
    job, _ = make_job(served.database_url, 3, name="waits")
    answers = asyncio.run(Questions(Settings(redis_url=SecretStr(served.env["DASHPLATE_REDIS_URL"]),
                                             database_url=SecretStr(served.database_url))).answers())  # fmt: skip
    assert isinstance(answers.database, Database), answers.database
    with person(served, Scope.ADMIN) as client:
        page = client.get("/health")
        part = client.get("/health/looks", headers={"HX-Request": "true"})
    assert 'hx-trigger="load, every 5s"' in page.text
    for key in ("database", "redis", "workers", "work", "telling", "search", "uploads", "store", "photographs"):
        assert f'id="look-{key}"' in part.text
    forget_job(served.database_url, job)
    assert "is unfinished" in part.text or "are unfinished" in part.text
