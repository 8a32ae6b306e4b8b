"""Files and pictures by name, whatever place they lie in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem
from fsspec.utils import get_protocol

from pipeline.records import Image, Tracklet
from store.backend import Backend, FileInfo
from store.errors import DamagedFile, StoreFull, retrying, unavailable
from store.folder_backend import Folder
from store.fsspec_backend import Remote
from store.names import checked, crop_name
from store.pictures import decoded, encoded

#: A disk with less room than this counts as full, so that databases and logs on it go on.
RESERVE_BYTES = 200_000_000
_LOCAL = ("file", "local")


@dataclass(frozen=True, slots=True)
class Stored:
    """What a row remembers of a file."""

    name: str
    #: Bytes.
    size: int
    #: Of the bytes as written, hexadecimal.
    sha256: str


class Store:
    """Files by name, in a folder or behind a URL that fsspec knows (`s3://bucket/prefix`).

    A name holds a whole file or nothing, and what `put` returned outlives a power cut. Transient errors are retried
    inside; those that stay raise a `StoreError`: `StoreFull` or `StoreUnavailable`. Names that lead out of the
    store raise DashplateError. Instances hold no connections: they may be shared by threads and survive a fork.
    """

    def __init__(self, root: Path | str, reserve_bytes: int = RESERVE_BYTES) -> None:
        self._backend: Backend
        if isinstance(root, str) and "://" in root:
            local = get_protocol(root) in _LOCAL
            self._backend = Folder(Path(LocalFileSystem._strip_protocol(root))) if local else Remote(root)
        else:
            self._backend = Folder(Path(root))
        self._where = self._backend.location("").rstrip("/")
        self._reserve_bytes = reserve_bytes

    def put(self, name: str, data: bytes) -> Stored:
        """Write a file, replacing what was there."""
        stored = self._written(name, data)
        self.settle([stored])
        return stored

    def put_image(self, name: str, image: Image, *, settled: bool = True) -> Stored:
        """Write a BGR image: lossless for `.png`, as an evidence frame is for `.jpg`.

        Of many, leave all to one `settle`, which has to come before a row names them.
        """
        stored = self._written(name, encoded(name, image))
        if settled:
            self.settle([stored])
        return stored

    def put_crops(
        self, job_id: int, video_id: int, segment: int, attempt: int, tracklets: Sequence[Tracklet]
    ) -> dict[tuple[int, int], Stored]:
        """Write every crop of a segment; return what was stored by (tracklet index, rank)."""

        def put(tracklet: int, rank: int, image: Image) -> Stored:
            name = crop_name(job_id, video_id, segment, attempt, tracklet, rank)
            return self._written(name, encoded(name, image))

        work = {
            (tracklet.index, rank): crop.image for tracklet in tracklets for rank, crop in enumerate(tracklet.crops)
        }
        stored = self._each(put, work)
        self.settle(stored.values())
        return stored

    def settle(self, stored: Iterable[Stored]) -> None:
        """Make what was written outlive a power cut."""
        self._settle([one.name for one in stored])

    def take(self, name: str, file: Path) -> None:
        """Make a file of this machine the one of that name, whole or not at all, without reading it into memory.

        A store that is a folder moves it, and takes only what `own_path` gave; any other is sent a copy.
        """
        checked(name)
        retrying(self._where, lambda: self._backend.take(name, file))
        self._settle([name])

    def own_path(self, name: str, *, make: bool = False) -> Path | None:
        """Where a file lies, to be written in pieces and taken later; None where the store is not on this machine.

        `make` makes the folders that lead to it.
        """
        checked(name)
        return retrying(self._where, lambda: self._backend.own_path(name, make=make))

    def get(self, name: str) -> bytes:
        """Raises MissingFile."""
        checked(name)
        return retrying(self._where, lambda: self._backend.read(name))

    def get_image(self, name: str, sha256: str | None = None) -> Image:
        """The BGR image of that name. Raises MissingFile; DamagedFile where it is no picture or not what was stored."""
        return decoded(name, self.get_checked(name, sha256))

    def get_checked(self, name: str, sha256: str | None) -> bytes:
        """The bytes of that name. Raises MissingFile; DamagedFile where they are not what was stored."""
        data = self.get(name)
        if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise DamagedFile(f"{name} in the result store is damaged: it is not what was written.")
        return data

    def remove(self, name: str) -> None:
        """Remove a file or, with a trailing `/`, a folder and all below it. What is not there is fine."""
        checked(name.removesuffix("/"))
        retrying(self._where, lambda: self._backend.remove(name))

    def files(self, folder: str = "") -> Iterator[FileInfo]:
        """Every file below a folder, or of the whole store, in no promised order.

        Drafts that killed writers left are among them once they are an hour old; files that the store cannot have
        written are not.
        """
        if folder:
            folder = checked(folder.removesuffix("/")) + "/"
        waiting = [folder]
        while waiting:
            listing = retrying(self._where, partial(self._backend.listing, waiting.pop()))
            yield from listing.files
            waiting.extend(reversed(listing.folders))

    def check_room(self, least_bytes: int = 0) -> None:
        """Raises StoreFull where these bytes would eat into the reserve. Costs one system call."""
        room = retrying(self._where, self._backend.room_bytes)
        if room is not None and room < self._reserve_bytes + least_bytes:
            raise StoreFull(
                f"The result store {self._where} has {room / 1e6:.0f} MB left and keeps"
                f" {self._reserve_bytes / 1e6:.0f} MB free. Make room there; what waits goes on by itself."
            )

    def location(self, name: str) -> str:
        """The path or URL of a file, for people and exports."""
        return self._backend.location(checked(name))

    def _written(self, name: str, data: bytes) -> Stored:
        checked(name)
        retrying(self._where, lambda: self._backend.write(name, data))
        return Stored(name, len(data), hashlib.sha256(data).hexdigest())

    def _settle(self, names: Sequence[str]) -> None:
        try:
            self._backend.settle(names)
        except OSError as error:
            # Not tried again: a disk that could not keep a folder reports that once, and then success.
            raise unavailable(self._where, error.strerror or type(error).__name__) from error

    def _each(
        self, put: Callable[[int, int, Image], Stored], work: dict[tuple[int, int], Image]
    ) -> dict[tuple[int, int], Stored]:
        if self._backend.writers == 1 or len(work) <= 1:
            return {(tracklet, rank): put(tracklet, rank, image) for (tracklet, rank), image in work.items()}
        pool = ThreadPoolExecutor(min(self._backend.writers, len(work)), thread_name_prefix="store")
        try:
            going = {key: pool.submit(put, *key, image) for key, image in work.items()}
            return {key: one.result() for key, one in going.items()}
        finally:
            # After a failure the rest is not begun.
            pool.shutdown(cancel_futures=True)
