"""Objects behind addresses as files: what is known of them, what lies below them, and their bytes by range.

`https://` goes through `http`, everything else through its fsspec driver. What either raises becomes a
sentence here. Both are loaded at the first address: aiohttp and fsspec take a quarter of a second, which a command that
meets only paths need not wait for.
"""

from __future__ import annotations

import io
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast
from urllib.parse import unquote

from pipeline.errors import Away, Inaccessible, UsageError
from pipeline.sources.object_versions import version
from pipeline.sources.seekable import SeekableView
from pipeline.sources.source import HOSTED, WEB, Remote, printable, shown
from pipeline.sources.storage_drivers import asked, driver_class, retrying, translated

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

#: Bytes that are asked for at once: a second of 1080p is about 1 to 2 MB, and a request costs 10 to 100 ms.
BLOCK_BYTES = 2 * 1024 * 1024
#: Blocks that one open file keeps: sound and picture, the index and the segment lie apart from each other.
BLOCKS_KEPT = 8

log = logging.getLogger(__name__)


def describe(remote: Remote) -> Mapping[str, Any]:
    """What is known of an object: `size` in bytes, and whatever tells its versions apart.

    Raises `Inaccessible` (`Away` for transient errors), or `MissingDependency` where its driver is not installed.
    """
    if remote.details is not None:
        return remote.details
    if remote.scheme in WEB:
        from pipeline.sources import http

        return retrying(lambda: http.describe(remote))
    return asked(remote, lambda fs: cast(dict[str, Any], fs.info(_path(remote))))


def is_folder(remote: Remote) -> bool:
    """Whether objects lie below it. Raises like `describe`."""
    is_bucket = remote.scheme not in HOSTED and remote.scheme != "memory" and len(remote.parts) == 1
    if remote.is_folder or not remote.parts or is_bucket:
        return True
    return remote.scheme not in WEB and describe(remote).get("type") == "directory"


def below(folder: Remote) -> Iterator[Remote]:
    """All objects below a folder, with their details, sorted by address. Raises like `describe`."""
    if folder.scheme in WEB:
        from pipeline.sources import http

        found = retrying(lambda: http.listing(folder))
        yield from (folder.at(url) for url in found)
        return
    yield from _listed(folder, lambda fs: fs.find(_path(folder), detail=True))


def matches(pattern: Remote) -> Iterator[Remote]:
    """All objects whose addresses match a pattern with `*`, `[...]`, `**` and, but on the web, `?`.

    Raises like `describe`.
    """
    if pattern.scheme in WEB:
        from fsspec.utils import glob_translate

        rule = re.compile(glob_translate(unquote(pattern.url)))
        folder = pattern.at(pattern.url.partition("*")[0].rpartition("/")[0] + "/")
        yield from (remote for remote in below(folder) if rule.match(unquote(remote.url)))
        return
    yield from _listed(pattern, lambda fs: fs.glob(_path(pattern), detail=True))


def is_pattern(remote: Remote) -> bool:
    """Whether its address may be one; what is there under the very name is none all the same."""
    return any(character in remote.url for character in ("*" if remote.scheme in WEB else "*?["))


def _listed(where: Remote, ask: Callable[[AbstractFileSystem], Any]) -> Iterator[Remote]:
    entries = asked(where, lambda fs: cast(dict[str, dict[str, Any]], _fresh(fs, where, ask)))
    for path, details in sorted(entries.items()):
        address = _address(where, path)
        if details.get("type") == "directory":
            address = f"{address.rstrip('/')}/"
        elif path.endswith("/"):
            continue  # The empty object by which consoles show an empty folder.
        try:
            yield where.at(address, details)
        except UsageError as problem:
            log.warning("%s is passed over: %s", printable(path), problem)


def _fresh(fs: AbstractFileSystem, where: Remote, ask: Callable[[AbstractFileSystem], Any]) -> Any:
    """A listing as it is now: a watched folder must not be answered from the one before."""
    fs.invalidate_cache()
    found = ask(fs)
    if not found:
        # Drivers find nothing in a bucket that is not there, and may not say so.
        fs.info(_path(where).lstrip("/").partition("/")[0] if where.scheme not in HOSTED else "/")
    return found


def _path(remote: Remote) -> str:
    return cast(str, driver_class(remote.scheme)._strip_protocol(remote.url))


def _address(where: Remote, path: str) -> str:
    if path.startswith(f"{where.scheme}://"):
        return path
    place = where.url.partition("://")[2].partition("/")[0]
    in_path = _path(Remote(f"{where.scheme}://{place}/x")).strip("/").startswith(f"{place}/")
    return f"{where.scheme}://{path.lstrip('/')}" if in_path else f"{where.scheme}://{place}/{path.lstrip('/')}"


# Reading


class Fetch(Protocol):
    """Gives the bytes `[start, end)` of one file."""

    def __call__(self, start: int, end: int) -> bytes: ...


class RemoteFile(SeekableView):
    """A seekable file over ranges of a remote one: whole blocks are asked for, and the last few kept."""

    def __init__(
        self,
        fetch: Fetch,
        size: int,
        name: str,
        block_bytes: int = BLOCK_BYTES,
        release: Callable[[], None] | None = None,
    ) -> None:
        # The size when it was opened: what it grows by later is not seen.
        super().__init__(size)
        self._fetch = fetch
        self._name = name
        self._block_bytes = block_bytes
        self._release = release
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readinto(self, buffer: Any, /) -> int:
        number, inside = divmod(self._at, self._block_bytes)
        part = self._block(number)[inside : inside + len(buffer)] if self._at < self.size else b""
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def read(self, size: int = -1, /) -> bytes:
        """`size` bytes, fewer only at the file's end; -1 reads all that is left."""
        wanted = max(0, self.size - self._at) if size is None or size < 0 else size
        data = bytearray()
        while len(data) < wanted:
            chunk = bytearray(wanted - len(data))
            got = self.readinto(chunk)
            if not got:
                break
            data += chunk[:got]
        return bytes(data)

    def close(self) -> None:
        self._blocks.clear()
        if self._release is not None and not self.closed:
            self._release()
        super().close()

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            start = number * self._block_bytes
            end = min(start + self._block_bytes, self.size)
            data = retrying(lambda: self._fetch(start, end))
            if len(data) < end - start:
                raise Inaccessible(f"{self._name} became shorter while it was read. Submit it again.")
            self._blocks[number] = data
            if len(self._blocks) > BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]


def open_remote(remote: Remote, block_bytes: int = BLOCK_BYTES) -> BinaryIO:
    """The object as a seekable file, read by ranges; at most BLOCKS_KEPT blocks of it are held.

    Raises `Inaccessible` (`Away` for transient errors), also while it is read; `Unreadable` for a large file whose
    server knows no ranges.
    """
    return cast(BinaryIO, (_open_web if remote.scheme in WEB else _open_driven)(remote, block_bytes))


def _open_web(remote: Remote, block_bytes: int) -> io.RawIOBase | BinaryIO:
    from pipeline.sources import http

    first = retrying(lambda: http.fetch(remote, 0, block_bytes))
    if not first.ranged:
        return io.BytesIO(first.data)
    assert first.size is not None
    mark = version(first.said)

    def fetch(start: int, end: int) -> bytes:
        if start == 0 and len(first.data) >= end:
            return first.data[:end]
        piece = http.fetch(remote, start, end)
        if not piece.ranged or version(piece.said) != mark or piece.size != first.size:
            raise Inaccessible(f"{shown(remote)} was replaced while it was read. Submit it again.")
        if len(piece.data) < min(end, piece.size or 0) - start:
            raise Away(f"The server of {shown(remote)} broke off in the middle of the file. Try again later.")
        return piece.data

    return RemoteFile(fetch, first.size, shown(remote), block_bytes)


def _open_driven(remote: Remote, block_bytes: int) -> RemoteFile:
    # The file itself is opened without a cache: ours is above it, in one bound for all drivers.
    file = asked(remote, lambda fs: fs.open(_path(remote), "rb", cache_type="none"))
    size = getattr(file, "size", None)
    if size is None:
        size = describe(remote)["size"]

    def fetch(start: int, end: int) -> bytes:
        return translated(remote, lambda: _range(file, start, end))

    return RemoteFile(fetch, int(size), shown(remote), block_bytes, file.close)


def _range(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)
