"""Takes pictures out of requests, as forms or plain bodies: bounded before they are decoded, large ones on the disk."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from dashplate.service.errors import Refused, too_many
from dashplate.service.photo_reader import PhotoReader, QueueFull
from pipeline.sources.roots import PUBLIC, check_allowed
from pipeline.sources.source import Source, is_url, source_of
from pipeline.video.container import open_source

#: Bytes of the largest picture that is taken, and of a request with one: a form may hold it as base64.
MOST_PICTURE_BYTES, MOST_BODY_BYTES = 50_000_000, 70_000_000
#: A picture that is larger waits on the disk for its turn.
_IN_MEMORY_BYTES = 64_000
#: A client that takes longer to send its picture holds a place that others wait for.
_LONGEST_BODY_S = 60.0
_FIELDS = 32


class _Parser(MultiPartParser):
    spool_max_size = _IN_MEMORY_BYTES


@dataclass(frozen=True, slots=True)
class Form:
    """What a request holds."""

    #: Text fields; of several of one name, all.
    fields: dict[str, list[str]]
    #: The picture's name and bytes; None where the request holds none.
    name: str | None = None
    picture: Callable[[], bytes] | None = None

    def text(self, field: str, default: str = "") -> str:
        """The last value of a field."""
        return self.fields.get(field, [default])[-1]

    def required_picture(self, field: str) -> tuple[str, Callable[[], bytes]]:
        """Name and bytes. Raises Refused where there is no picture."""
        if self.picture is None:
            raise Refused(422, f"Send a picture in the form field `{field}`.")
        return self.name or field, self.picture


@asynccontextmanager
async def admitted(request: Request, reader: PhotoReader, field: str) -> AsyncIterator[Form]:
    """A place in the reader's queue while the block runs, and what the request holds; its picture stands in `field`.

    Raises Refused: 429 where no place is left, 413 and 422 for what is too large or no form.
    """
    try:
        with reader.place():
            async with asyncio.timeout(_LONGEST_BODY_S):
                form, opened = await _form(request, field)
            try:
                yield form
            finally:
                for file in opened:
                    file.close()
    except QueueFull:
        # Read to its end, within bounds: a client that is still sending would hear a cut and not the answer.
        async with asyncio.timeout(_LONGEST_BODY_S):
            async for _ in _bounded(request):
                pass
        raise too_many("As many photographs wait as may. Try again in a second.") from None
    except TimeoutError:
        raise Refused(408, f"The picture did not arrive within {_LONGEST_BODY_S:.0f} s.") from None


async def fetched(url: str, roots: Sequence[Source]) -> Form:
    """The picture behind an address that a caller names. Raises Refused, and Inaccessible as `check_allowed` does."""
    if not is_url(url):
        raise Refused(422, "`upload_url` is no address.")
    source = check_allowed(source_of(url), roots or (PUBLIC,))
    data = await asyncio.to_thread(_whole, source)
    return Form({}, source.name, lambda: data)


def _whole(source: Source) -> bytes:
    with open_source(source) as file:
        if file.seek(0, os.SEEK_END) > MOST_PICTURE_BYTES:
            raise Refused(413, f"Pictures of at most {MOST_PICTURE_BYTES // 10**6} MB are read.")
        file.seek(0)
        return file.read()


async def _form(request: Request, field: str) -> tuple[Form, Sequence[IO[bytes]]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _parts(request, field)
    if kind.startswith("image/") or kind == "application/octet-stream":
        file = SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115  Closed by `admitted`.
        async for chunk in _bounded(request):
            await asyncio.to_thread(file.write, chunk)
        return Form({}, "picture", _bytes_of(file)), [file]
    raise Refused(415, "Send a form (multipart/form-data) or the picture itself (image/jpeg and the like).")


async def _parts(request: Request, field: str) -> tuple[Form, Sequence[IO[bytes]]]:
    parser = _Parser(request.headers, _bounded(request), max_files=4, max_fields=_FIELDS, max_part_size=MOST_BODY_BYTES)
    try:
        parsed = await parser.parse()
    except MultiPartException as error:
        raise Refused(422, f"The form cannot be read: {error.message}") from error
    fields: dict[str, list[str]] = {}
    files: dict[str, UploadFile] = {}
    for name, value in parsed.multi_items():
        if isinstance(value, str):
            fields.setdefault(name, []).append(value)
        else:
            files[name] = value
    opened = [file.file for file in files.values()]
    if field in files:
        return Form(fields, files[field].filename, _bytes_of(files[field].file)), opened
    if field in fields:
        data = _from_base64(fields.pop(field)[-1], field)
        return Form(fields, field, lambda: data), opened
    return Form(fields), opened


def _bytes_of(file: IO[bytes]) -> Callable[[], bytes]:
    def read() -> bytes:
        file.seek(0)
        return file.read()

    return read


def _from_base64(text: str, field: str) -> bytes:
    # Browsers write `data:image/jpeg;base64,` in front.
    _, _, data = text.rpartition(",")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(422, f"The form field `{field}` is neither a file nor base64.") from error


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    announced = request.headers.get("content-length", "")
    received = int(announced) if announced.isdigit() else 0
    if received <= MOST_BODY_BYTES:
        received = 0
        async for chunk in request.stream():
            received += len(chunk)
            if received > MOST_BODY_BYTES:
                break
            yield chunk
    if received > MOST_BODY_BYTES:
        raise Refused(413, f"Pictures of at most {MOST_PICTURE_BYTES // 10**6} MB are read.", {"Connection": "close"})
