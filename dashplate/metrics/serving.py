"""Hands the figures to Prometheus over HTTP: to anybody on the loopback address, elsewhere to whoever has the token."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.process_collector import ProcessCollector

from dashplate.metrics.exporter import Exporter
from dashplate.typed.addresses import is_loopback
from pipeline.errors import UsageError
from workers.settings import Settings

#: What anybody may ask: whether it answers.
_WELL = "/healthz"
#: A connection that says nothing for so long is closed.
_SILENT_S = 30


def serve(settings: Settings, address: str, port: int, token: str | None, on_ready: Callable[[], None]) -> None:
    """Serve `/metrics` until stopped; `on_ready` hears when the port is had.

    Raises UsageError for a port that is taken, and for an address that others reach without a token.
    """
    if not token and not is_loopback(address):
        raise UsageError("Metrics are served to other machines only with DASHPLATE_METRICS_TOKEN set.")
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(Exporter(settings))
    app = _locked(make_wsgi_app(registry), token)
    try:
        server = make_server(address, port, app, _server_class(address), handler_class=_Quiet)
    except OSError as error:
        raise UsageError(
            f"Port {port} of {address} cannot be had ({error.strerror}). Choose another with --port."
        ) from error
    with server:
        on_ready()
        server.serve_forever()


def _locked(app: Any, token: str | None) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """The application behind the token, at `/metrics` alone."""
    wanted = None if token is None else f"Bearer {token}".encode()

    def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == _WELL:
            return _said(start, HTTPStatus.OK, b'{"ok":true}')
        if wanted is not None:
            given = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1")
            if not hmac.compare_digest(given, wanted):
                return _said(start, HTTPStatus.UNAUTHORIZED, b"", ("WWW-Authenticate", "Bearer"))
        if path != "/metrics" or environ["REQUEST_METHOD"] != "GET":
            return _said(start, HTTPStatus.NOT_FOUND, b"")
        found: Iterable[bytes] = app(environ, start)
        return found

    return answer


def _said(start: Any, status: HTTPStatus, body: bytes, *headers: tuple[str, str]) -> Iterable[bytes]:
    start(f"{status.value} {status.phrase}", [("Content-Length", str(len(body))), *headers])
    return [body]


def _server_class(address: str) -> type[ThreadingWSGIServer]:
    if ":" not in address:
        return ThreadingWSGIServer
    import socket

    return type("_Server6", (ThreadingWSGIServer,), {"address_family": socket.AF_INET6})


class _Quiet(WSGIRequestHandler):
    """No line for each call, and nobody who holds a thread in silence."""

    timeout = _SILENT_S

    def log_message(self, format: str, *args: Any) -> None:
        pass
