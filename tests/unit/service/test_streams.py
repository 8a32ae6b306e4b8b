"""Answers that are sent piece by piece: their place is free again however they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import pytest

from dashplate.service.files import streams
from dashplate.service.files.streams import Placed


async def _pieces() -> AsyncIterator[str]:
    while True:
        yield "a piece"


async def _nothing() -> Any:
    await asyncio.Event().wait()


def test_a_caller_who_takes_nothing_loses_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_LONGEST_S", 0.1)
    taken: list[Any] = []

    async def send(message: Any) -> None:
        taken.append(message["type"])
        if len(taken) > 3:
            await _nothing()

    async def answer() -> bool:
        held = ExitStack()
        left = asyncio.Event()
        held.callback(left.set)
        scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
        async with asyncio.timeout(60):
            await Placed(held, _pieces(), "text/plain")(scope, _nothing, send)
        return left.is_set()

    assert asyncio.run(answer())
    assert taken == ["http.response.start"] + ["http.response.body"] * 3
