"""Uploads in this process: what is promised room, what a disk does to them, what is cleared, and who comes first."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections import namedtuple
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request
from sqlalchemy import text

from dashplate.jobs import Submission, submit_at_once
from dashplate.service import access
from dashplate.service.access import Access
from dashplate.service.errors import Refused
from dashplate.service.uploads import receiving
from dashplate.service.uploads.headers import Announced
from dashplate.service.uploads.keeper import Keeper
from dashplate.service.uploads.part import Busy, Part
from dashplate.service.uploads.receiving import Receiver
from dashplate.stack import Stack
from db.access import tokens
from db.access.scopes import Principal, Scope
from db.engine import session
from db.jobs.submit import NewVideo, add_videos, create_job
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions
from store.store import RESERVE_BYTES
from tests.support.database import overlap
from tests.support.road import stand_in_road
from workers.maintenance.sweeper import clear
from workers.settings import settings

_Usage = namedtuple("_Usage", "total used free")
_GB = 10**9


@dataclass
class Here:
    """A keeper in this process, on a database of its own."""

    keeper: Keeper
    caller: Principal
    folder: Path
    url: str

    def begin(self, size: int, caller: Principal | None = None) -> str:
        request = Request({"type": "http", "client": ("127.0.0.1", 1)})
        wanted = Announced(size, "a.mp4", "a.mp4")
        return str(self.keeper.create(request, caller or self.caller, wanted, None)["id"])

    def row(self, upload: str) -> Any:
        return self.keeper.find(self.caller, upload)

    def whole(self) -> str:
        """A whole upload."""
        upload = self.begin(10)
        with closing(self.keeper.begin(self.row(upload), 0, checked=False)) as part:
            part.append(b"0123456789", hashed=False)
            self.keeper.finish(self.row(upload), part)
        return upload

    def submit(self, upload: str, key: str | None = None) -> int:
        """A submission that has found the upload, and is to write its job."""
        sources = self.keeper.sources(self.caller, [upload])
        return submit_at_once(self.url, sources, JobOptions(), Submission(key=key), [upload])


def _caller(url: str, name: str) -> Principal:
    with session(url) as db:
        caller = tokens.find(db, tokens.create(db, name, [Scope.SUBMIT], None))
    assert caller is not None
    return caller


@pytest.fixture
def here(database_url: str, stack: Stack, tmp_path: Path) -> Iterator[Here]:
    caller = _caller(database_url, "ann")
    more = {"DASHPLATE_UPLOAD_MOST_BYTES": str(10**18), "DASHPLATE_REDIS_URL": stack.redis_url}
    with stand_in_road(database_url, tmp_path, **more):
        yield Here(Keeper(settings()), caller, tmp_path, database_url)


def _room(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    """From now on that many bytes may be written."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage(0, 0, RESERVE_BYTES + free))


def test_one_writer_holds_a_part(tmp_path: Path) -> None:
    first = Part(tmp_path / "part")
    with pytest.raises(Busy):
        Part(tmp_path / "part")
    first.append(b"0123", hashed=False)
    first.close()
    second = Part(tmp_path / "part")
    assert second.size == 4
    second.close()
    (tmp_path / "link").symlink_to(tmp_path / "part")
    with pytest.raises(OSError, match="link"):
        Part(tmp_path / "link")


def test_what_the_disk_has_no_room_for_is_refused_before_it_is_sent(here: Here) -> None:
    with pytest.raises(Refused, match="no room") as refused:
        here.begin(10**15)
    assert refused.value.status == 507
    here.begin(10**6)


def test_an_upload_that_was_begun_stops_where_the_room_is_used_up(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = here.begin(10)
    _room(monkeypatch, 0)
    with pytest.raises(Refused, match="no room"):
        here.keeper.begin(here.row(upload), 0, checked=False)
    with pytest.raises(Refused, match="no room"):
        here.keeper.check_room()


def test_one_token_is_promised_half_of_the_room(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    _room(monkeypatch, 10 * _GB)
    here.keeper.most_bytes = 3 * _GB
    here.begin(3 * _GB)
    here.begin(2 * _GB)
    with pytest.raises(Refused, match="half of the room") as refused:
        here.begin(1)
    assert refused.value.status == 429
    other = _caller(here.url, "bob")
    here.begin(3 * _GB, other)
    with pytest.raises(Refused, match="no room"):
        here.begin(3 * _GB, other)


def test_what_is_promised_elsewhere_takes_no_room_here(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is a bucket: each service gathers on a disk of its own."""
    monkeypatch.setenv("DASHPLATE_STORE_DIR", "s3://depot/results")
    settings.cache_clear()
    _room(monkeypatch, 10 * _GB)
    services = [
        Here(Keeper(settings().model_copy(update={"data_dir": here.folder / name})), here.caller, here.folder, here.url)
        for name in ("one", "two")
    ]
    for service in services:
        service.begin(8 * _GB)
    for service in services:
        with pytest.raises(Refused, match="no room"):
            service.begin(8 * _GB)


@pytest.mark.parametrize("call", ["open", "mkdir"])
def test_a_disk_that_is_full_while_a_part_is_made_is_said(
    here: Here, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    really = getattr(os, call)

    def full(path: Any, *rest: Any, **more: Any) -> Any:
        if "uploads" in str(path) and (call == "mkdir" or str(path).endswith("part")):
            raise OSError(errno.ENOSPC, "No space left on device")
        return really(path, *rest, **more)

    upload = here.begin(10)
    shutil.rmtree(here.folder / "store" / "uploads")
    monkeypatch.setattr(os, call, full)
    with pytest.raises(Refused, match="no room") as refused:
        here.keeper.begin(here.row(upload), 0, checked=False)
    assert refused.value.status == 507
    with pytest.raises(Refused, match="no room"):
        here.begin(10)
    with session(here.url) as db:
        assert db.execute(text("SELECT id FROM uploads")).scalars().all() == [upload], "what was refused leaves no row"


def test_bytes_that_the_disk_could_not_keep_do_not_count(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = here.begin(10)
    with closing(here.keeper.begin(here.row(upload), 0, checked=False)) as part:
        part.append(b"0123", hashed=False)
        assert not here.keeper.settle(here.row(upload), part, 0, counts=True)
    failures = [OSError(errno.EIO, "Input/output error")]
    really = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: really(file) if not failures else _raised(failures.pop()))
    with closing(here.keeper.begin(here.row(upload), 4, checked=False)) as part:
        part.append(b"456789", hashed=False)
        with pytest.raises(OSError, match="Input/output"):
            here.keeper.settle(here.row(upload), part, 4, counts=True)
    assert here.keeper.offset(here.row(upload)) == 4


def _raised(error: OSError) -> None:
    raise error


def test_what_no_row_names_is_cleared_once_it_would_have_expired_and_whole_files_never(here: Here) -> None:
    """A database that was restored, or is another one, knows nothing of a fleet's uploads."""
    known, young, old, whole, other = here.begin(10), "a" * 32, "b" * 32, "c" * 32, "something else"
    uploads = here.folder / "store" / "uploads"
    for name in (known, young, old, whole, other):
        file = uploads / name / ("trip.mp4" if name == whole else "part")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"0123")
        if name != young:
            os.utime(file, (0, 0))
    here.keeper.clear()
    assert {folder.name for folder in uploads.iterdir()} == {known, young, whole, other}


def test_the_sweeper_removes_what_expired_and_nothing_else(here: Here, database_url: str) -> None:
    late, young = here.begin(10), here.begin(10)
    uploads = here.folder / "store" / "uploads"
    for name in (late, young):
        (uploads / name / "part").write_bytes(b"0123")
    with session(database_url) as db:
        db.execute(text("UPDATE uploads SET expires_at = now() WHERE id = :id"), {"id": late})
    clear()
    assert {folder.name for folder in uploads.iterdir()} == {young}
    with pytest.raises(Refused, match="no upload"):
        here.keeper.find(here.caller, late, expired=True)


def test_an_upload_that_is_just_submitted_is_not_deleted(here: Here) -> None:
    upload = here.whole()
    row, request = here.row(upload), Request({"type": "http", "client": ("127.0.0.1", 1)})

    def submit(db: Any) -> None:
        # Open: nobody who works on it can end it before this test does.
        add_videos(db, create_job(db, "a job", JobOptions(), is_open=True), [NewVideo(row["path"], "a print")])

    with pytest.raises(Refused, match="uses this upload") as refused:
        overlap(here.url, submit, lambda db: here.keeper.delete(request, here.caller, row))
    assert refused.value.status == 409
    assert (here.folder / "store" / row["name"]).exists()


def test_one_upload_is_one_jobs_video(here: Here) -> None:
    upload = here.whole()
    # All found it free.
    found = here.keeper.sources(here.caller, [upload])
    job = here.submit(upload, "monday")
    with pytest.raises(UsageError, match=f"belongs to job {job}"):
        submit_at_once(here.url, found, JobOptions(), Submission(), [upload])
    assert submit_at_once(here.url, found, JobOptions(), Submission(key="monday"), [upload]) == job

    gone = here.whole()
    found = here.keeper.sources(here.caller, [gone])
    here.keeper.delete(Request({"type": "http", "client": ("127.0.0.1", 1)}), here.caller, here.row(gone))
    with pytest.raises(UsageError, match="deleted meanwhile"):
        submit_at_once(here.url, found, JobOptions(), Submission(), [gone])
    with session(here.url) as db:
        assert db.execute(text("SELECT count(*) FROM jobs")).scalar_one() == 1


def test_a_token_that_is_revoked_sends_no_more_of_a_piece(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "_REMEMBERED_S", 0.0)
    monkeypatch.setattr(receiving, "_LOOK_EVERY_S", 0.0)
    with session(here.url) as db:
        token = tokens.create(db, "carl", [Scope.SUBMIT], None)
    row, sent = here.row(here.begin(1000)), 0

    async def receive() -> Any:
        nonlocal sent
        sent += 10
        if sent == 50:
            with session(here.url) as db:
                tokens.revoke(db, "carl")
        return {"type": "http.request", "body": b"0123456789", "more_body": sent < 1000}

    app = SimpleNamespace(state=SimpleNamespace(access=Access(here.url)))
    scope = {"type": "http", "app": app, "client": ("127.0.0.1", 1), "headers": [(b"x-api-key", token.encode())]}
    with pytest.raises(Refused, match="Send a token") as refused:
        asyncio.run(Receiver(here.keeper).receive(Request(scope, receive), row, 0))
    assert refused.value.status == 401
    assert 0 < here.keeper.offset(row) <= 60
