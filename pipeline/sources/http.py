"""Files behind http:// and https://: asked for by range, from hosts that may be asked, in bounded memory.

fsspec's own HTTP files are not used, because they read as much as a server sends, take every failure for a missing
file, and go wherever a redirect leads. Here each address is checked before it is asked, after every redirect too, and
the addresses that its host's name stands for are checked by the resolver that the connection uses: a name that means
something else a second later gains nothing.
"""

from __future__ import annotations

import asyncio
import atexit
import ipaddress
import netrc
import os
import re
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, TypeVar
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from fsspec.asyn import get_loop, sync

from pipeline.errors import Away, Inaccessible, Unreadable, UsageError
from pipeline.sources.availability import is_transient_status
from pipeline.sources.roots import NotAllowed, check_address, check_public, is_public, names_host, private_address
from pipeline.sources.source import Remote, remote_of, shown

#: Seconds to connect, between two pieces of an answer, and for one answer.
TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=20)
#: Redirects that are followed from one address.
MOST_REDIRECTS = 5
#: A server that sends files only whole is read up to this many bytes.
WHOLE_BYTES = 64 * 1024 * 1024
#: Pages of a listing, their bytes, and how deep they may lie.
LISTING_PAGES, PAGE_BYTES, LISTING_DEPTH = 2_000, 8 * 1024 * 1024, 12
#: What is said of a file is gathered from these headers.
_SAID = ("ETag", "Content-MD5", "Digest", "Repr-Digest", "Last-Modified")
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Piece:
    """What a server answered to a request for a range."""

    data: bytes
    #: Bytes of the whole file; None where the server does not say.
    size: int | None
    #: Whether `data` is the range; else it is the file from its beginning.
    ranged: bool
    #: What the server says to tell versions of the whole file apart, by header.
    said: Mapping[str, str]


def fetch(remote: Remote, start: int, end: int) -> Piece:
    """The bytes `[start, end)` of a file; all of it where the server knows no ranges and it is no larger than allowed.

    Raises `Inaccessible`, `Unreadable`, or `Away` for what is worth another attempt.
    """
    return _run(remote, _fetch(remote, start, end))


def describe(remote: Remote) -> dict[str, Any]:
    """`size` and what the server says to tell versions apart. Raises like `fetch`."""
    piece = _run(remote, _fetch(remote, 0, 1, body=False))
    return {"size": piece.size} | dict(piece.said)


def listing(remote: Remote) -> list[str]:
    """The addresses of all files below a folder whose server shows an index page, sorted.

    Hidden ones (`.name`) and links that lead out of the folder are passed over. Raises like `fetch`.
    """
    return _run(remote, _listing(remote))


def _run(remote: Remote, work: Coroutine[Any, Any, T]) -> T:
    """Do `work` on fsspec's thread for such things; what goes wrong becomes one of our errors."""
    name = shown(remote)
    try:
        done: T = sync(get_loop(), _owned, work)
    except NotAllowed as refused:
        raise refused.of(name) from None
    except (Inaccessible, Unreadable):
        raise
    except aiohttp.TooManyRedirects as problem:
        raise Inaccessible(f"{name} is only redirected from one address to the next. Check its address.") from problem
    except aiohttp.ClientSSLError as problem:
        raise Inaccessible(
            f"The server of {name} shows a certificate that is not trusted here. Check the address, or add its"
            " authority to this machine's certificates."
        ) from problem
    except aiohttp.ClientConnectorDNSError as problem:
        raise Away(f"The host of {name} is not known. Check the address and this machine's network.") from problem
    except (TimeoutError, aiohttp.ServerTimeoutError) as problem:
        raise Away(f"The server of {name} does not answer in time. Try again later.") from problem
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlRedirectClientError, ValueError) as problem:
        raise Inaccessible(f"{name} has or leads to an address that is not followed. Check its spelling.") from problem
    except (aiohttp.ClientError, OSError) as problem:
        raise Away(f"The connection to the server of {name} was lost or refused. Try again later.") from problem
    return done


async def _owned(work: Coroutine[Any, Any, T]) -> T:
    return await work


async def _fetch(remote: Remote, start: int, end: int, *, body: bool = True) -> Piece:
    # What is compressed for the way is asked for as it is, so that sizes and ranges are the file's own.
    headers = {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
    async with _session(remote.roots).get(remote.url, headers=headers, max_redirects=MOST_REDIRECTS) as answer:
        described = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
        if answer.status == 416:
            return Piece(b"", int(described[3]) if described else 0, True, _said(answer))
        _refuse(remote, answer.status)
        if answer.status == 206:
            if described is None or described[1] is None or int(described[1]) != start:
                raise Unreadable(f"The server of {shown(remote)} answers with another part of the file than was asked.")
            data = await _read(answer, end - start) if body else b""
            return Piece(data[: end - start], int(described[3]), True, _said(answer))
        size = int(answer.headers["Content-Length"]) if answer.headers.get("Content-Length", "").isdecimal() else None
        if not body:
            return Piece(b"", size, False, _said(answer))
        data = await _read(answer, WHOLE_BYTES + 1) if (size or 0) <= WHOLE_BYTES else b""
        if (not data and size != 0) or len(data) > WHOLE_BYTES:
            raise Unreadable(
                f"The server of {shown(remote)} sends files only whole, and this one is larger than"
                f" {WHOLE_BYTES // 1024**2} MB. Use a server that answers range requests, or copy the file here."
            )
        if size is not None and len(data) < size:
            raise Away(f"The server of {shown(remote)} broke off in the middle of the file. Try again later.")
        return Piece(data, len(data), False, _said(answer))


def _said(answer: aiohttp.ClientResponse) -> dict[str, str]:
    said = {name: answer.headers[name] for name in _SAID if name in answer.headers}
    if answer.status == 206:
        said.pop("Content-MD5", None)  # It is that of the range.
    return said


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes:
    data = bytearray()
    async for piece in answer.content.iter_chunked(256 * 1024):
        data += piece
        if len(data) >= most:
            break
    return bytes(data)


def _refuse(remote: Remote, status: int) -> None:
    name = shown(remote)
    if status in (404, 410):
        raise Inaccessible(f"{name} is not there (HTTP {status}). Check its address.")
    if status in (401, 403, 407):
        raise Inaccessible(
            f"{name} may not be read (HTTP {status}). Give the login of its server in ~/.netrc, or open it to all."
        )
    if is_transient_status(status):
        raise Away(f"The server of {name} is in trouble (HTTP {status}). Try again later.")
    if status not in (200, 206):
        raise Inaccessible(f"The server of {name} refuses (HTTP {status}). Check its address.")


# Index pages


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


async def _listing(folder: Remote) -> list[str]:
    files: set[str] = set()
    pages = [folder.at(folder.url if folder.is_folder else f"{folder.url}/")]
    seen = {pages[0].url}
    depth = len(pages[0].parts) + LISTING_DEPTH
    while pages:
        page = pages.pop()
        for link in await _links(page):
            if link.name.startswith(".") or link.url in seen:
                continue
            seen.add(link.url)
            if not link.is_folder:
                files.add(link.url)
            elif len(link.parts) < depth:
                pages.append(link)
        if len(seen) - len(files) > LISTING_PAGES:
            raise Inaccessible(f"{shown(folder)} holds more than {LISTING_PAGES} folders. Name those that are meant.")
    return sorted(files)


async def _links(page: Remote) -> list[Remote]:
    """The links of an index page that lead to what lies below it."""
    async with _session(page.roots).get(page.url, max_redirects=MOST_REDIRECTS) as answer:
        _refuse(page, answer.status)
        if answer.content_type != "text/html":
            return []
        text = (await _read(answer, PAGE_BYTES)).decode("utf-8", "replace")
        base = str(answer.url.with_query(None).with_fragment(None)).rpartition("/")[0] + "/"
    parser = _Links()
    parser.feed(text)
    found = []
    for href in parser.found:
        try:
            link = remote_of(urljoin(base, href))
        except (UsageError, ValueError):
            continue
        if link.url.startswith(base) and "?" not in link.url and link.url != base:
            found.append(page.at(link.url))
    return found


# The client

_sessions: dict[tuple[int, tuple[str, ...]], aiohttp.ClientSession] = {}


def _session(roots: tuple[str, ...]) -> aiohttp.ClientSession:
    """This process's client for those roots; a forked child makes its own."""
    key = (os.getpid(), roots)
    if key not in _sessions:
        _sessions[key] = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=PublicResolver(lambda host: names_host(host, roots)), limit=32, ttl_dns_cache=30
            ),
            timeout=TIMEOUT,
            middlewares=(_guard(roots),),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "dashplate"},
        )
    return _sessions[key]


def _close() -> None:
    for (pid, _), session in _sessions.items():
        if pid == os.getpid():
            with suppress(Exception):
                sync(get_loop(), session.close, timeout=1)


atexit.register(_close)

_Handler = Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]]


def _guard(roots: tuple[str, ...]) -> Callable[[aiohttp.ClientRequest, _Handler], Awaitable[aiohttp.ClientResponse]]:
    """What every request passes through, the redirected ones too: the check of its address, and its host's login."""

    async def guard(request: aiohttp.ClientRequest, handler: _Handler) -> aiohttp.ClientResponse:
        remote = Remote(str(request.url.with_fragment(None)))
        check_address(remote, roots)
        login = _login(remote.host or "")
        if login and (remote.scheme == "https" or names_host(remote.host or "", roots)):
            request.headers["Authorization"] = login
        return await handler(request)

    return guard


def _login(host: str) -> str | None:
    """What ~/.netrc holds for that very host, as a header; its `default` entry is for nobody."""
    try:
        known = netrc.netrc(os.environ.get("NETRC")).hosts.get(host)
    except (OSError, netrc.NetrcParseError):
        return None
    return aiohttp.encode_basic_auth(known[0], known[2] or "") if known else None


class PublicResolver(AbstractResolver):
    """Names to addresses. Raises `NotAllowed` for a private one of a host that `may_be_private` does not let pass.

    Numeric hosts do not come through here: `check_public` is asked for those before.
    """

    def __init__(self, may_be_private: Callable[[str], bool]) -> None:
        self._may_be_private = may_be_private
        self._inner = ThreadedResolver(loop=asyncio.get_running_loop())

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not self._may_be_private(host):
            check_public(host, host)
            if not all(is_public(ipaddress.ip_address(entry["host"].partition("%")[0])) for entry in found):
                raise private_address(host)
        return found

    async def close(self) -> None:
        await self._inner.close()
