"""Takes bytes of an upload out of a request and onto the disk as they come, a little at a time in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from fastapi import Request
from sqlalchemy import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from dashplate.service.access import Access
from dashplate.service.errors import CHECKSUM_MISMATCH, Refused
from dashplate.service.threads import beside
from dashplate.service.uploads import headers
from dashplate.service.uploads.keeper import Keeper, roomy
from dashplate.service.uploads.part import Part
from db.engine import is_transient

T = TypeVar("T")
#: Bytes that are collected before they are written: a socket gives 64 kB at a time, and each write costs a change of
#: thread.
_WRITTEN_BYTES = 256 * 1024
#: A client that sends nothing for so long has gone, and holds the upload that it may go on with on another connection.
_SILENT_S = 30.0
#: After so many seconds or bytes of a piece it is asked whether its token still holds and the disk has room.
_LOOK_EVERY_S, _LOOK_EVERY_BYTES = 5.0, 32 * 2**20
#: Threads that write; and whole files that are sent to a bucket at a time, which takes minutes.
_WRITERS, _SENDERS = 4, 2


class Receiver:
    """Receives the pieces of all uploads, one call at a time for each upload."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._disk = ThreadPoolExecutor(_WRITERS, thread_name_prefix="upload")
        self._sending = asyncio.Semaphore(_SENDERS)

    async def do(self, act: Callable[[], T]) -> T:
        """Call what asks disk and database."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, act)

    async def _send(self, act: Callable[[], T]) -> T:
        """The same for what may send a whole file to a bucket: writers are not held up by it, nor the service's end."""
        async with self._sending:
            return await beside(act)

    async def receive(self, request: Request, row: RowMapping, offset: int) -> int:
        """Take a piece that begins at the offset; returns where it ends. What came in stays, however the call ends;
        but of a piece with a checksum all counts or nothing.

        Raises Refused: 400, 401, 404, 408, 409, 413, 423, 460, 507; ClientDisconnect, StoreError.
        """
        digest, left = headers.checksum(request), row["size"] - offset
        if left < (headers.announced_bytes(request) or 0):
            raise _too_long(row)
        if not left:
            coming = request.stream()
            while (chunk := await _next(coming)) is not None:
                if chunk:
                    raise _too_long(row)
            if await self._send(lambda: self._keeper.mend(row)):
                return offset
        part = await self.do(lambda: self._keeper.begin(row, offset, checked=digest is not None))
        try:
            with roomy():
                if not await self._take(request, row, part, offset, digest):
                    return part.size
                await self._send(lambda: self._keeper.finish(row, part))
                return int(row["size"])
        finally:
            part.close()

    async def _take(self, request: Request, row: RowMapping, part: Part, offset: int, digest: bytes | None) -> bool:
        """Write a piece and bring it to the disk; whether the upload is whole then."""
        # A piece that was not compared does not count.
        counts = digest is None
        try:
            await self._fill(request, row, part, row["size"] - offset, None if digest is None else offset)
            if digest is not None and part.digest != digest:
                raise Refused(CHECKSUM_MISMATCH, "The piece is not what its checksum says. Send it again.")
            counts = True
        except _TooLong:
            counts = False
            raise _too_long(row) from None
        finally:
            is_whole = await self.do(lambda: self._keeper.settle(row, part, offset, counts=counts))
        return is_whole

    async def _fill(self, request: Request, row: RowMapping, part: Part, most: int, unchecked_from: int | None) -> None:
        loop, hashed = asyncio.get_running_loop(), unchecked_from is not None
        renew_at, look_at = loop.time() + self._keeper.keep_s / 4, loop.time() + _LOOK_EVERY_S
        coming, waiting = request.stream(), bytearray()
        look_below = most - _LOOK_EVERY_BYTES
        try:
            while (chunk := await _next(coming)) is not None:
                most -= len(chunk)
                if most < 0:
                    raise _TooLong
                waiting += chunk
                if len(waiting) >= _WRITTEN_BYTES:
                    data, waiting = bytes(waiting), bytearray()
                    await self.do(partial(part.append, data, hashed=hashed))
                if loop.time() > look_at or most < look_below:
                    look_at, look_below = loop.time() + _LOOK_EVERY_S, most - _LOOK_EVERY_BYTES
                    await self.do(lambda: self._look(request))
                if loop.time() > renew_at:
                    renew_at = loop.time() + self._keeper.keep_s / 4
                    await self.do(lambda: self._keeper.renew(row["id"], unchecked_from))
        finally:
            if waiting:
                await self.do(partial(part.append, bytes(waiting), hashed=hashed))

    def _look(self, request: Request) -> None:
        """Raises Refused: 401 for a token that was revoked meanwhile, 507 where the room is used up."""
        access: Access = request.app.state.access
        self._keeper.check_room()
        try:
            access.known(request)
        except SQLAlchemyError as error:
            # Nobody can tell now; the end of the call asks the database again.
            if not is_transient(error):
                raise


class _TooLong(Exception):
    """More bytes than the upload has left."""


def _too_long(row: RowMapping) -> Refused:
    return Refused(413, f"The upload is of {row['size']} bytes, and this piece goes beyond them.")


async def _next(coming: AsyncGenerator[bytes, None]) -> bytes | None:
    try:
        async with asyncio.timeout(_SILENT_S):
            return await anext(coming, None)
    except TimeoutError:
        raise Refused(408, f"Nothing came in for {_SILENT_S:.0f} s. Go on where HEAD says.") from None
