"""Pictures, clips and exports of a service: as bytes, or saved without being held in memory."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dashplate.client.connection import Connection, patiently
from pipeline.errors import DashplateError

#: Bytes of a file that are held while it is saved.
_PIECE = 1024 * 1024


class Download:
    """Something that the service has: asked for when it is read or saved, each time anew."""

    def __init__(
        self, connection: Connection, path: str, asked: Mapping[str, str], patience_s: float | None = None
    ) -> None:
        """`patience_s`: how long it may take to the first byte, where that is longer than for other calls."""
        self._connection = connection
        self._path = path
        self._sent: dict[str, Any] = {"params": dict(asked)}
        if patience_s is not None:
            self._sent["timeout"] = patience_s

    def __repr__(self) -> str:
        return f"Download({self._path!r})"

    def read(self) -> bytes:
        """All of it. Raises ServiceError."""
        return self._connection.answer("GET", self._path, **self._sent).content

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file, which is there only once it is whole; returns its path.

        Raises ServiceError, and DashplateError where the file cannot be written.
        """
        target = Path(path)
        # Another thread may save the same.
        draft = target.with_name(f".{secrets.token_hex(8)}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            patiently(lambda: self._write(draft))
            draft.replace(target)
        except OSError as error:
            raise DashplateError(f"{target} could not be written: {error.strerror}.") from error
        finally:
            draft.unlink(missing_ok=True)
        return target

    def _write(self, draft: Path) -> None:
        with (
            self._connection.stream("GET", self._path, **self._sent) as answer,
            draft.open("wb") as file,
        ):
            for piece in answer.iter_bytes(_PIECE):
                file.write(piece)
