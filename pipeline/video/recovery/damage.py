"""Tells from an MP4's outermost boxes whether its index was ever written, and where its media data lies."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

#: Kinds of the boxes that a recording begins with.
_HEADS = frozenset({b"ftyp", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"uuid", b"moov"})
#: Boxes that are walked over; a fragmented recording has two for each second.
_MOST_BOXES = 200_000


class Outline(NamedTuple):
    """Where what lies in a file."""

    #: Media data, from the first to the last byte that may be of it.
    start: int
    end: int
    #: There is an index, and its end is there.
    indexed: bool


def outline(file: BinaryIO, size: int) -> Outline | None:
    """None for what is no MP4, or has no media data. Raises OSError."""
    at, start = 0, None
    for _ in range(_MOST_BOXES):
        kind, head, length = _box(file, at)
        if kind is None or (at == 0 and kind not in _HEADS):
            break
        if start is None and not _is_usual(kind):
            # Media data without a header; or a box that some camera named oddly, and then an index follows.
            start = at
        if kind == b"moov":
            # What is left of an index that was cut off is no media data, and what follows one that is whole may be.
            whole = at + length <= size
            data = (at + length if start is None else start, size if whole else at)
            return Outline(*data, whole) if whole or start is not None else None
        if kind == b"mdat" and start is None:
            start = at + head
        if length < head or at + length >= size:
            break
        at += length
    else:
        return None
    if start is None and at and at < size:
        # Space that was set aside before anything was written into it.
        start = at
    return None if start is None else Outline(start, size, indexed=False)


def _box(file: BinaryIO, at: int) -> tuple[bytes | None, int, int]:
    """Kind of a box, bytes of its header, and its announced length; no kind where no box can be.

    A kind may be any four bytes: FFmpeg walks over what it does not know.
    """
    file.seek(at)
    header = file.read(16)
    kind = header[4:8]
    if len(header) < 8 or not any(kind):
        return None, 0, 0
    length = int.from_bytes(header[:4], "big")
    if length == 1:
        return kind, 16, int.from_bytes(header[8:], "big")
    return kind, 8, length


def _is_usual(kind: bytes) -> bool:
    return all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in kind)
