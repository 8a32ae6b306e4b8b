"""The store's errors: whether the whole store fails or one file, and which errors are transient."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TypeVar

from celery.exceptions import SoftTimeLimitExceeded
from tenacity import retry_if_exception

from pipeline import retry_policy
from pipeline.errors import DashplateError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
#: Trying again within seconds does not help.
_LASTING = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
#: What object stores call being full; S3 itself never is.
_FULL_CODES = frozenset({"XMinioStorageFull", "QuotaExceeded", "InsufficientStorage"})
_NO_BUCKET = "NoSuchBucket"
#: A server's own words are cut here.
_REASON_CHARS = 200

Result = TypeVar("Result")


class StoreError(DashplateError):
    """The store cannot be used for now. No fault of the work at hand, which is to be done again later."""

    exit_code = 5


class StoreFull(StoreError):
    """The disk is full, or its quota is used up."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, or does not let itself be read or written."""


class MissingFile(DashplateError):
    """The store is there, but not the file."""


class DamagedFile(DashplateError):
    """The file is not what was written."""


def retrying(where: str, act: Callable[[], Result]) -> Result:
    """What `act` returns, after up to four attempts; `where` names the store in sentences.

    Raises StoreFull at once, and StoreUnavailable where another attempt did not help or would not. Errors that are not
    the store's pass through.
    """
    try:
        return retry_policy.STORE.copy(retry=retry_if_exception(_is_transient))(act)
    except Exception as error:
        if not _is_the_stores(error):
            raise
        if _is_full(error):
            raise StoreFull(
                f"The result store {where} is full ({_reason(error)}). Make room there; what waits goes on by itself."
            ) from error
        raise unavailable(where, _reason(error)) from error


def _is_transient(error: BaseException) -> bool:
    lasting = isinstance(error, PermissionError) or _number(error) in _LASTING or server_code(error) == _NO_BUCKET
    return _is_the_stores(error) and not lasting and not _is_full(error)


def _is_full(error: BaseException) -> bool:
    return _number(error) in _FULL or server_code(error) in _FULL_CODES


def _number(error: BaseException) -> int | None:
    return error.errno if isinstance(error, OSError) else None


def _is_the_stores(error: BaseException) -> bool:
    """Whether the place failed, not our own code.

    Libraries for object stores raise classes of their own beside OSError; what Python itself raises is a mistake here.
    """
    if not isinstance(error, Exception) or isinstance(error, DashplateError | SoftTimeLimitExceeded):
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
