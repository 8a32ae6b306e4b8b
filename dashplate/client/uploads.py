"""Sends a file to a service in pieces (tus 1.0.0, https://tus.io): a lost connection costs the piece on its way."""

from __future__ import annotations

import base64
import mimetypes
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeAlias
from urllib.parse import quote, unquote, urlsplit

from dashplate.client.connection import Connection, Patience, ServiceError
from pipeline.errors import DashplateError, Inaccessible

#: Hears how many bytes the service has, and of how many.
OnProgress: TypeAlias = Callable[[int, int], None]

_VERSION = {"Tus-Resumable": "1.0.0"}
#: Bytes of one request, after each of which progress is told; and bytes that are read from the disk at a time.
PIECE_BYTES, _READ_BYTES = 8 * 1024 * 1024, 256 * 1024
#: The service has another offset than we took it to have.
_CONFLICT = 409
#: It was never there, or has been removed.
_GONE = frozenset({404, 410})


@dataclass(slots=True)
class Upload:
    """One file on its way."""

    connection: Connection
    path: Path
    #: Hears of each piece.
    on_progress: OnProgress
    #: Of the service; given where an earlier upload of the same file goes on.
    id: str | None = None
    _size: int = 0
    _offset: int = 0
    _patience: Patience = field(default_factory=Patience)

    def send(self) -> str:
        """Send what the service does not have yet; returns the upload's id.

        Raises Inaccessible for a file that cannot be read, DashplateError for one that changes meanwhile, ServiceError
        with the id of what was begun where the service cannot be reached any more.
        """
        try:
            with self.path.open("rb") as file:
                before = os.fstat(file.fileno())
                self._size = before.st_size
                known = self.id
                self.id = known or self._created()
                self._offset = self._accepted() if known else 0
                self._send_all(file)
                self._check(before, os.fstat(file.fileno()))
        except OSError as error:
            raise Inaccessible(f"{self.path} cannot be read: {error.strerror}. Check the path and its disk.") from error
        except ServiceError as error:
            if self.id is None or error.status in _GONE:
                raise
            far = f"{self.path.name} is sent up to byte {self._offset} of {self._size}"
            sentence = f"{error} {far}; `upload(path, resume={self.id!r})` goes on from there."
            raise ServiceError(sentence, error.status, error.retry_after_s) from error
        return self.id

    def _check(self, before: os.stat_result, after: os.stat_result) -> None:
        """Raises DashplateError where the file is another than when it was opened: what was sent is some of both."""
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
            return
        # So that nobody submits it. What stays is removed by the service in time.
        with suppress(ServiceError):
            self.connection.answer("DELETE", self._at, headers=_VERSION)
        raise DashplateError(f"{self.path} changed while it was sent. Upload it once it is finished.")

    def _created(self) -> str:
        kind = mimetypes.guess_type(self.path.name)[0] or "application/octet-stream"
        # Names that are no UTF-8 are sent as Python spells them.
        about = {"filename": self.path.name.encode(errors="backslashreplace"), "filetype": kind.encode()}
        metadata = ",".join(f"{name} {base64.b64encode(value).decode()}" for name, value in about.items())
        headers = {**_VERSION, "Upload-Length": str(self._size), "Upload-Metadata": metadata}
        # Made twice, one of them stays empty, and the service removes it in time.
        answer = self.connection.answer("POST", "/v1/uploads", headers=headers, again=True)
        # Its name alone: behind a proxy the rest may be an address that only the service knows.
        made = unquote(PurePosixPath(urlsplit(answer.headers.get("location", "")).path).name)
        if not made:
            raise ServiceError(f"What answers at {self.connection.url} takes no uploads.", answer.status_code)
        return made

    def _accepted(self) -> int:
        """How many bytes the service has."""
        try:
            answer = self.connection.answer("HEAD", self._at, headers=_VERSION)
        except ServiceError as error:
            if error.status not in _GONE:
                raise
            # An answer to HEAD has no sentence of its own.
            sentence = f"The service has no upload {self.id} any more. Upload {self.path} anew."
            raise ServiceError(sentence, error.status) from error
        offset, length = (answer.headers.get(f"upload-{name}", "") for name in ("offset", "length"))
        if not offset.isdecimal() or (length.isdecimal() and int(length) != self._size) or int(offset) > self._size:
            raise DashplateError(f"{self.path} is not the file that upload {self.id} was begun with. Upload it anew.")
        return int(offset)

    def _send_all(self, file: BinaryIO) -> None:
        self.on_progress(self._offset, self._size)
        while self._offset < self._size:
            try:
                self._send_piece(file)
            except ServiceError as error:
                if error.status != _CONFLICT:
                    self._patience.wait(error)
                self._take_up()
                continue
            self._patience.succeeded()
            self.on_progress(self._offset, self._size)

    def _take_up(self) -> None:
        """Go on with what the service has; a piece that it had in part is a success."""
        before, self._offset = self._offset, self._accepted()
        if self._offset != before:
            self._patience.succeeded()

    def _send_piece(self, file: BinaryIO) -> None:
        size = min(PIECE_BYTES, self._size - self._offset)
        headers = {
            **_VERSION,
            "Upload-Offset": str(self._offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(size),
        }
        file.seek(self._offset)
        answer = self.connection.answer("PATCH", self._at, headers=headers, content=self._read(file, size))
        now = answer.headers.get("upload-offset", "")
        self._offset = int(now) if now.isdecimal() else self._accepted()

    def _read(self, file: BinaryIO, size: int) -> Iterator[bytes]:
        while size:
            piece = file.read(min(size, _READ_BYTES))
            if not piece:
                raise DashplateError(f"{self.path} became shorter while it was sent. Upload it once it is finished.")
            size -= len(piece)
            yield piece

    @property
    def _at(self) -> str:
        assert self.id is not None
        return f"/v1/uploads/{quote(self.id, safe='')}"
