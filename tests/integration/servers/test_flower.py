"""Flower on a real broker: it keeps figures of steps and not of files, and nothing answers without its password."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flower.urls import handlers
from tornado.web import url

from bench.parts.flower import Page
from dashplate.commands.checks import health
from dashplate.stack.server import free_port
from db.queue.segment_moves import Dispatched
from pipeline.errors import ServiceUnavailable, UsageError
from tests.support.processes import wait_until
from tests.support.road import stand_in_road
from workers.celery_app import flower
from workers.dispatch import send_segments

#: A comma too: Flower's own variable would take it for the end of the password.
AUTH = "somebody:not,the password"
#: Flower's style sheets and scripts, which are the same everywhere.
OPEN = r"/static/(.*)"


@contextmanager
def running(*words: str, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A `dashplate` program, ended with the block; `environment` is added to this program's."""
    argv = [sys.executable, "-m", "dashplate", *words]
    with log.open("ab") as written:
        program = subprocess.Popen(argv, env={**os.environ, **environment}, stdout=written, stderr=written)
    try:
        yield program
    finally:
        program.terminate()
        program.wait(60)


def answered(port: int) -> bool:
    """Whether the port answers, be it with an error."""
    try:
        ask(port, "/")
    except OSError:
        return False
    return True


def ask(port: int, path: str, auth: str | None = None, method: str = "GET") -> int:
    """The answer's status."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    if auth is not None:
        request.add_header("Authorization", f"Basic {b64encode(auth.encode()).decode()}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture(scope="module")
def locked(stack: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Flower with a password, started where somebody has put a configuration for it."""
    folder, port = tmp_path_factory.mktemp("flower"), free_port()
    (folder / "flowerconfig.py").write_text("raise SystemExit('a file of the current folder was executed')")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
        patch.setenv("DASHPLATE_REDIS_URL", stack.redis_url)  # type: ignore[attr-defined]
        patch.setenv("DASHPLATE_DATA_DIR", str(folder / "data"))
        log = folder / "flower.log"
        with running("flower", "--port", str(port), log=log, DASHPLATE_FLOWER_AUTH=AUTH) as program:
            wait_until("Flower", lambda: answered(port) or program.poll() is not None, every_s=0.2)
            assert program.poll() is None, log.read_text()
            yield port


def routes() -> list[str]:
    """The pattern of every route that Flower has."""
    return [one.regex.pattern.removesuffix("$") if isinstance(one, url) else str(one[0]) for one in handlers]


def test_nothing_answers_without_the_password(locked: int) -> None:
    assert {"/metrics", "/healthcheck", "/api/tasks", "/tasks", ".*"} <= set(routes())
    for route in routes():
        if route == OPEN:
            continue
        path = re.sub(r"\(\.[*+]\)", "some", route).replace("/?", "")
        for method in ("GET", "POST", "OPTIONS"):
            for auth in (None, "somebody:not", "somebody:", "the password", "somebody:wrong"):
                assert ask(locked, path.replace(".*", "/some"), auth, method) == 401, (route, method, auth)


def test_with_the_password_pages_figures_and_the_api_answer(locked: int) -> None:
    for path in ("/", "/workers", "/tasks", "/broker", "/metrics", "/healthcheck", "/api/tasks", "/api/task/types"):
        assert ask(locked, path, AUTH) == 200, path


def test_the_health_check_has_the_password_from_the_environment(
    locked: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DASHPLATE_FLOWER_URL", f"http://127.0.0.1:{locked}")
    monkeypatch.setenv("DASHPLATE_FLOWER_AUTH", AUTH)
    health.check("flower")
    assert "Flower answers" in capsys.readouterr().out
    for wrong in ("", "somebody:wrong"):
        monkeypatch.setenv("DASHPLATE_FLOWER_AUTH", wrong)
        with pytest.raises(ServiceUnavailable, match="wants its password: set DASHPLATE_FLOWER_AUTH"):
            health.check("flower")


@pytest.mark.parametrize("auth", ["somebody", ":password", "somebody:", "somebody:pässword"])
def test_what_is_no_user_and_password_is_refused(
    auth: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHPLATE_FLOWER_AUTH", auth)
    with (
        stand_in_road("postgresql://nobody@127.0.0.1/none", tmp_path, DASHPLATE_REDIS_URL=redis_url),
        pytest.raises(UsageError, match="must be user:password"),
    ):
        flower.serve(free_port(), "0.0.0.0")


def segments(first: int, files: int) -> list[Dispatched]:
    """A segment of each of so many files, of which no row knows: a worker asks for it and has nothing to do."""
    names = [f"/videos/tour {number} front.mp4" for number in range(first, first + files)]
    return [Dispatched(10**9 + number, 1, name, 3, only_read=True, job=7) for number, name in enumerate(names)]


def test_figures_do_not_grow_with_the_files_and_the_list_still_names_them(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    page, log = Page(free_port()), tmp_path / "log"
    with (
        stand_in_road(database_url, tmp_path / "data", DASHPLATE_REDIS_URL=redis_url),
        running("worker", "read", log=log),
        running("flower", "--port", str(page.port), log=log),
    ):
        page.wait(workers=1)
        send_segments(segments(0, 5))
        wait_until("the first tasks", lambda: page.ended() >= 5, every_s=0.2)
        before = set(page.series())
        send_segments(segments(5, 60))
        wait_until("the other tasks", lambda: page.ended() >= 65, every_s=0.2)
        after = set(page.series())
        # Figures of the worker alone may come with its first heartbeat.
        assert not [labels for _, labels in after - before if "task" in dict(labels)]
        assert {dict(labels)["task"] for _, labels in after if "task" in dict(labels)} == {"dashplate.read"}
        assert not [labels for _, labels in after if "tour" in str(labels)]
        listed = {str(task["args"]) for task in page.look(100)}
        assert listed == {f"job 7: tour {number} front.mp4 segment 3, attempt 1" for number in range(65)}
    assert "received: job 7: tour 64 front.mp4 segment 3, attempt 1" in log.read_text(), "the log names them too"


def test_a_worker_started_again_has_the_name_it_had_and_a_second_one_another(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    page, log = Page(free_port()), tmp_path / "log"

    def ready(workers: int) -> None:
        """Ready is later than online, which is all that Flower shows."""
        wait_until("workers to be ready", lambda: log.read_text().count(" ready.") == workers, every_s=0.2)

    def names() -> set[str]:
        return {dict(labels)["worker"] for name, labels in page.series() if name == "flower_worker_online"}

    with (
        stand_in_road(database_url, tmp_path / "data", DASHPLATE_REDIS_URL=redis_url),
        running("flower", "--port", str(page.port), log=log),
    ):
        page.wait(workers=0)
        with running("worker", "read", log=log) as first:
            page.wait(workers=1)
            ready(1)
            (name,) = names()
            assert name == f"read@{socket.gethostname()}"
            first.kill()
            first.wait()
            with running("worker", "read", log=log), running("worker", "read", log=log):
                page.wait(workers=2)
                ready(3)
                both = names()
        assert both == {name, f"{name}-2"}
