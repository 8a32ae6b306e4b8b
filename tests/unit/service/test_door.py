"""The door: how much of which kind of body goes in, and that nothing keeps it shut."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from dashplate.service.access import Access
from dashplate.service.door import Door
from dashplate.service.measured import Calls
from dashplate.service.photographs.reader import PhotoReader
from dashplate.service.uploads.headers import PIECE
from pipeline.run import ModelConfig


async def _app(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _status(door: Door, kind: str, size: int, path: str = "/v1/jobs") -> int:
    """What a request with a body of that kind and size is answered, its length told or not."""
    told: list[int] = []
    pieces = [{"type": "http.request", "body": b" " * 1_000_000, "more_body": True}] * (size // 1_000_000)

    async def send(message: Any) -> None:
        told.extend([message["status"]] if "status" in message else [])

    for length in ([], [(b"content-length", str(size).encode())]):
        coming = iter([*pieces, {"type": "http.request", "body": b"", "more_body": False}])

        async def receive(coming: Any = coming) -> Any:
            return next(coming)

        headers = [(b"host", b"localhost"), (b"content-type", kind.encode()), *length]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "client": ("127.0.0.1", 1)}
        await door(scope, receive, send)
    first, second = told
    assert first == second
    return first


@pytest.fixture
def door() -> Door:
    # Whoever calls from here needs no token, so that no database is asked.
    access = Access("postgresql://nowhere.invalid/none", open_here=True)
    return Door(_app, access, Calls(PhotoReader(ModelConfig(), 1)), 100_000_000)


@pytest.mark.parametrize(
    ("kind", "path", "most"),
    [
        ("application/json", "/v1/jobs", 2_000_000),
        ("application/problem+json", "/v1/jobs", 2_000_000),
        ("application/x+json; charset=utf-8", "/v1/jobs", 2_000_000),
        ("text/plain", "/v1/jobs", 2_000_000),
        ("", "/v1/jobs", 2_000_000),
        (PIECE, "/v1/read", 2_000_000),
        ("image/jpeg", "/v1/read", 70_000_000),
        ("multipart/form-data; boundary=x", "/v1/read", 70_000_000),
        ("application/x-www-form-urlencoded", "/v1/read", 70_000_000),
        ("application/octet-stream", "/v1/read", 70_000_000),
        (PIECE, "/v1/uploads/1", 100_000_000),
    ],
)
def test_each_kind_of_body_has_its_bound(door: Door, kind: str, path: str, most: int) -> None:
    assert asyncio.run(_status(door, kind, most, path)) == 200
    assert asyncio.run(_status(door, kind, most + 1_000_000, path)) == 413


def test_work_that_hangs_elsewhere_does_not_shut_the_door(door: Door) -> None:
    back = threading.Event()

    async def call() -> int:
        hanging = [asyncio.ensure_future(asyncio.to_thread(back.wait)) for _ in range(64)]
        try:
            async with asyncio.timeout(60):
                return await _status(door, "", 0)
        finally:
            back.set()
            await asyncio.gather(*hanging)

    assert asyncio.run(call()) == 200
