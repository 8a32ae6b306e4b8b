"""Tells a file that cannot be reached now (a share, a disk) from one that is gone or refused."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import TypeGuard

from pipeline.errors import Away, Inaccessible
from pipeline.sources.opening import open_path
from pipeline.sources.source import Source, shown

#: What the system says of a file whose share, server or disk does not answer; some systems do not know them all.
_SAID = frozenset(
    number
    for name in (
        "EIO", "ESTALE", "ENODEV", "ENOMEDIUM", "EREMOTEIO", "ENONET", "ENOTCONN", "ESHUTDOWN", "ETIMEDOUT",
        "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "ENETRESET", "ECONNABORTED", "ECONNREFUSED",
        "ECONNRESET",
    )
    if (number := getattr(errno, name, None)) is not None
)  # fmt: skip
#: Transient HTTP statuses below 500: request timeout, too early, too many requests.
_TRANSIENT_STATUSES = frozenset({408, 425, 429})
#: Bytes of a file's beginning that are asked of the disk itself.
_HEAD_BYTES = 4096
#: Seconds within which whatever holds a file answers, an old card or a sleeping disk aside.
_PROMPT_S = 1.0


def says_away(problem: Exception) -> TypeGuard[OSError]:
    """Whether an error of the system means that what was asked for does not answer."""
    return isinstance(problem, OSError) and problem.errno in _SAID


def is_transient_status(status: int) -> bool:
    """Whether an HTTP status speaks of the server and not of the file: a later attempt may succeed."""
    return status in _TRANSIENT_STATUSES or status >= 500


def check_answers(source: Source, problem: Exception) -> None:
    """Raises `Away` where that is what the system's `problem` with a file means."""
    if says_away(problem):
        raise Away(
            f"{shown(source)} cannot be read now ({os.strerror(problem.errno or 0)})."
            " Check that its disk, share or server is connected."
        ) from problem


def check_reads(source: Source, problem: Exception | None = None) -> None:
    """Raises `Away` where a file of this machine that seems damaged cannot be read at all now; else it is the file.

    Raises `Inaccessible` where it is not there any more.

    `problem` is what the demuxer raised. It also says EIO of damaged files, and it takes what it cannot read for the
    end or for damage; so the file's beginning is read anew, past what the system remembers of it.
    """
    if not isinstance(source, Path):
        return  # What reads it raises by itself.
    if isinstance(problem, OSError) and problem.errno != errno.EIO:
        check_answers(source, problem)
    began = time.monotonic()
    try:
        with open_path(source) as file:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, _HEAD_BYTES, os.POSIX_FADV_DONTNEED)
            os.pread(file.fileno(), _HEAD_BYTES, 0)
    except (FileNotFoundError, NotADirectoryError) as error:
        # Opening it again will tell whether its share went, or the file alone.
        raise Inaccessible(f"{shown(source)} went away while it was read.") from error
    except OSError as error:
        check_answers(source, error)
    if isinstance(problem, OSError) and time.monotonic() - began > _PROMPT_S:
        # A server that has just come back: what it did not answer before was no damage.
        check_answers(source, problem)


def is_unmounted(folder: Path) -> bool:
    """Whether a folder looks as one does whose share or disk is not mounted: missing, silent, or without any file."""
    try:
        with os.scandir(folder) as entries:
            return all(entry.name.startswith(".") for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError as problem:
        return says_away(problem)
