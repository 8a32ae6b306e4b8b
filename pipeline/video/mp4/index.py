"""Reads an MP4 without its pictures: the boxes that describe it are real, all media data reads as zeros.

An MP4 keeps times, sizes and keyframes of all its frames in its index. What demuxes this view learns all of that and
reads almost nothing: 4 KB in place of 4 MB of a short clip, and 30 MB in place of 50 GB of a day's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import BinaryIO

from pipeline.sources.seekable import SeekableView

#: Tells the demuxer to take the index's word: parsing zeros would clear every keyframe's mark.
DEMUX_OPTIONS = {"fflags": "+noparse+nofillin"}


class Mp4Index(SeekableView):
    """A seekable view of `file`, which it closes; `size` in bytes is that of `file`."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__(size)
        self._file = file
        #: Where media data begins and ends, ascending.
        self._blank = [(start, end) for kind, start, end in boxes(file, size) if kind == b"mdat"]
        self._starts = [start for start, _ in self._blank]

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; fewer where media data begins or ends."""
        left = max(0, self.size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        number = bisect_right(self._starts, self._at)
        if number and self._at < self._blank[number - 1][1]:
            data = bytes(min(wanted, self._blank[number - 1][1] - self._at))
        else:
            until = self._starts[number] if number < len(self._starts) else self.size
            self._file.seek(self._at)
            data = self._file.read(min(wanted, until - self._at))
        self._at += len(data)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()


def boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, beginning and end of the content of an MP4's outermost boxes; anything at all for what is no MP4."""
    at = 0
    while at < size:
        file.seek(at)
        header = file.read(16)
        if len(header) < 8:
            return
        length, head = int.from_bytes(header[:4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(header[8:], "big"), 16
        # Zero says: up to the end of the file.
        end = at + length if length >= head else size
        yield header[4:8], at + head, min(end, size)
        at = end
