"""Uploads to a service in trouble, and of files that change meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dashplate.client import Client, ServiceError
from dashplate.client.uploads import PIECE_BYTES
from pipeline.errors import DashplateError
from tests.integration.client.test_connection import problem
from tests.support.scripted_server import Answer, ScriptedServer

ID = "0123456789abcdef" * 2
MADE = Answer(201, b"", {"Location": f"/v1/uploads/{ID}"})
HELD = problem(423, "Another call sends bytes of this upload.", Retry_After="0")


def at(offset: int, size: int, status: int = 200) -> Answer:
    return Answer(status, b"", {"Upload-Offset": str(offset), "Upload-Length": str(size)})


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    file = tmp_path / "drive.mp4"
    file.write_bytes(b"a" * (PIECE_BYTES + 100))
    return file


def asked(service: ScriptedServer) -> list[str]:
    return [one.method for one in service.asked]


def test_a_part_that_the_service_still_holds_is_waited_for(
    client: Client, service: ScriptedServer, drive: Path
) -> None:
    size = drive.stat().st_size
    service.answers += [MADE, at(PIECE_BYTES, size, 204)]
    for _ in range(12):
        service.answers += [HELD, at(PIECE_BYTES, size)]
    service.answers += [problem(408, "Took too long."), at(PIECE_BYTES + 50, size), at(size, size, 204)]
    assert client.upload(drive) == ID
    assert asked(service)[-3:] == ["PATCH", "HEAD", "PATCH"]
    assert len(service.asked[-1].body) == 50


def test_what_has_come_in_while_the_answer_did_not_is_not_sent_again(
    client: Client, service: ScriptedServer, drive: Path
) -> None:
    """The last piece of an upload to a bucket is answered after the whole file has gone there."""
    size = drive.stat().st_size
    service.answers += [MADE, at(PIECE_BYTES, size, 204), Answer(cut_after=-1), at(size, size)]
    assert client.upload(drive) == ID
    assert asked(service) == ["POST", "PATCH", "PATCH", "HEAD"]


@pytest.mark.parametrize("status", [401, 413, 423, 500, 507])
def test_an_error_names_what_was_begun(
    client: Client, service: ScriptedServer, drive: Path, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashplate.client.connection.HELD_S", 0.0)
    size = drive.stat().st_size
    refused = [problem(status, "It cannot be.", Retry_After="0"), at(PIECE_BYTES, size)]
    service.answers += [MADE, at(PIECE_BYTES, size, 204), *refused * 5]
    with pytest.raises(ServiceError, match=rf"It cannot be\. .*{PIECE_BYTES} of {size}.*resume='{ID}'") as raised:
        client.upload(drive)
    assert raised.value.status == status


def test_what_is_gone_is_not_gone_on_with(client: Client, service: ScriptedServer, drive: Path) -> None:
    service.answers += [MADE, problem(410, "Nobody went on with it.")]
    with pytest.raises(ServiceError, match=r"^Nobody went on with it\.$"):
        client.upload(drive)


def _grown(file: Path) -> None:
    with file.open("ab") as more:
        more.write(b"more")


def _rewritten(file: Path) -> None:
    before = file.stat()
    with file.open("r+b") as again:
        again.write(b"b" * before.st_size)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


@pytest.mark.parametrize("change", [_grown, _rewritten])
def test_a_file_that_changes_while_it_is_sent_is_no_success(
    client: Client, service: ScriptedServer, drive: Path, change: Callable[[Path], None]
) -> None:
    size = drive.stat().st_size
    service.answers += [MADE, at(PIECE_BYTES, size, 204), at(size, size, 204), Answer(204, b"")]

    def first(sent: int, size: int) -> None:
        if sent == PIECE_BYTES:
            change(drive)

    with pytest.raises(DashplateError, match="changed while it was sent"):
        client.upload(drive, first)
    assert (asked(service)[-1], service.asked[-1].path) == ("DELETE", f"/v1/uploads/{ID}")
