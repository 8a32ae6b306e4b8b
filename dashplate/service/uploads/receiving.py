"""Takes bytes of an upload out of a request and onto the disk as they come, a little at a time in memory."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from fastapi import Request
from sqlalchemy import RowMapping

from dashplate.service.errors import CHECKSUM_MISMATCH, Refused
from dashplate.service.uploads import headers
from dashplate.service.uploads.keeper import Keeper, no_room
from dashplate.service.uploads.part import Part

T = TypeVar("T")
#: Bytes that are collected before they are written: a socket gives 64 kB at a time, and each write costs a change of
#: thread.
_WRITTEN_BYTES = 256 * 1024
#: A client that sends nothing for so long has gone, and holds the upload that it may go on with on another connection.
_SILENT_S = 30.0
#: Threads that write; and those that send whole files to a bucket, which takes minutes.
_WRITERS, _SENDERS = 4, 2


class Receiver:
    """Receives the pieces of all uploads, one call at a time for each upload."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._disk = ThreadPoolExecutor(_WRITERS, thread_name_prefix="upload")
        self._senders = ThreadPoolExecutor(_SENDERS, thread_name_prefix="upload-store")

    async def do(self, act: Callable[[], T]) -> T:
        """Call what asks disk and database."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, act)

    async def receive(self, request: Request, row: RowMapping, offset: int) -> int:
        """Take a piece that begins at the offset; returns where it ends. What came in stays, however the call ends;
        but of a piece with a checksum all counts or nothing.

        Raises Refused: 400, 404, 408, 409, 413, 423, 460, 507; ClientDisconnect, StoreError.
        """
        digest, left = headers.checksum(request), row["size"] - offset
        if left < (headers.announced_bytes(request) or 0):
            raise Refused(413, f"The upload is of {row['size']} bytes, and this piece goes beyond them.")
        if not left and await self.do(lambda: self._keeper.mend(row)):
            return offset
        part = await self.do(lambda: self._keeper.begin(row, offset, checked=digest is not None))
        try:
            # A piece that was not compared does not count.
            counts_to = None if digest is None else offset
            try:
                await self._fill(request, row, part, left, None if digest is None else offset)
                if digest is not None and part.digest != digest:
                    raise Refused(CHECKSUM_MISMATCH, "The piece is not what its checksum says. Send it again.")
                counts_to = None
            except _TooLong:
                counts_to = offset
                raise Refused(413, f"The upload is of {row['size']} bytes, and this piece goes beyond them.") from None
            finally:
                is_whole = await self.do(lambda: self._keeper.settle(row, part, counts_to))
            if is_whole:
                finish = self._keeper.finish
                await asyncio.get_running_loop().run_in_executor(self._senders, finish, row, part)
            return part.size if not is_whole else int(row["size"])
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise no_room() from error
            raise
        finally:
            part.close()

    async def _fill(self, request: Request, row: RowMapping, part: Part, most: int, unchecked_from: int | None) -> None:
        loop, hashed = asyncio.get_running_loop(), unchecked_from is not None
        renew_at = loop.time() + self._keeper.keep_s / 4
        coming, waiting = request.stream(), bytearray()
        try:
            while (chunk := await _next(coming)) is not None:
                most -= len(chunk)
                if most < 0:
                    raise _TooLong
                waiting += chunk
                if len(waiting) >= _WRITTEN_BYTES:
                    data, waiting = bytes(waiting), bytearray()
                    await self.do(partial(part.append, data, hashed=hashed))
                if loop.time() > renew_at:
                    renew_at = loop.time() + self._keeper.keep_s / 4
                    await self.do(lambda: self._keeper.renew(row["id"], unchecked_from))
        finally:
            if waiting:
                await self.do(partial(part.append, bytes(waiting), hashed=hashed))


class _TooLong(Exception):
    """More bytes than the upload has left."""


async def _next(coming: AsyncGenerator[bytes, None]) -> bytes | None:
    try:
        async with asyncio.timeout(_SILENT_S):
            return await anext(coming, None)
    except TimeoutError:
        raise Refused(408, f"Nothing came in for {_SILENT_S:.0f} s. Go on where HEAD says.") from None
