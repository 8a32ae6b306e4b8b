"""A file that gives no more bytes than were agreed on, so that no header can ask for the rest of a memory card."""

from __future__ import annotations

from typing import BinaryIO

#: What is read of one file, whatever its size. A minute of GoPro telemetry is 1 MB, an hour of NMEA subtitles 0.5 MB.
BUDGET_BYTES = 10 << 20
#: A file of this size is read whole: one call instead of hundreds.
WHOLE_BYTES = 4 << 20
#: Fewer are never fetched: headers lie beside each other, and this is what Python fetches anyway.
PAGE_BYTES = 8192


class BoundedFile:
    """Reads anywhere in a seekable file, `size` bytes long, until `budget_bytes` are spent; the file stays open.

    Every read counts as at least a page, which is what it costs.
    """

    def __init__(self, file: BinaryIO, size: int, budget_bytes: int = BUDGET_BYTES) -> None:
        self._file = file
        self.size = max(0, size)
        self._left = budget_bytes
        self._page = b""
        self._page_at = 0
        if self.size <= min(WHOLE_BYTES, budget_bytes):
            self._page = self._fetch(0, self.size)

    @property
    def left_bytes(self) -> int:
        """What may still be read."""
        return self._left

    def read(self, at: int, length: int) -> bytes:
        """`length` bytes from `at` on; fewer where the file ends, none where the budget does."""
        length = min(length, self.size - at)
        if at < 0 or length <= 0:
            return b""
        if not self._holds(at, length):
            if length >= PAGE_BYTES:
                return self._fetch(at, length)
            self._page, self._page_at = self._fetch(at, min(PAGE_BYTES, self.size - at)), at
        start = at - self._page_at
        return self._page[start : start + length]

    def _holds(self, at: int, length: int) -> bool:
        return self._page_at <= at and at + length <= self._page_at + len(self._page)

    def _fetch(self, at: int, length: int) -> bytes:
        cost = max(length, PAGE_BYTES)
        if cost > self._left:
            self._left = 0
            return b""
        self._left -= cost
        self._file.seek(at)
        parts = []
        while length > 0 and (part := self._file.read(length)):
            parts.append(part)
            length -= len(part)
        return b"".join(parts)
