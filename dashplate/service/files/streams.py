"""Answers that are sent piece by piece and hold something meanwhile: so many at a time, and let go however they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, suppress
from threading import Lock
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from dashplate.service.errors import too_many

#: A caller who has not taken a piece after so long keeps others from a place.
_LONGEST_S = 120.0


class Places:
    """Counts those who hold something for as long as they are answered."""

    def __init__(self, most: int, full: str) -> None:
        """`full` is the sentence for whoever finds all places taken."""
        self._most = most
        self._full = full
        self._here = 0
        # Places are left in other threads than they are entered in.
        self._lock = Lock()

    def enter(self) -> None:
        """Raises Refused, 429, where there are as many as may be."""
        with self._lock:
            if self._here >= self._most:
                raise too_many(self._full, 5)
            self._here += 1

    def leave(self) -> None:
        """Make room for another."""
        with self._lock:
            self._here -= 1


class Placed(StreamingResponse):
    """Lets go what is held for it however it ends, begun or not; it ends where its caller takes nothing any more."""

    def __init__(
        self,
        held: ExitStack,
        pieces: AsyncIterator[str] | AsyncIterator[bytes],
        media_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._held = held

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            try:
                async with asyncio.timeout(_LONGEST_S):
                    await send(message)
            except TimeoutError as error:
                raise _Stalled from error

        try:
            # What was begun and not ended is cut: its caller can tell.
            with suppress(_Stalled):
                await super().__call__(scope, receive, sent)
        finally:
            await run_in_threadpool(self._held.close)


class _Stalled(Exception):
    """The caller takes nothing."""
