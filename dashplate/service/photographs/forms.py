"""Takes pictures out of requests, as forms or plain bodies: bounded before they are decoded, large ones on the disk."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import re
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO

from fastapi import Request
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from dashplate.service.errors import Refused, too_many
from dashplate.service.photographs.reader import PhotoReader, QueueFull
from pipeline.sources.roots import PUBLIC, check_allowed
from pipeline.sources.source import WEB, Remote, Source, is_url, source_of
from pipeline.video.container import open_source

#: Bytes of the largest picture that is taken, and of a request with one: a form may hold it as base64.
MOST_PICTURE_BYTES, MOST_BODY_BYTES = 50_000_000, 70_000_000
#: A picture that is larger waits on the disk for its turn, written in pieces as large: each takes a thread, and a cost.
_IN_MEMORY_BYTES = 1_000_000
#: A client that takes longer to send its picture holds a place that others wait for.
_LONGEST_BODY_S = 60.0
_CHARSET = re.compile(r";\s*charset=[^;]*", re.IGNORECASE)
_FIELDS, MOST_TEXT = 32, 64_000
#: Addresses that are fetched at a time, each within so many seconds: they hold places that others wait for.
_FETCHERS, _LONGEST_FETCH_S = 4, 30.0
_fetching = asyncio.Semaphore(_FETCHERS)
_fetchers = ThreadPoolExecutor(_FETCHERS, thread_name_prefix="fetch")


class _Parser(MultiPartParser):
    spool_max_size = _IN_MEMORY_BYTES


@dataclass(frozen=True, slots=True)
class Spooled:
    """A picture that waits: in memory while it is small, else on the disk."""

    file: IO[bytes]
    size: int

    @classmethod
    def of(cls, file: IO[bytes]) -> Spooled:
        """Raises Refused for one that is too large."""
        size = file.seek(0, os.SEEK_END)
        if size > MOST_PICTURE_BYTES:
            raise Refused(413, f"Pictures of at most {MOST_PICTURE_BYTES // 10**6} MB are read.")
        return cls(file, size)

    def read(self) -> bytes:
        self.file.seek(0)
        return self.file.read()


@dataclass(slots=True)
class Form:
    """What a request holds."""

    #: Text fields; of several of one name, all.
    fields: dict[str, list[str]] = field(default_factory=dict)
    #: The picture's name; and the picture, None where the request holds none.
    name: str = "picture"
    picture: Spooled | None = None
    #: To be closed.
    opened: list[IO[bytes]] = field(default_factory=list)

    def text(self, name: str, default: str = "") -> str:
        """The last value of a field."""
        return self.fields.get(name, [default])[-1]

    def spool(self) -> IO[bytes]:
        """A file for a picture."""
        file = SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115  Closed by `admitted`.
        self.opened.append(file)
        return file


@asynccontextmanager
async def admitted(request: Request, reader: PhotoReader, name: str) -> AsyncIterator[Form]:
    """A place in the reader's queue while the block runs, and what the request holds; its picture stands in `name`.

    Raises Refused: 429 where no place is left, 400, 408, 413, 415 and 422 for what cannot be taken.
    """
    form = Form()
    with ExitStack() as held:
        try:
            held.enter_context(reader.place())
        except QueueFull:
            # Read to its end, within bounds: a client that is still sending would hear a cut and not the answer.
            async with _in_time():
                async for _ in request.stream():
                    pass
            raise too_many("As many photographs wait as may. Try again in a second.") from None
        try:
            async with _in_time():
                await _fill(form, request, name)
            yield form
        finally:
            for file in form.opened:
                file.close()


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_LONGEST_BODY_S):
            yield
    except TimeoutError:
        raise Refused(408, f"The picture did not arrive within {_LONGEST_BODY_S:.0f} s.") from None


async def fetch(form: Form, url: str, roots: Sequence[Source]) -> None:
    """Put the picture behind a web address into the form. Raises Refused, and Inaccessible as `check_allowed` does."""
    source = source_of(url) if is_url(url) else None
    if not isinstance(source, Remote) or source.scheme not in WEB:
        raise Refused(422, "`upload_url` is an http:// or https:// address.")
    allowed = check_allowed(source, roots or (PUBLIC,))
    file = form.spool()
    try:
        async with _fetching, asyncio.timeout(_LONGEST_FETCH_S):
            await asyncio.get_running_loop().run_in_executor(_fetchers, _copy, allowed, file)
    except TimeoutError:
        raise Refused(422, f"`upload_url` did not answer within {_LONGEST_FETCH_S:.0f} s.") from None
    form.name, form.picture = source.name, Spooled.of(file)


def _copy(source: Source, file: IO[bytes]) -> None:
    with open_source(source) as remote:
        if remote.seek(0, os.SEEK_END) > MOST_PICTURE_BYTES:
            raise Refused(413, f"Pictures of at most {MOST_PICTURE_BYTES // 10**6} MB are read.")
        remote.seek(0)
        shutil.copyfileobj(remote, file)


async def _fill(form: Form, request: Request, name: str) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        # A charset in the header would choose how bytes become text; forms are UTF-8.
        headers = Headers({"content-type": _CHARSET.sub("", request.headers["content-type"])})
        # One field may be a picture in base64.
        parser = _Parser(headers, _pieces(request), max_files=4, max_fields=_FIELDS, max_part_size=MOST_BODY_BYTES)
        await _parse(form, parser, name)
    elif kind == "application/x-www-form-urlencoded":
        fields = FormParser(request.headers, request.stream(), max_fields=_FIELDS, max_part_size=MOST_BODY_BYTES)
        await _parse(form, fields, name)
    elif kind.startswith("image/") or kind == "application/octet-stream":
        file = form.spool()
        async for piece in _pieces(request):
            await asyncio.to_thread(file.write, piece)
        form.picture = Spooled.of(file)
    else:
        raise Refused(415, "Send a form (multipart/form-data) or the picture itself (image/jpeg and the like).")


async def _parse(form: Form, parser: MultiPartParser | FormParser, name: str) -> None:
    try:
        await _take(form, await parser.parse(), name)
    except (MultiPartException, UnicodeError) as error:
        raise Refused(400, "The form cannot be read.") from error


async def _pieces(request: Request) -> AsyncGenerator[bytes, None]:
    """The body as it comes, gathered."""
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) >= _IN_MEMORY_BYTES:
            yield bytes(held)
            held.clear()
    yield bytes(held)


async def _take(form: Form, parsed: FormData, name: str) -> None:
    for key, value in parsed.multi_items():
        if isinstance(value, UploadFile):
            form.opened.append(value.file)
            if key == name:
                form.name, form.picture = _printable(value.filename or name), Spooled.of(value.file)
        elif key == name and value.strip():
            form.name, form.picture = name, await asyncio.to_thread(_from_base64, form, value, name)
        elif len(value) > MOST_TEXT:
            raise Refused(422, f"The form field `{_printable(key)[:50]}` is too long.")
        else:
            form.fields.setdefault(key, []).append(_printable(value))


def _from_base64(form: Form, text: str, name: str) -> Spooled:
    # Browsers write `data:image/jpeg;base64,` in front; some encoders break lines, some forms turn + into a blank.
    data = "".join(text.rpartition(",")[2].strip().replace(" ", "+").split())
    file = form.spool()
    try:
        file.write(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError) as error:
        raise Refused(422, f"The form field `{name}` is neither a file nor base64.") from error
    return Spooled.of(file)


def _printable(text: str) -> str:
    """What JSON can carry."""
    return text.encode(errors="replace").decode()
