"""The file that an upload's bytes are gathered in. Its size is the offset: there is no second record to differ from.

One writer at a time holds it by a lock of the system on the file itself, which ends with the writer, however that ends.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from pathlib import Path
from threading import Lock

from pipeline.errors import DashplateError

_OWNERS = 0o600


class Busy(DashplateError):
    """Another call writes to the file, or has just moved or removed it."""


class Part:
    """The file, open and locked."""

    def __init__(self, path: Path) -> None:
        """Raises Busy, OSError."""
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(path, flags, _OWNERS)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.stat(path), os.fstat(self._file)):
                raise Busy("The file was replaced.")
        except (BlockingIOError, FileNotFoundError) as error:
            os.close(self._file)
            raise Busy("The file is in use.") from error
        except BaseException:
            os.close(self._file)
            raise
        self._hash = hashlib.sha256()
        #: A call that is given up may close it while a thread still writes for it.
        self._using = Lock()

    @property
    def size(self) -> int:
        return os.fstat(self._file).st_size

    def append(self, data: bytes, *, hashed: bool) -> None:
        """Write at the end. Raises OSError, with the beginning of the data written perhaps."""
        left = memoryview(data)
        with self._using:
            if hashed:
                self._hash.update(data)
            while left:
                left = left[os.write(self._file, left) :]

    @property
    def digest(self) -> bytes:
        """The SHA-256 of what was appended since this was opened."""
        return self._hash.digest()

    def cut(self, size: int) -> None:
        """Leave so many bytes of it."""
        with self._using:
            os.ftruncate(self._file, min(size, self.size))

    def settle(self) -> None:
        """Let what was written outlive a power cut. Raises OSError where that is not sure."""
        with self._using:
            os.fsync(self._file)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        except OSError as error:
            # Some network shares know no such thing for folders.
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(folder)

    def close(self) -> None:
        """Let others write. Whoever still uses this gets OSError."""
        with self._using:
            if self._file >= 0:
                os.close(self._file)
            self._file = -1


def size_of(path: Path) -> int:
    """How many bytes are there; 0 where there is no file."""
    try:
        return os.stat(path, follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0
