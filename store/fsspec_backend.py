"""The store behind a URL that fsspec knows: `s3://bucket/prefix`, `gs://…`, `sftp://host/…`.

Where the far side is an object store, a file is one put, which is there whole or not at all. Elsewhere it is written as
a draft and moved; that is atomic where the far side renames. Credentials and endpoints come from the environment, as
each library reads them (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `FSSPEC_SFTP_USERNAME`), never from the URL.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import time
from collections.abc import Collection
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec
from fsspec.config import conf
from fsspec.utils import get_protocol

from pipeline.errors import MissingDependency, UsageError
from store.backend import FileInfo, Listing
from store.errors import MissingFile, is_missing
from store.folder_backend import DRAFT_AGE_S
from store.names import draft_beside, is_draft, ours

#: Protocols whose far side puts an object whole or not at all.
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "memory"})
_S3 = frozenset({"s3", "s3a"})
#: Seconds. Retries are ours (`errors.retrying`), so an S3 client must give up soon, and once.
_S3_LIMITS: dict[str, Any] = {"connect_timeout": 5, "read_timeout": 30, "retries": {"total_max_attempts": 1}}
#: Puts in flight at a time: one takes 10 to 50 ms, nearly all of it waiting.
_WRITERS = 8
#: Folders of fewer parts (kind, job) are listed one by one, so that no listing holds more than one video's files.
_VIDEO_PARTS = 3
#: A large file is sent in pieces, each of which is held in memory: S3 takes 10,000 of them, of 5 MB or more.
_PIECE_BYTES, _COPIED_BYTES = 16 * 2**20, 2**20


class Remote:
    """A place behind a URL; see `store.backend.Backend`. Raises UsageError or MissingDependency for a wrong one."""

    def __init__(self, url: str) -> None:
        if any(urlsplit(part).password for part in url.split("::")):
            raise UsageError("The result store's URL holds a password. Give credentials in the environment instead.")
        self._url = url.rstrip("/")
        self._protocol = get_protocol(url)
        try:
            kind = fsspec.get_filesystem_class(self._protocol)
        except ImportError as error:
            raise MissingDependency(f"A result store at {self._url} needs a library more: {error}") from error
        except ValueError as error:
            raise UsageError(f"A result store cannot lie at {self._url}: {error}.") from error
        # Only asynchronous file systems are safe to use from several threads.
        self.writers = _WRITERS if kind.async_impl else 1

    def write(self, name: str, data: bytes) -> None:
        path = self._path(name)
        if self._protocol in _OBJECT_STORES:
            self._fs.pipe_file(path, data)
            return
        draft = draft_beside(path)
        try:
            self._pipe(draft, data)
            self._fs.mv(draft, path)
        except BaseException:
            with suppress(Exception):
                self._fs.rm_file(draft)
            raise

    def take(self, name: str, file: Path) -> None:
        path = self._path(name)
        place = path if self._protocol in _OBJECT_STORES else draft_beside(path)
        if self._protocol not in _OBJECT_STORES:
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        try:
            with file.open("rb") as source, self._fs.open(place, "wb", block_size=_PIECE_BYTES) as target:
                shutil.copyfileobj(source, target, _COPIED_BYTES)
            if place != path:
                self._fs.mv(place, path)
        except BaseException:
            # Closing what broke off may have made an object of the beginning.
            with suppress(Exception):
                self._fs.rm_file(place)
            raise

    def own_path(self, name: str, *, make: bool) -> Path | None:
        return None

    def _pipe(self, path: str, data: bytes) -> None:
        try:
            self._fs.pipe_file(path, data)
        except FileNotFoundError:
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._fs.pipe_file(path, data)

    def settle(self, names: Collection[str]) -> None:
        """What the far side took, it keeps."""

    def read(self, name: str) -> bytes:
        try:
            return bytes(self._fs.cat_file(self._path(name)))
        except OSError as error:
            if not is_missing(error):
                raise
            raise MissingFile(f"{name} is not in the result store.") from error

    def remove(self, name: str) -> None:
        path = self._path(name.removesuffix("/"))
        self._fs.invalidate_cache()
        with suppress(FileNotFoundError):
            if name.endswith("/"):
                self._fs.rm(path, recursive=True)
            else:
                self._fs.rm_file(path)

    def listing(self, folder: str) -> Listing:
        path = self._path(folder.removesuffix("/"))
        found: list[dict[str, Any]] = []
        self._fs.invalidate_cache()
        with suppress(FileNotFoundError):
            if folder.count("/") < _VIDEO_PARTS:
                found = self._fs.ls(path, detail=True)
            else:
                found = list(self._fs.find(path, detail=True).values())
        folders: list[str] = []
        files: list[FileInfo] = []
        for info in sorted(found, key=lambda info: str(info["name"])):
            name = self._name(str(info["name"]))
            if not ours(name) or not f"{name}/".startswith(folder):
                continue
            if info["type"] == "directory":
                folders.append(f"{name}/")
            elif (file := FileInfo(name, int(info["size"] or 0), _age_s(info))) and not _young_draft(file):
                files.append(file)
        return Listing(tuple(folders), tuple(files))

    def room_bytes(self) -> int | None:
        return None

    def location(self, name: str) -> str:
        return f"{self._url}/{name}"

    @property
    def _fs(self) -> Any:
        return _opened(self._url, os.getpid())[0]

    def _path(self, name: str) -> str:
        root = _opened(self._url, os.getpid())[1]
        return f"{root}/{name}" if name else root

    def _name(self, path: str) -> str:
        return path.rstrip("/").removeprefix(self._path("")).lstrip("/")


@lru_cache(maxsize=8)
def _opened(url: str, pid: int) -> tuple[Any, str]:
    """The file system and the root in it. By process, because connections do not survive a fork."""
    protocol = get_protocol(url)
    options: dict[str, Any] = {}
    if protocol in _S3:
        theirs = conf.get("s3", {}).get("config_kwargs", {})
        # Not the instance that others in this process may share: this one gives up soon.
        options = {"config_kwargs": _S3_LIMITS | theirs, "use_listings_cache": False, "skip_instance_cache": True}
    filesystem, root = fsspec.url_to_fs(url, **options)
    if protocol in _S3:
        filesystem.retries = 1
    return filesystem, root.rstrip("/")


def _age_s(info: dict[str, Any]) -> float | None:
    written = info.get("LastModified") or info.get("mtime") or info.get("created")
    if isinstance(written, dt.datetime):
        written = written.timestamp() if written.tzinfo else written.replace(tzinfo=dt.UTC).timestamp()
    return time.time() - written if isinstance(written, int | float) else None


def _young_draft(file: FileInfo) -> bool:
    return is_draft(file.name) and (file.age_s is None or file.age_s <= DRAFT_AGE_S)
