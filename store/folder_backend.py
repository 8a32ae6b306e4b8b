"""The store as a folder that every machine sees.

A file is written under a draft's name, brought to the disk and then renamed: its own name holds all of it or nothing.
Renames are as durable as the folder that they happen in, so that is brought to the disk too, once for all files of a
segment. A draft that a killed writer leaves behind is listed once it is old enough to be nobody's.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from pipeline.errors import DashplateError
from store.backend import FileInfo, Listing
from store.errors import MissingFile, is_missing, unavailable
from store.names import draft_beside, is_draft, ours

#: A store that Dashplate makes is its owner's alone. What is written into one is as open as its outermost folder is:
#: whoever gives that to several users means all of it.
_PRIVATE = 0o700
#: Of a folder's permissions, those that its files have too; and those that folders in it have, with its group.
_OF_FILES, _OF_FOLDERS = 0o666, 0o2777
_OWNERS = 0o600
#: A draft older than this belongs to no living writer.
DRAFT_AGE_S = 3600.0


class Folder:
    """A place in the file system; see `store.backend.Backend`."""

    #: One after the other: what a local disk gains from more is less than threads cost.
    writers = 1

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, data: bytes) -> None:
        path = self._path(name)
        draft = os.path.join(os.path.dirname(path), draft_beside(""))
        try:
            with open(self._created(draft), "wb", buffering=0) as file:
                # One call may write less than all.
                left = memoryview(data)
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), self._file_mode())
            os.replace(draft, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(draft)
            raise

    def take(self, name: str, file: Path) -> None:
        os.chmod(file, self._file_mode())
        os.replace(file, self._path(name))

    def own_path(self, name: str, *, make: bool) -> Path | None:
        path = self._path(name)
        if make:
            self._make_folder(os.path.dirname(path))
        return Path(path)

    def settle(self, names: Collection[str]) -> None:
        for folder in {name.rpartition("/")[0] for name in names}:
            _sync_folder(self._path(folder) if folder else os.path.realpath(self._root))

    def read(self, name: str) -> bytes:
        try:
            with open(self._path(name), "rb") as file:
                return file.read()
        except OSError as error:
            if not is_missing(error):
                raise
            if not self._root.is_dir():
                raise unavailable(str(self._root), "the folder is not there") from error
            raise MissingFile(f"{name} is not in the result store.") from error

    def remove(self, name: str) -> None:
        path = self._path(name.removesuffix("/"))
        with suppress(FileNotFoundError, NotADirectoryError):
            if name.endswith("/"):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        self._remove_empty(os.path.dirname(path))

    def _remove_empty(self, folder: str) -> None:
        """Remove folders that hold nothing any more, up to the root. A writer makes them again."""
        root = os.path.realpath(self._root)
        with suppress(OSError):
            while folder != root:
                os.rmdir(folder)
                folder = os.path.dirname(folder)

    def listing(self, folder: str) -> Listing:
        folders: list[str] = []
        files: list[FileInfo] = []
        path = self._path(folder.removesuffix("/")) if folder else str(self._root)
        now = time.time()
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if not ours(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{folder}{entry.name}/")
                elif entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        age_s = now - status.st_mtime
                        if not is_draft(entry.name) or age_s > DRAFT_AGE_S:
                            files.append(FileInfo(folder + entry.name, status.st_size, age_s))
        return Listing(tuple(folders), tuple(files))

    def room_bytes(self) -> int | None:
        folder = self._root.absolute()
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        status = os.statvfs(folder)
        # Crops are many small files, which may use up the file system's entries before its bytes.
        if status.f_files and not status.f_favail:
            return 0
        return status.f_bavail * status.f_frsize

    def location(self, name: str) -> str:
        return str(self._root / name)

    def _path(self, name: str) -> str:
        """The file behind a name; raises DashplateError where a symbolic link leads out of the store."""
        root = os.path.realpath(self._root)
        path = os.path.realpath(os.path.join(root, name))
        if not path.startswith(root.rstrip("/") + "/"):
            raise DashplateError(f"{name!r} does not lie in the result store.")
        return path

    def _created(self, path: str) -> int:
        """A new file, open for writing; folders that lead to it are made."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            return os.open(path, flags, _OWNERS)
        except FileNotFoundError:
            self._make_folder(os.path.dirname(path))
            return os.open(path, flags, _OWNERS)

    def _make_folder(self, folder: str) -> None:
        """Make a folder and those above it, each durable."""
        if os.path.isdir(folder):
            return
        above = os.path.dirname(folder)
        self._make_folder(above)
        with suppress(FileExistsError):
            os.mkdir(folder, _PRIVATE)
            os.chmod(folder, self._folder_mode(folder))
        _sync_folder(above)

    def _file_mode(self) -> int:
        return os.stat(self._root).st_mode & _OF_FILES | _OWNERS

    def _folder_mode(self, folder: str) -> int:
        root = os.path.realpath(self._root)
        return os.stat(root).st_mode & _OF_FOLDERS if folder.startswith(root + "/") else _PRIVATE


def _sync_folder(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network shares know no such thing for folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)
