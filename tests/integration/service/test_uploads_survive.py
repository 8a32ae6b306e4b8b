"""Uploads through kills of the service at any moment, and in a bucket; and the bench of many at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from bench.parts import uploads as bench
from bench.service.running import Service
from dashplate.stack import Stack
from dashplate.supervisor import Command, Supervisor
from db.access import tokens
from db.access.scopes import Scope
from db.engine import session
from db.migrate import upgrade
from pipeline.sources.source import source_of
from tests.conftest import ROOT
from tests.support.processes import PATIENCE_S, wait_until
from tests.support.s3_server import bucket, s3_server
from tests.support.service import Served
from tests.support.uploading import CLIP, TUS, drive, finished, folder_of, made, offset, sent


def alter(served: Served, path: str, **columns: object) -> None:
    """Leave a row as a service does that is killed at that moment."""
    assigned = ", ".join(f"{name} = :{name}" for name in columns)
    with session(served.database_url) as db:
        changed = text(f"UPDATE uploads SET {assigned} WHERE id = :id")
        db.execute(changed, {"id": path.rpartition("/")[2], **columns})


def test_whatever_a_kill_leaves_is_gone_on_with(working: Served, client: httpx.Client) -> None:
    # Killed after the file was put in its place, before its row said so.
    placed = made(client, len(CLIP))
    sent(client, placed, CLIP)
    alter(working, placed, whole_at=None)
    assert offset(client, placed) == len(CLIP)
    assert sent(client, placed, b"", len(CLIP)).status_code == 204
    assert client.get(placed).json()["state"] == "whole"

    # Killed with all bytes on the disk: whoever submits it puts it in its place.
    data = drive("killed at its last byte")
    gathered = made(client, len(data))
    sent(client, gathered, data[:-5])
    with (folder_of(working, gathered) / "part").open("ab") as part:
        part.write(data[-5:])
    assert offset(client, gathered) == len(data)
    job = client.post("/v1/jobs", json={"uploads": [gathered.rpartition("/")[2]]}).json()["job"]
    assert finished(client, job)["state"] == "done"

    # Killed in a piece whose checksum nobody has compared.
    unchecked = made(client, len(CLIP))
    sent(client, unchecked, CLIP[:1000])
    alter(working, unchecked, unchecked_from=400)
    assert offset(client, unchecked) == 400
    assert sent(client, unchecked, CLIP[400:], 400).status_code == 204
    assert (folder_of(working, unchecked) / "trip.mp4").read_bytes() == CLIP


def test_uploads_survive_cuts_and_a_killed_service(tmp_path: Path) -> None:
    """`python -m bench.parts.uploads`, small."""
    found = bench.run(tmp_path, uploads=6, size=8_000_000)
    assert found.different == 0
    assert found.cuts >= 3
    assert found.peak - found.rest < 60_000_000


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """Servers of its own, whose jobs no worker of another test takes."""
    with Stack.open(tmp_path / "servers") as opened:
        upgrade(opened.database_url)
        yield opened


def test_an_upload_goes_through_a_bucket(own_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is a bucket: the service gathers, sends the whole file on, and workers ask the bucket for it."""
    stack = own_stack
    with session(stack.database_url) as db:
        token = tokens.create(db, "by bucket", [Scope.SUBMIT, Scope.SEARCH], None)
    with s3_server() as endpoint, bucket(endpoint, "depot", monkeypatch) as s3:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DASHPLATE_")}
        env = kept | {
            "DASHPLATE_REDIS_URL": stack.redis_url,
            "DASHPLATE_DATABASE_URL": stack.database_url,
            "DASHPLATE_DATA_DIR": str(tmp_path / "data"),
            "DASHPLATE_STORE_DIR": "s3://depot/results",
            "DASHPLATE_ROOTS": "/nowhere",
            "DASHPLATE_WORK": "bench.standin:StandIn",
            "PYTHONPATH": str(ROOT),
        }
        roles = ("control", "detect", "read")
        commands = [Command(role, (sys.executable, "-m", "dashplate", "worker", role), env, ROOT) for role in roles]
        service = Service(stack.database_url, env, tmp_path)
        service.start()
        headers = {"Authorization": f"Bearer {token}"}
        try:
            with (
                Supervisor(tmp_path / "data") as workers,
                httpx.Client(base_url=service.url, headers=headers, timeout=PATIENCE_S) as client,
            ):
                workers.start(commands)
                data = drive("in a bucket") + b" " * 20_000_000
                path = made(client, len(data))
                upload = path.rpartition("/")[2]
                sent(client, path, data[:9_000_000])
                gathered = tmp_path / "data" / "uploads" / upload
                assert gathered.stat().st_size == 9_000_000
                service.stop(signal.SIGKILL)
                service.start()
                assert offset(client, path) == 9_000_000
                assert sent(client, path, data[9_000_000:], 9_000_000).status_code == 204
                assert not gathered.exists()
                key = f"results/uploads/{upload}/trip.mp4"
                assert s3.get_object(Bucket="depot", Key=key)["Body"].read() == data

                job = client.post("/v1/jobs", json={"uploads": [upload]}).json()["job"]
                video = finished(client, job)
                assert (video["state"], source_of(video["path"]), video["problem"]) == (
                    "done", source_of(f"s3://depot/{key}"), None,
                )  # fmt: skip
                assert client.delete(path, headers=TUS).status_code == 204
                wait_until("its end", lambda: "Contents" not in s3.list_objects_v2(Bucket="depot", Prefix=key))
        finally:
            service.stop()
