"""A file as it would be had its camera finished it: an index, and behind it the file's own bytes."""

from __future__ import annotations

from typing import BinaryIO

from pipeline.sources.seekable import SeekableView


class Finished(SeekableView):
    """A seekable view that reads `head`, then `file` of `size` bytes, which it closes."""

    def __init__(self, head: bytes, file: BinaryIO, size: int) -> None:
        super().__init__(len(head) + size)
        self._head, self._file = head, file

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; fewer where the index ends."""
        left = max(0, self.size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        if self._at < len(self._head):
            data = self._head[self._at : self._at + wanted]
        else:
            self._file.seek(self._at - len(self._head))
            data = self._file.read(wanted)
        self._at += len(data)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()
