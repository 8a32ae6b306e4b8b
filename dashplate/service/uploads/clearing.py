"""Removes what uploads left over, from time to time, while the service runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dashplate.service.uploads.keeper import Keeper

log = logging.getLogger(__name__)
#: A look at each upload's folder, and a question to the database about those that are not whole.
_EVERY_S = 600.0


@asynccontextmanager
async def clearing(keeper: Keeper) -> AsyncIterator[None]:
    """Look for parts that nobody goes on with, while the block runs."""

    async def clear() -> None:
        while True:
            await asyncio.to_thread(_cleared, keeper)
            await asyncio.sleep(_EVERY_S)

    task = asyncio.ensure_future(clear())
    try:
        yield
    finally:
        task.cancel()


def _cleared(keeper: Keeper) -> None:
    try:
        keeper.clear()
    except Exception as error:
        # A server is away: the next round tries again.
        log.warning("Uploads could not be cleared: %s", str(error).partition("\n")[0])
