"""Where an export of several files goes: a folder, or a ZIP."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from output.files import whole_file
from pipeline.errors import DashplateError, UsageError

#: What is compressed already.
_PICTURES = (".jpg", ".png")
#: Of every entry, so that the same rows give the same bytes.
_WHEN = (1980, 1, 1, 0, 0, 0)


class Place(Protocol):
    """Takes files by name; parts of a name are divided by `/`."""

    def put(self, name: str, data: bytes) -> None: ...


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: str, data: bytes) -> None:
        file = self._root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


class Archive:
    """A ZIP that is written to a file."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive

    def put(self, name: str, data: bytes) -> None:
        kind = ZIP_STORED if name.endswith(_PICTURES) else ZIP_DEFLATED
        self._archive.writestr(ZipInfo(name, _WHEN), data, kind)


@contextmanager
def archive(file: IO[bytes]) -> Iterator[Place]:
    """A ZIP in an open file."""
    with ZipFile(file, "w") as opened:
        yield Archive(opened)


@contextmanager
def place(out: Path) -> Iterator[Place]:
    """A folder, or a ZIP where the name says so; it is there only once it is whole.

    Raises UsageError for a folder that is there and holds something, DashplateError where nothing can be written.
    """
    if out.suffix.lower() == ".zip":
        with whole_file(out) as file, archive(file) as made:
            yield made
        return
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UsageError(f"{out} is there already; name a new folder, or a .zip.")
        target = Path(os.path.abspath(out))
        draft = target.with_name(f".{os.getpid()}-{secrets.token_hex(4)}.part")
        draft.mkdir(parents=True)
        try:
            yield _Folder(draft)
            draft.replace(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise DashplateError(f"{out} could not be written: {error.strerror}.") from error
