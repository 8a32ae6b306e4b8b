"""A network that can be cut: forwards connections to a server of this machine, in a thread of its own.

What is sent while the line is silent waits in the kernel and arrives late, as after a router's pause. Where the router
has forgotten its connections meanwhile, clients find theirs reset, and the server hears of it only later.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")

_LOOPBACK = "127.0.0.1"
_CHUNK = 65536
#: How long a server still holds a connection that the line has forgotten, seconds.
_GHOST_S = 1.0
#: SO_LINGER on, zero seconds: closing resets the connection.
_RESET = struct.pack("ii", 1, 0)
_PATIENCE_S = 10.0


@dataclass(eq=False)
class _Link:
    """A client's connection, and the one to the server that stands for it."""

    client: socket.socket
    server: socket.socket | None = None
    task: asyncio.Task[None] | None = None
    #: How long the server's side outlives the client's.
    ghost_s: float = 0.0


class Proxy:
    """Listens on `port` and forwards to the port that `target` names at that moment."""

    def __init__(self, target: Callable[[], int | None]) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._links: set[_Link] = set()
        #: Cleared while the line is silent.
        self._flows = asyncio.Event()
        self._listener = socket.create_server((_LOOPBACK, 0), backlog=128)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._thread.start()
        self._accepting = asyncio.run_coroutine_threadsafe(self._accept(), self._loop)
        self.sound()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._accepting.cancel()
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        self._listener.close()

    def cut(self) -> int:
        """Reset all connections, at both ends; returns how many there were."""
        return self._do(self._drop(0.0))

    def silence(self) -> None:
        """Deliver nothing from now on; connections are still taken."""
        self._do(self._silence())

    def sound(self, forgetful: bool = False) -> None:
        """Deliver again. `forgetful`: only on new connections; those of before are reset, the server's ends later."""
        self._do(self._sound(forgetful))

    def client_port(self, port: int) -> int | None:
        """The client's own port behind the connection that the server sees come from `port`."""
        return self._do(self._client_port(port))

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)

    async def _accept(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            link = _Link(client)
            self._links.add(link)
            link.task = self._loop.create_task(self._serve(link))

    async def _serve(self, link: _Link) -> None:
        try:
            await self._flows.wait()
            # Known before it is connected: the server may have taken it when a cut finds it.
            link.server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            link.server.setblocking(False)
            await self._loop.sock_connect(link.server, (_LOOPBACK, self._target() or 0))
            for end in (link.client, link.server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ways = [self._pass_on(link.client, link.server), self._pass_on(link.server, link.client)]
            tasks = [self._loop.create_task(way) for way in ways]
            try:
                # Neither server speaks to a client that has hung up: the end of one way is the end of both.
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        except OSError:
            # The server is away: the client is hung up on.
            pass
        finally:
            self._links.discard(link)
            self._close(link)

    async def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while True:
                data = await self._loop.sock_recv(source, _CHUNK)
                await self._flows.wait()
                if not data:
                    return
                await self._loop.sock_sendall(sink, data)

    def _close(self, link: _Link) -> None:
        link.client.close()
        if link.server is not None:
            self._loop.call_later(link.ghost_s, link.server.close)

    async def _drop(self, ghost_s: float) -> int:
        links = list(self._links)
        for link in links:
            link.ghost_s = ghost_s
            for end in (link.client, link.server):
                if end is not None:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            if link.task is not None:
                link.task.cancel()
        await asyncio.gather(*(link.task for link in links if link.task is not None), return_exceptions=True)
        for link in links:
            # One that was cancelled before it began has not closed its own.
            self._links.discard(link)
            self._close(link)
        return len(links)

    async def _silence(self) -> None:
        self._flows.clear()

    async def _sound(self, forgetful: bool) -> None:
        if forgetful:
            await self._drop(_GHOST_S)
        self._flows.set()

    async def _client_port(self, port: int) -> int | None:
        for link in self._links:
            with suppress(OSError):
                if link.server is not None and link.server.getsockname()[1] == port:
                    return int(link.client.getpeername()[1])
        return None
