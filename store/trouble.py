"""What may go wrong with the store, told apart: the store is in trouble, or one file is; may it pass, or not."""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Callable
from typing import TypeVar

from celery.exceptions import SoftTimeLimitExceeded

from pipeline.errors import DashplateError

#: Seconds before the second, third and fourth try. Each wait is shortened by up to half, by chance, so that many
#: workers that a store turned away do not come back together.
WAITS_S = (0.1, 0.3, 1.0)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
#: Trying again within seconds does not help.
_LASTING = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
#: What object stores call being full; S3 itself never is.
_FULL_CODES = frozenset({"XMinioStorageFull", "QuotaExceeded", "InsufficientStorage"})
_NO_BUCKET = "NoSuchBucket"
#: A server's own words are cut here.
_REASON_CHARS = 200

Result = TypeVar("Result")


class StoreTrouble(DashplateError):
    """The store cannot be used for now. No fault of the work at hand, which is to be done again later."""

    exit_code = 5


class StoreFull(StoreTrouble):
    """The disk is full, or its quota is used up."""


class StoreUnavailable(StoreTrouble):
    """The store cannot be reached, or does not let itself be read or written."""


class MissingFile(DashplateError):
    """The store is there, but not the file."""


class DamagedFile(DashplateError):
    """The file is not what was written."""


def insist(where: str, act: Callable[[], Result]) -> Result:
    """What `act` returns, after up to four tries; `where` names the store in sentences.

    Raises StoreFull at once, and StoreUnavailable where trying again did not help. Our own errors pass through.
    """
    for wait_s in WAITS_S:
        try:
            return act()
        except Exception as error:
            _raise_if_lasting(where, error)
        time.sleep(wait_s * random.uniform(0.5, 1))
    try:
        return act()
    except Exception as error:
        _raise_if_lasting(where, error)
        raise unavailable(where, _reason(error)) from error


def _raise_if_lasting(where: str, error: Exception) -> None:
    if not _is_the_stores(error):
        raise error
    number = error.errno if isinstance(error, OSError) else None
    if number in _FULL or server_code(error) in _FULL_CODES:
        raise StoreFull(
            f"The result store {where} is full ({_reason(error)}). Make room there; what waits goes on by itself."
        ) from error
    if number in _LASTING or isinstance(error, PermissionError) or server_code(error) == _NO_BUCKET:
        raise unavailable(where, _reason(error)) from error


def _is_the_stores(error: Exception) -> bool:
    """Whether the place failed, not our own code.

    Libraries for object stores raise classes of their own beside OSError; what Python itself raises is a mistake here.
    """
    if isinstance(error, DashplateError | SoftTimeLimitExceeded):
        return False
    return isinstance(error, OSError) or type(error).__module__ != "builtins"


def unavailable(where: str, reason: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"The result store {where} cannot be used ({reason})."
        " Check that it is reachable and may be written; what waits goes on by itself."
    )


def server_code(error: BaseException) -> str | None:
    """The code by which an object store's server names an error, `NoSuchBucket` for instance."""
    for told in (error, error.__cause__):
        response = getattr(told, "response", None)
        if isinstance(response, dict):
            code = response.get("Error", {}).get("Code")
            return None if code is None else str(code)
    return None


def is_missing(error: OSError) -> bool:
    """Whether it says that a file is not there, and not that the whole bucket is not."""
    missing = isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError)
    return missing and server_code(error) != _NO_BUCKET


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        told = error.strerror or str(error)
        if told:
            return told.splitlines()[0][:_REASON_CHARS]
    return type(error).__name__
