"""Uploads to a real tus server, over a line that is cut."""

from __future__ import annotations

import hashlib
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from tuspyserver import create_tus_router

from bench.chaos.disturbed.proxy import Proxy
from dashplate.client import Client, ServiceError
from dashplate.client.uploads import PIECE_BYTES
from dashplate.stack.server import free_port
from pipeline.errors import DashplateError, Inaccessible
from tests.integration.client.conftest import TOKEN
from tests.support.processes import wait_until


@dataclass
class Tus:
    """A tus server behind a line that can be cut."""

    folder: Path
    proxy: Proxy
    #: What each request had to say; and how many of the next ones are answered with 503.
    asked: list[tuple[str, str | None]]
    busy: list[int]

    def digest(self, upload: str) -> str:
        return hashlib.sha256((self.folder / upload).read_bytes()).hexdigest()


@pytest.fixture
def tus(tmp_path: Path) -> Iterator[Tus]:
    folder, port = tmp_path / "uploads", free_port()
    app, asked, busy = FastAPI(), [], [0]

    def enter(request: Request) -> None:
        asked.append((request.method, request.headers.get("upload-offset")))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise HTTPException(401, "Send a token.")
        if busy[0]:
            busy[0] -= 1
            raise HTTPException(503, "Away.", headers={"Retry-After": "0"})

    router = create_tus_router(prefix="v1/uploads", files_dir=str(folder), auth=enter, strict_offset_validation=True)
    app.include_router(router)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until("the tus server", lambda: server.started)
    with Proxy(lambda: port) as proxy:
        yield Tus(folder, proxy, asked, busy)
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def client(tus: Tus, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr("dashplate.client.connection._PAUSES", lambda state: 0.05)
    with Client(f"http://127.0.0.1:{tus.proxy.port}", TOKEN) as made:
        yield made


def a_file(path: Path, size: int) -> str:
    data = hashlib.sha256(path.name.encode()).digest() * (size // 32 + 1)
    path.write_bytes(data[:size])
    return hashlib.sha256(data[:size]).hexdigest()


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, 2 * PIECE_BYTES + 7])
def test_a_file_arrives_as_it_is(client: Client, tus: Tus, tmp_path: Path, size: int) -> None:
    digest = a_file(tmp_path / "däsh.mp4", size)
    heard: list[tuple[int, int]] = []
    upload = client.upload(tmp_path / "däsh.mp4", lambda sent, of: heard.append((sent, of)))
    assert tus.digest(upload) == digest
    assert heard[0] == (0, size)
    assert heard[-1] == (size, size)
    assert heard == sorted(set(heard))
    assert [method for method, _ in tus.asked].count("PATCH") == -(-size // PIECE_BYTES)


def test_a_cut_line_costs_no_more_than_the_piece_on_its_way(client: Client, tus: Tus, tmp_path: Path) -> None:
    digest = a_file(tmp_path / "drive.mp4", 5 * PIECE_BYTES + 1)
    cuts: list[int] = []

    def cut(sent: int, size: int) -> None:
        if sent and len(cuts) < 3:
            # While the next piece is on its way.
            threading.Timer(0.01, lambda: cuts.append(tus.proxy.cut())).start()

    assert tus.digest(client.upload(tmp_path / "drive.mp4", cut)) == digest
    assert sum(cuts) >= 2, "the line was not cut"
    assert any(method == "HEAD" for method, _ in tus.asked)
    assert [method for method, _ in tus.asked].count("POST") == 1
    offsets = [int(offset or 0) for method, offset in tus.asked if method == "PATCH"]
    assert offsets == sorted(offsets), "nothing that the service has is sent again"


def test_a_busy_service_is_waited_for(client: Client, tus: Tus, tmp_path: Path) -> None:
    digest = a_file(tmp_path / "drive.mp4", 100)
    tus.busy[0] = 3
    assert tus.digest(client.upload(tmp_path / "drive.mp4")) == digest


def test_an_upload_goes_on_in_another_program(client: Client, tus: Tus, tmp_path: Path) -> None:
    digest = a_file(tmp_path / "drive.mp4", 3 * PIECE_BYTES)

    def end(sent: int, size: int) -> None:
        if sent:
            tus.busy[0] = 100

    with pytest.raises(ServiceError, match="503") as ended:
        client.upload(tmp_path / "drive.mp4", end)
    tus.busy[0] = 0
    upload = str(ended.value).partition("resume='")[2].partition("'")[0]
    tus.asked.clear()
    assert client.upload(tmp_path / "drive.mp4", resume=upload) == upload
    assert tus.digest(upload) == digest
    assert {method for method, _ in tus.asked} == {"HEAD", "PATCH"}
    assert next(offset for method, offset in tus.asked if method == "PATCH") != "0", "what it has is not sent again"
    a_file(tmp_path / "other.mp4", 5)
    with pytest.raises(DashplateError, match="not the file"):
        client.upload(tmp_path / "other.mp4", resume=upload)
    with pytest.raises(ServiceError, match="no upload 0000") as unknown:
        client.upload(tmp_path / "other.mp4", resume="0" * 32)
    assert unknown.value.status == 404


def test_a_large_file_is_not_held_in_memory(client: Client, tus: Tus, tmp_path: Path) -> None:
    with (tmp_path / "large.mp4").open("wb") as file:
        file.truncate(8 * PIECE_BYTES)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    client.upload(tmp_path / "large.mp4")
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    # The server here, in the same process, holds the pieces of one request.
    assert peak < 2 * PIECE_BYTES


def test_what_cannot_be_sent_is_told(client: Client, tus: Tus, tmp_path: Path) -> None:
    with pytest.raises(Inaccessible, match="cannot be read"):
        client.upload(tmp_path / "gone.mp4")
    shrinking = tmp_path / "shrinking.mp4"
    a_file(shrinking, 2 * PIECE_BYTES)

    def shrink(sent: int, size: int) -> None:
        if sent:
            shrinking.write_bytes(b"")

    with pytest.raises(DashplateError, match="became shorter"):
        client.upload(shrinking, shrink)
