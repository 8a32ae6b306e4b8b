"""Tells files apart without reading them whole: the same file submitted twice is one video."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import DashplateError, Inaccessible, Unreadable
from pipeline.sources.availability import check_answers
from pipeline.sources.object_versions import content_mark, version
from pipeline.sources.opening import open_path
from pipeline.sources.remote import describe
from pipeline.sources.source import Remote, Source, shown, stored

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
    #: What an earlier version called it under the same address, where that differs; rows may still hold it.
    former: str | None = None


def fingerprint(source: Source) -> str:
    """64 hex digits that change when the file does.

    Of a path: its size, time of change, and both ends' bytes. Of an object: a checksum of its content, whatever its
    address; where the storage keeps none, its address and what marks its version there.

    Raises `Inaccessible` where the file cannot be read (`Away` where it may be later), MissingDependency where a
    storage's driver is not installed.
    """
    return _of_remote(source)[0] if isinstance(source, Remote) else _of_path(source)


def content_of(source: Source) -> str:
    """64 hex digits for the content alone: of a path, its size and both ends' bytes, whatever its time of change.

    A file that was copied back is the same content. Of an object as `fingerprint`, and raises like it.
    """
    return fingerprint(source) if isinstance(source, Remote) else _of_path(source, by_time=False)


def check_same(source: Source, content: str | None, known: str) -> None:
    """Raises `Unreadable` where another file lies there than the one that `content_of` and `fingerprint` were taken of.

    `content` is None in rows of earlier versions. Raises like `fingerprint`.
    """
    if known.startswith(UNSEEN):
        return
    if not (is_still(source, known) if content is None else content_of(source) == content):
        raise Unreadable(
            f"{shown(source)} is not the file that was looked at before. Submit it in a new job to have it read."
        )


def is_still(source: Source, known: str) -> bool:
    """Whether a file is what its fingerprint `known`, also one of an earlier version, was taken of.

    Raises like `fingerprint`.
    """
    return known in _of_remote(source) if isinstance(source, Remote) else _of_path(source) == known


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
        if isinstance(source, Remote):
            now, former = _of_remote(source)
            return Fingerprinted(source, now, former=former)
        return Fingerprinted(source, _of_path(source))
    except (DashplateError, OSError) as problem:
        reason = str(problem) if isinstance(problem, DashplateError) else f"{shown(source)} cannot be read."
        return Fingerprinted(source, f"{UNSEEN}{stored(source)}", reason)


def _of_remote(remote: Remote) -> tuple[str, str | None]:
    """The fingerprint, and the one of versions that took every etag for a checksum of the content."""
    details = describe(remote)
    content, mark = content_mark(remote.scheme, details), version(details)
    now = _hashed(content or f"{mark or 'size ' + str(details.get('size'))} {remote.url}")
    former = None if mark is None or mark.startswith("changed ") else _hashed(mark)
    return now, None if former == now else former


def _hashed(mark: str) -> str:
    return hashlib.sha256(mark.encode("utf-8", "surrogateescape")).hexdigest()


def _of_path(path: Path, *, by_time: bool = True) -> str:
    try:
        with open_path(path) as file:
            status = os.fstat(file.fileno())
            changed = f"{status.st_mtime_ns} " if by_time else ""
            digest = hashlib.sha256(f"{status.st_size} {changed}".encode())
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
