"""Runs the service: uvicorn on one or two ports, the photograph process beside it, until a signal ends it."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_network

import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG
from uvicorn.protocols.http.h11_impl import H11Protocol

from dashplate.service.access import Access
from dashplate.service.app import Parts, create_app
from dashplate.service.files.making.annotator import Annotator
from dashplate.service.files.making.cutter import Cutter
from dashplate.service.photographs.reader import PhotoReader
from dashplate.typed.addresses import is_loopback
from db.engine import allow
from pipeline.errors import UsageError
from workers.settings import Settings
from workers.telemetry import logs

#: Calls that wait for the system to hand them over; a thousand cameras may call at once.
_BACKLOG = 2048
#: Connections to PostgreSQL that the service keeps, and has at most: one for each of the 40 threads that answer, and
#: some for exports and for those who look at tokens and follow jobs. docs/deployment.md counts with that.
KEPT_CONNECTIONS, MOST_CONNECTIONS = 8, 50

#: Calls that are being answered when it stops have so long; those who follow jobs would stay for ever.
_GRACE_S = 5
#: A connection that is idle is kept longer than clients and proxies keep theirs: who sends on one that is being closed
#: just then hears no answer. A new one has as long to ask something.
_IDLE_S = 75
#: Whoever takes nothing of an answer for so long is cut off by the system.
_UNTAKEN_MS = 180_000


class Prompt(H11Protocol):
    """A connection, which is closed where its first request does not come."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(_IDLE_S, self._close_unasked)

    def _close_unasked(self) -> None:
        if self.cycle is None:
            self.transport.close()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the service listens."""

    address: str = "127.0.0.1"
    #: The first is the service's; the others answer the same, for clients with a port of their own.
    ports: tuple[int, ...] = (8080,)
    #: Addresses and networks of proxies: where one of them calls, the caller is whom it names in X-Forwarded-For.
    proxies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for proxy in self.proxies:
            try:
                ip_network(proxy)
            except ValueError:
                raise UsageError(f"{proxy!r} is no address of a proxy; name it as 10.0.0.5 or 10.0.0.0/24.") from None

    @property
    def url(self) -> str:
        shown = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{shown}:{self.ports[0]}"

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.address)


def serve(
    settings: Settings, place: Place, on_ready: Callable[[], None], *, no_token: bool = False,
    create: Callable[[Parts], FastAPI] = create_app,
) -> None:  # fmt: skip
    """Serve until SIGTERM or SIGINT; `on_ready` hears when the ports are had, `create` makes the application.

    Raises UsageError for a port that is taken, and for an open door to others.
    """
    if no_token and not place.is_loopback:
        raise UsageError("--no-token is for this machine alone; leave it out, or listen on 127.0.0.1.")
    with ExitStack() as held:
        listening = [held.enter_context(_listen(place.address, port)) for port in place.ports]
        reader = held.enter_context(PhotoReader(settings.models, settings.photo_queue))
        cutter, annotator = held.enter_context(Cutter()), held.enter_context(Annotator(settings))
        allow(settings.require_database(), KEPT_CONNECTIONS, MOST_CONNECTIONS)
        access = Access(
            settings.require_database(), open_here=no_token,
            at_once=settings.calls_at_once, a_second=settings.calls_a_second,
        )  # fmt: skip
        app = create(Parts(settings, access, reader, cutter, annotator))
        _allow_many_connections()
        on_ready()
        # No access log of uvicorn's: addresses may hold plates. `measured` writes one by routes.
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=_GRACE_S,
            timeout_keep_alive=_IDLE_S, http=Prompt, log_config=None if logs.as_json() else LOGGING_CONFIG,
            proxy_headers=bool(place.proxies), forwarded_allow_ips=list(place.proxies),
        )  # fmt: skip
        uvicorn.Server(config).run(_listening(listening))


def _allow_many_connections() -> None:
    """As many open files as the system lets this process have: each call is one, and a large picture another."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _listening(sockets: Sequence[socket.socket]) -> list[socket.socket]:
    for one in sockets:
        one.listen(_BACKLOG)
    return list(sockets)


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # With its protocol: asyncio turns Nagle's algorithm off for such alone, and each answer would wait 40 ms for it.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Handed on to each connection: closing one waits for its last byte, which nobody may ever take.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNTAKEN_MS)
        made.bind((address, port))
    except OSError as error:
        made.close()
        raise UsageError(
            f"Port {port} of {address} cannot be had ({error.strerror}). Choose another with --port."
        ) from error
    return made
