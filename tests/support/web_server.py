"""A small web server for the tests: files by range or only whole, and the ways in which servers go wrong."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from pipeline.sources.roots import check_allowed, split_roots
from pipeline.sources.source import Remote, source_of


@dataclass
class WebServer:
    """What the server serves and what it was asked for; change it while it runs."""

    #: Content by path; a `str` is an index page.
    files: dict[str, bytes | str] = field(default_factory=dict)
    #: Where a path redirects to.
    redirects: dict[str, str] = field(default_factory=dict)
    #: Paths that are answered with this status, and so many times; -1 is for ever.
    statuses: dict[str, tuple[int, int]] = field(default_factory=dict)
    #: Answers that are sent as they stand: status, headers, body.
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    #: Headers that a path's file is sent with, its ETag for instance, instead of those that it would have.
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Seconds that each answer about a file takes.
    delay_s: float = 0.0
    #: Set, files are answered no more.
    silent: threading.Event = field(default_factory=threading.Event)
    #: Whether ranges are answered as such.
    ranges: bool = True
    #: The value of the Authorization header that is asked for.
    login: str | None = None
    #: Connections that are cut after so many bytes of the body, that many times.
    cut_after: int = 0
    cuts: int = 0
    #: (path, Range header) of every request.
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    #: The Authorization header of every request.
    logins: list[str | None] = field(default_factory=list)
    #: Bytes of bodies that were sent.
    sent: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def remote(self, path: str) -> Remote:
        """A file of the server, opened under a root that names it."""
        source = check_allowed(source_of(f"{self.url}{path}"), split_roots(f"{self.url}/"))
        assert isinstance(source, Remote)
        return source


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    web: WebServer

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        web = self.web
        path = unquote(self.path.partition("?")[0])
        web.asked.append((path, self.headers.get("Range")))
        web.logins.append(self.headers.get("Authorization"))
        if path in web.redirects:
            return self._answer(302, b"", {"Location": web.redirects[path]})
        status, times = web.statuses.get(path, (0, 0))
        if times:
            web.statuses[path] = status, times - 1
            return self._answer(status, b"")
        if web.login is not None and self.headers.get("Authorization") != web.login:
            return self._answer(401, b"")
        if path in web.answers:
            status, headers, body = web.answers[path]
            return self._answer(status, body, headers)
        if path not in web.files:
            return self._answer(404, b"")
        content = web.files[path]
        if isinstance(content, str):
            return self._answer(200, content.encode(), {"Content-Type": "text/html; charset=utf-8"})
        return self._file(content, web.headers.get(path, {}))

    def _file(self, content: bytes, said: dict[str, str]) -> None:
        time.sleep(self.web.delay_s)
        while self.web.silent.is_set():
            time.sleep(0.05)
        headers = {"Content-Type": "video/mp4", "ETag": f'"{hash(content):x}"'} | said
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted is None or not self.web.ranges:
            return self._answer(200, content, headers)
        start, end = int(wanted[1]), min(int(wanted[2]) + 1, len(content))
        if start >= len(content):
            return self._answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        described = {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"}
        return self._answer(206, content[start:end], headers | described)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.web.cuts and len(body) > self.web.cut_after:
            self.web.cuts -= 1
            self.wfile.write(body[: self.web.cut_after])
            self.close_connection = True
            return
        try:
            self.wfile.write(body)
            self.web.sent += len(body)
        except OSError:
            self.close_connection = True  # A client that wants no more hangs up.


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that goes away in the middle is part of the tests."""


@contextmanager
def web_server() -> Iterator[WebServer]:
    """Serves on a free port of this machine for as long as the block runs."""
    web = WebServer()
    handler = type("Handler", (_Handler,), {"web": web})
    with _Server(("127.0.0.1", 0), handler) as server:
        web.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()
