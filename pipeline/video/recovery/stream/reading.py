"""Bytes of a large file by position, read in pieces, with a bound on what a search may cost."""

from __future__ import annotations

from typing import BinaryIO

#: Bytes that are read at once while jumping from unit to unit: one page of the file system's cache.
PIECE_BYTES = 4096
#: Bytes that are read at once while searching.
BLOCK_BYTES = 256 * 1024
#: Places that may be looked at for each byte of the file, and in any file: noise has one candidate in 7,000 bytes, so
#: only a file that was made to wear a reader out comes near. A look takes some 10 microseconds.
_LOOKS_A_BYTE, _LOOKS = 1 / 1024, 50_000
#: How often all bytes of a file may be read.
_READS, _READ_BYTES = 4, 64 * 1024**2


class Spent(Exception):
    """The search has cost what it may; what was found by then counts."""


class Reading:
    """Reads `file`, which stays the caller's; `size` is in bytes."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.size = size
        self._file = file
        self._at, self._piece = 0, b""
        self._looks = int(size * _LOOKS_A_BYTE) + _LOOKS
        self._bytes = size * _READS + _READ_BYTES

    def head(self, at: int, count: int) -> bytes:
        """A few bytes; fewer at the file's end. Raises OSError, and `Spent`."""
        self._looks -= 1
        if self._looks < 0:
            raise Spent
        if not self._at <= at <= self._at + len(self._piece) - count:
            self._piece, self._at = self.bytes(at, PIECE_BYTES), at
        return self._piece[at - self._at : at - self._at + count]

    def bytes(self, at: int, count: int) -> bytes:
        """Many bytes; fewer at the file's end. Raises OSError, and `Spent`."""
        self._bytes -= count
        if self._bytes < 0:
            raise Spent
        self._file.seek(at)
        found = bytearray()
        while len(found) < count and (more := self._file.read(count - len(found))):
            found += more
        return bytes(found)
