"""Whoever follows a job: for as long as the token holds, and no sighting is looked for twice once the job has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request
from sqlalchemy import text

from dashplate.service import access
from dashplate.service.access import Access
from dashplate.service.errors import Refused
from dashplate.service.findings import sightings
from dashplate.service.findings.sightings import Following
from db.access import tokens
from db.access.scopes import Scope
from db.engine import session
from tests.support.database import asked
from tests.support.found import sighted
from tests.support.media_files import photo


async def _silence() -> Any:
    await asyncio.Event().wait()


def _request(url: str) -> Request:
    """A call with a token of its own."""
    with session(url) as db:
        token = tokens.create(db, "follower", [Scope.SEARCH], None)
    app = SimpleNamespace(state=SimpleNamespace(access=Access(url)))
    scope = {"type": "http", "app": app, "client": ("127.0.0.1", 1), "headers": [(b"x-api-key", token.encode())]}
    return Request(scope, _silence)


def _told(following: Following, on_event: Callable[[str], None] = lambda event: None) -> list[str]:
    told: list[str] = []

    async def listen() -> None:
        async with asyncio.timeout(120):
            async for event in following.events():
                told.append(event)
                on_event(event)

    asyncio.run(listen())
    return told


def test_a_finished_job_is_gone_through_once(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sightings, "_A_LOOK", 10)
    monkeypatch.setattr(sightings, "_LATE", 20)
    numbers = sighted(database_url, photo(tmp_path), [0.0] * 75)
    with session(database_url) as db:
        db.execute(text("UPDATE jobs SET state = 'finished', finished_at = now()"))
    following = Following(_request(database_url), database_url, 1, 0)
    with asked(database_url) as statements:
        told = _told(following)
    assert sum("event: sighting" in event for event in told) == len(numbers)
    assert told[-1].startswith("event: end")
    begins = [values["after"] for said, values in statements if "s.id > " in said]
    assert begins == sorted(set(begins)), "each look begins where the last one ended"


def test_a_token_that_is_revoked_is_told_nothing_more(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "_REMEMBERED_S", 0.0)
    monkeypatch.setattr(sightings, "_LOOK_EVERY_S", 0.05)
    seen: list[str] = []

    def revoke(event: str) -> None:
        seen.append(event)
        if event.startswith("event: progress"):
            with session(database_url) as db:
                # The job goes on and on: each look has something to tell.
                db.execute(text("UPDATE jobs SET name = name || '!'"))
                if len(seen) == 4:
                    tokens.revoke(db, "follower")

    sighted(database_url, photo(tmp_path), [0.0])
    with pytest.raises(Refused, match="Send a token"):
        _told(Following(_request(database_url), database_url, 1, 0), revoke)
    assert len(seen) == 4
