"""`dashplate up` with the HTTP service: its first token, its roots, its death, its end."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from bench.standin import Drive
from dashplate.stack import stop
from dashplate.stack.server import free_port
from tests.conftest import ROOT
from tests.support.processes import PATIENCE_S, processes_on, wait_until

_TOKEN = re.compile(r"dp_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")
#: What `up` prints last.
_LAST = "`dashplate down`."


@dataclass(frozen=True)
class Place:
    """A data folder, a port, a folder for videos."""

    folder: Path
    port: int
    env: dict[str, str]

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def dashplate(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.argv(*words), env=self.env, cwd=ROOT, capture_output=True, text=True, check=False)

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "dashplate", *words]

    def up_words(self) -> list[str]:
        videos = self.folder / "videos"
        videos.mkdir(exist_ok=True)
        return self.argv("up", "--flower-port", "0", "--port", str(self.port), "--root", str(videos))

    @contextmanager
    def on_a_terminal(self) -> Iterator[str]:
        """What `up` says to a terminal until it is up."""
        ours, its = pty.openpty()
        process = subprocess.Popen(self.up_words(), env=self.env, cwd=ROOT, stdin=its, stdout=its, stderr=its)
        os.close(its)
        said = bytearray()
        try:
            while _LAST.encode() not in said:
                with suppress(OSError):
                    said += os.read(ours, 65536)
                assert process.poll() is None, said.decode()
            yield said.decode().replace("\r\n", "\n")
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
            os.close(ours)

    def answers(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/healthz", trust_env=False).status_code == 200
        return False

    def service(self) -> psutil.Process | None:
        """The service's main process."""
        found = [p for p in processes_on(self.data) if "serve" in p.cmdline() and str(self.port) in p.cmdline()]
        return found[0] if found else None


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DASHPLATE_")}
    port = free_port()
    ours = {
        "DASHPLATE_DATA_DIR": str(tmp_path / "data"),
        "DASHPLATE_SERVICE_URL": f"http://127.0.0.1:{port}",
        "DASHPLATE_WORK": "bench.standin:StandIn",
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm",
        "COLUMNS": "200",
    }
    yield Place(tmp_path, port, kept | ours)
    stop(tmp_path / "data")


def test_a_first_token_is_shown_once_and_opens_a_service_that_comes_back(place: Place) -> None:
    with place.on_a_terminal() as said:
        assert f"Service: {place.url}\n" in said
        [token] = _TOKEN.findall(said)
        wait_until("the service", place.answers, every_s=0.2)
        assert place.dashplate("health", "service").stdout == f"The service answers at {place.url}.\n"
        with httpx.Client(base_url=place.url, headers={"X-API-Key": token}, trust_env=False) as client:
            see_a_job_done(place, client)
            see_it_come_back(place, client)
        assert "first: admin" in place.dashplate("audit", "--json").stdout
        secret = token.split("_", 2)[2].encode()
        assert not [file for file in place.data.rglob("*") if file.is_file() and secret in file.read_bytes()]
        down = place.dashplate("down")
        assert down.stdout.startswith("Stopped "), down.stderr
        assert not place.answers()
    wait_until("the last process to go", lambda: not processes_on(place.data), patience_s=20)
    with place.on_a_terminal() as said:
        assert not _TOKEN.search(said)
        assert "`dashplate token add NAME`" in said


def see_a_job_done(place: Place, client: httpx.Client) -> None:
    """The roots of `up` are the service's and the workers'; nothing beside them is taken."""
    drive, beside = place.folder / "videos" / "drive.mp4", place.folder / "beside.mp4"
    Drive(segments=1).write(drive)
    Drive(segments=1).write(beside)
    assert httpx.get(f"{place.url}/v1/jobs", trust_env=False).status_code == 401
    refused = client.post("/v1/jobs", json={"sources": [str(beside)]})
    assert 400 <= refused.status_code < 500, refused.text
    taken = client.post("/v1/jobs", json={"sources": [str(drive)]})
    assert taken.is_success, taken.text
    job = f"/v1/jobs/{taken.json()['job']}"
    wait_until("the job's end", lambda: client.get(job).json()["state"] == "finished", every_s=0.3)
    [video] = client.get(f"{job}/videos").json()["items"]
    assert video["state"] == "done"


def see_it_come_back(place: Place, client: httpx.Client) -> None:
    before = place.service()
    assert before is not None
    photographs = before.children()
    before.kill()
    before.wait(PATIENCE_S)
    wait_until("another service", place.answers, every_s=0.2)
    after = place.service()
    assert after is not None
    assert after.pid != before.pid
    assert client.get("/v1/jobs").is_success
    wait_until("its models to go with it", lambda: not any(child.is_running() for child in photographs), 20.0)


def test_what_goes_into_a_pipe_holds_no_token_and_roots_that_are_named_stand_in_for_broken_ones(place: Place) -> None:
    env = place.env | {"DASHPLATE_ROOTS": "[no list"}
    with subprocess.Popen(place.up_words(), env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said: list[str] = []
            while _LAST not in "".join(said):
                said.append(process.stdout.readline())
                assert process.poll() is None, said
            assert not _TOKEN.search("".join(said))
            assert "none is printed here; `dashplate token add NAME` makes one" in "".join(said)
            wait_until("the service", place.answers, every_s=0.2)
            assert place.dashplate("token", "list", "--json").stdout == ""
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def test_roots_that_cannot_be_understood_are_told_where_none_are_named(place: Place) -> None:
    said = subprocess.run(
        place.argv("up"), env=place.env | {"DASHPLATE_ROOTS": "[no list"}, capture_output=True, text=True, cwd=ROOT
    )  # fmt: skip
    assert said.returncode == 2
    assert "DASHPLATE_ROOTS" in said.stderr
    assert not place.data.exists()
