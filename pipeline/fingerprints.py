"""Tells files apart without reading them whole: the same file submitted twice is one video."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline.away import check_answers
from pipeline.errors import DashplateError, Inaccessible
from pipeline.remote import describe, version
from pipeline.sources import Remote, Source, shown, stored

#: Bytes at each end of a file that its fingerprint covers: headers and indexes stand at the ends, and
#: reading a whole memory card to recognise it would cost minutes.
FINGERPRINT_BYTES = 64 * 1024
#: What the fingerprint of a file that could not be looked at begins with.
UNSEEN = "path:"
#: Files that are looked at together: a share or an object store answers each after 5 to 50 ms.
THREADS = 16


@dataclass(frozen=True, slots=True)
class Fingerprinted:
    """A source with what recognises it, or with the reason why it cannot be looked at."""

    source: Source
    #: 64 hex digits; `path:` and the address where there is a reason.
    fingerprint: str
    #: The sentence for a user, else None.
    reason: str | None = None


def fingerprint(source: Source) -> str:
    """64 hex digits that change when the file does.

    Of a path: its size, time of change, and both ends' bytes. Of an object: its etag or another checksum, whatever its
    address; where the storage keeps none, its address, size and time of change.

    Raises `Inaccessible` where the file cannot be read (`Away` where it may be later), MissingDependency where a
    storage's driver is not installed.
    """
    return _of_remote(source) if isinstance(source, Remote) else _of_path(source)


def fingerprints(sources: Iterable[Source], threads: int = THREADS) -> Iterator[Fingerprinted]:
    """The fingerprints of many, in their order, several looked at together; what cannot be read brings its reason.

    `sources` is drawn on only as far ahead as keeps the threads busy.
    """
    waiting: deque[Future[Fingerprinted]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="fingerprint") as pool:
        for source in sources:
            waiting.append(pool.submit(_fingerprinted, source))
            if len(waiting) >= 8 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _fingerprinted(source: Source) -> Fingerprinted:
    try:
        return Fingerprinted(source, fingerprint(source))
    except (DashplateError, OSError) as problem:
        reason = str(problem) if isinstance(problem, DashplateError) else f"{shown(source)} cannot be read."
        return Fingerprinted(source, f"{UNSEEN}{stored(source)}", reason)


def _of_remote(remote: Remote) -> str:
    details = describe(remote)
    mark = version(details)
    if mark is None:
        mark = f"size {details.get('size')} {remote.url}"
    elif mark.startswith("changed "):
        mark = f"{mark} {remote.url}"
    return hashlib.sha256(mark.encode("utf-8", "surrogateescape")).hexdigest()


def _of_path(path: Path) -> str:
    try:
        # Not Path.is_file, which asks again; and a pipe would be waited on for ever.
        with open(path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError("no file")
            digest = hashlib.sha256(f"{status.st_size} {status.st_mtime_ns} ".encode())
            digest.update(file.read(FINGERPRINT_BYTES))
            file.seek(max(0, status.st_size - FINGERPRINT_BYTES))
            digest.update(file.read(FINGERPRINT_BYTES))
    except (FileNotFoundError, IsADirectoryError) as problem:
        sentence = f"{shown(path)} is not there, or is no file. Check the path and who may read it."
        raise Inaccessible(sentence) from problem
    except (OSError, ValueError) as problem:
        check_answers(path, problem)
        raise Inaccessible(f"{shown(path)} cannot be read. Check the path and who may read it.") from problem
    return digest.hexdigest()


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
