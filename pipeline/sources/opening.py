"""The one place where a path becomes an open file, so that what was checked is what is read.

Whoever may write to a share can put a link in the place of a file or a folder, after its path was checked and before it
is opened. So a path that was checked is opened folder by folder, and no link is followed on the way. A library that
wants a name is given one that leads to the open file.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import Inaccessible
from pipeline.sources.source import Checked, shown

#: How a folder on the way is opened: not to be read, which its rights may not allow.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Where Linux keeps the names of this process's open files.
_OPEN_FILES = "/proc/self/fd"


def open_path(path: Path) -> BinaryIO:
    """The bytes of a regular file, seekable; links are followed only where the path was not checked.

    Raises OSError or ValueError, and `Inaccessible` for a checked path that leads through a link by now.
    """
    file = open(path, "rb", opener=_unfollowed if isinstance(path, Checked) else _followed)  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return file


def by_name(file: BinaryIO) -> str | BinaryIO:
    """A name that leads to this very open file for as long as it is open; the file itself where there are none."""
    return f"{_OPEN_FILES}/{file.fileno()}" if os.path.isdir(_OPEN_FILES) else file


def _followed(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # A pipe would be waited on for ever.


def _unfollowed(path: str, flags: int) -> int:
    first, *parts = Path(path).parts
    folder = os.open(first, _FOLDER)
    try:
        for part in parts[:-1]:
            inner = _opened(path, part, _FOLDER, folder)
            os.close(folder)
            folder = inner
        return _opened(path, parts[-1] if parts else first, flags | os.O_NOFOLLOW | os.O_NONBLOCK, folder)
    finally:
        os.close(folder)


def _opened(path: str, part: str, flags: int, folder: int) -> int:
    try:
        return os.open(part, flags, dir_fd=folder)
    except OSError as problem:
        if problem.errno in (errno.ELOOP, errno.ENOTDIR) and _is_link(part, folder):
            raise Inaccessible(
                f"{shown(Path(path))} leads through a link that was not there when it was checked, and is not opened."
                " Submit it again once nobody changes its folder."
            ) from problem
        problem.filename = path
        raise


def _is_link(part: str, folder: int) -> bool:
    return stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode)
