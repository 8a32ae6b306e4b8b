"""What the store asks of a backend, the place where its files are: a folder or a bucket."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file as the place lists it, unread."""

    name: str
    #: Bytes.
    size: int
    #: Seconds since it was written, by this machine's clock; None where the place does not say.
    age_s: float | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in a folder: names of folders end with `/`. A place may list what is below a folder at once."""

    folders: tuple[str, ...]
    files: tuple[FileInfo, ...]


class Backend(Protocol):
    """A folder or a bucket. Names were checked; whatever fails raises what the library under it raises."""

    #: How many files may be written at a time.
    writers: int

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole, or leave what was there. It may need `settle` to outlive a power cut."""

    def take(self, name: str, file: Path) -> None:
        """Make a file of this machine the one of that name, whole or not at all; never through memory.

        A folder takes one that `own_path` gave and moves it; elsewhere it is sent, and stays here too.
        """

    def own_path(self, name: str, *, make: bool) -> Path | None:
        """Where a file of that name lies on this machine; None where it lies elsewhere. `make` makes its folders."""

    def settle(self, names: Collection[str]) -> None:
        """Make files that were written durable under their names."""

    def read(self, name: str) -> bytes:
        """Raises MissingFile where there is none."""

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all below it. What is not there is fine."""

    def listing(self, folder: str) -> Listing:
        """What lies in a folder, "" for the outermost; nothing where it is not there."""

    def room_bytes(self) -> int | None:
        """Bytes that may still be written; None where nothing is known of a limit."""

    def location(self, name: str) -> str:
        """The path or URL of a file."""
