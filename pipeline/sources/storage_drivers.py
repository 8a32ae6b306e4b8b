"""fsspec drivers: made for an address, asked with retries, and what they raise as a sentence.

Drivers raise whatever their own client libraries do, without a common base.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar, cast

from tenacity import retry_if_exception_type

from pipeline import retry_policy
from pipeline.errors import Away, Inaccessible, MissingDependency, Unreadable
from pipeline.sources.availability import is_transient_status, says_away
from pipeline.sources.progress import advance
from pipeline.sources.source import Remote, shown

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

T = TypeVar("T")

#: Seconds that S3 is waited for.
_S3_CONFIG = {"connect_timeout": 10, "read_timeout": 20, "retries": {"max_attempts": 2}}
#: The package that holds a scheme's driver, or what that driver needs.
_PACKAGES = {
    "abfs": "adlfs", "abfss": "adlfs", "az": "adlfs", "gs": "gcsfs", "gcs": "gcsfs", "s3": "s3fs", "s3a": "s3fs",
    "sftp": "paramiko", "ssh": "paramiko", "smb": "smbprotocol", "oci": "ocifs", "oss": "ossfs", "tos": "tosfs",
    "webdav": "webdav4", "hdfs": "pyarrow", "webhdfs": "requests",
}  # fmt: skip

#: Words in the names of drivers' transient errors.
_TRANSIENT_KINDS = ("connect", "timeout", "endpoint", "incompleteread", "responsestream", "ssl", "error_temp")
#: What a worker's time limit raises, wherever the worker happens to be, comes from here.
_NOT_OF_DRIVERS = frozenset({"billiard"})


@lru_cache(maxsize=64)
def driver_class(scheme: str) -> type[AbstractFileSystem]:
    """The fsspec driver of a scheme. Raises ImportError where it, or what it needs, is not installed."""
    import fsspec

    return cast("type[AbstractFileSystem]", fsspec.get_filesystem_class(scheme))


def _driver(remote: Remote) -> AbstractFileSystem:
    cls = driver_class(remote.scheme)
    options = cls._get_kwargs_from_urls(remote.url)
    if cls.async_impl:
        # An answer from an earlier listing would hide that an object has changed.
        options["use_listings_cache"] = False
    if remote.scheme in ("s3", "s3a"):
        options |= {"config_kwargs": _S3_CONFIG, "default_cache_type": "none"}
    return cls(**options)


def asked(remote: Remote, ask: Callable[[AbstractFileSystem], T]) -> T:
    """What `ask` gets from the driver of an address, with retries. Raises like `translated`."""
    return retrying(lambda: translated(remote, lambda: ask(_driver(remote))))


def retrying(work: Callable[[], T]) -> T:
    """Do `work`, again where it raises Away, and note that something came in."""
    done = retry_policy.SOURCE.copy(retry=retry_if_exception_type(Away))(work)
    advance()
    return done


def translated(remote: Remote, work: Callable[[], T]) -> T:
    """Do `work`; what a driver raises becomes `Inaccessible`, `Away` or `MissingDependency`."""
    name = shown(remote)
    try:
        return work()
    except (Inaccessible, Unreadable, MissingDependency):
        raise
    except ImportError as problem:
        package = _PACKAGES.get(remote.scheme, f"an fsspec driver for {remote.scheme}")
        raise MissingDependency(
            f"{remote.scheme}:// needs {package}, which is not installed. Run: pip install {package}"
        ) from problem
    except FileNotFoundError as problem:
        if "bucket" in str(problem).lower():
            bucket = f"{remote.scheme}://{remote.parts[0] if remote.parts else ''}"
            raise Inaccessible(f"{name} is not there: there is no bucket {bucket}. Check its spelling.") from problem
        raise Inaccessible(f"{name} is not there. Check its address.") from problem
    except PermissionError as problem:
        raise Inaccessible(
            f"{name} may not be read: the storage denies access. Check the credentials in the environment and what they"
            " allow."
        ) from problem
    except (TimeoutError, ConnectionError) as problem:
        raise Away(f"The storage of {name} does not answer. Check the network and its endpoint.") from problem
    except Exception as problem:
        if type(problem).__module__.partition(".")[0] in _NOT_OF_DRIVERS:
            raise
        raise _of_a_driver(problem, name) from problem


def _of_a_driver(problem: Exception, name: str) -> Exception:
    """Drivers raise whatever their own client libraries do, without a common base."""
    kind = type(problem).__name__.lower()
    if "credential" in kind:
        return Inaccessible(
            f"{name} may not be read: no credentials were found for its storage. Set them in the environment"
            " (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for s3://) or in the driver's own file (~/.aws/credentials)."
        )
    if "412" in str(problem) or "expired" in kind:
        return Inaccessible(f"{name} was replaced while it was read. Submit it again.")
    if any(word in kind for word in _TRANSIENT_KINDS):
        return Away(f"The storage of {name} does not answer. Check the network and its endpoint.")
    status = _status_of(problem)
    if _is_busy(problem) if status is None else is_transient_status(status):
        return Away(f"The storage of {name} is in trouble or overloaded. Try again later.")
    return Inaccessible(f"{name} cannot be read from its storage ({type(problem).__name__}). Check its address.")


def _status_of(problem: BaseException | None) -> int | None:
    """The HTTP status behind a driver's error, wherever its client library keeps it; None where there is none."""
    while problem is not None:
        answer = getattr(problem, "response", None)
        known = answer.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(answer, dict) else None
        for status in (known, *(getattr(problem, name, None) for name in ("status", "status_code", "code"))):
            if isinstance(status, int) and 400 <= status < 600:
                return status
        problem = problem.__cause__
    return None


def _is_busy(problem: Exception) -> bool:
    is_busy = isinstance(problem, OSError) and problem.errno == errno.EBUSY
    return is_busy or says_away(problem) or isinstance(problem, socket.gaierror)
