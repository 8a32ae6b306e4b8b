"""Boxes of MP4 and QuickTime files: kind, place, children. Nothing is believed that a header says of its size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.camera.embedded.container.bounded import BoundedFile

#: Boxes in one place. A drive of four hours in fragments of a second has 28,800 of them.
MOST_BOXES = 40_000
#: The outermost boxes that recordings are cut off in: they end with the file, whatever their header says.
CUT_KINDS = frozenset({b"mdat", b"moov", b"free", b"skip", b"wide", b"udta", b"uuid", b"meta", b"moof"})


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its kind, and where its content begins and ends in the file."""

    kind: bytes
    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start

    def content(self, file: BoundedFile, most_bytes: int) -> bytes:
        """What is in it, at most `most_bytes` from its beginning."""
        return file.read(self.start, min(self.length, most_bytes))


def boxes(file: BoundedFile, start: int, end: int) -> Iterator[Box]:
    """The boxes one after the other from `start` to `end`; the last one is cut where it claims more."""
    end = min(end, file.size)
    for _ in range(MOST_BOXES):
        header = _header(file, start, end)
        if header is None:
            return
        kind, head, length = header
        yield Box(kind, start + head, min(start + length, end))
        start += length


def outermost(file: BoundedFile) -> tuple[list[Box], int]:
    """The file's own boxes, and where they end: what lies behind is no box but a trailer."""
    found: list[Box] = []
    at = 0
    for _ in range(MOST_BOXES):
        header = _header(file, at, file.size)
        if header is None:
            break
        kind, head, length = header
        if not _is_named(kind) or (at + length > file.size and kind not in CUT_KINDS):
            break
        found.append(Box(kind, at + head, min(at + length, file.size)))
        at = min(at + length, file.size)
    return found, at


def inside(file: BoundedFile, box: Box, *path: bytes) -> Box | None:
    """The first box below `box` on that path of kinds; None where there is none."""
    found: Box | None = box
    for kind in path:
        if found is None:
            return None
        found = next((child for child in boxes(file, found.start, found.end) if child.kind == kind), None)
    return found


def _header(file: BoundedFile, at: int, end: int) -> tuple[bytes, int, int] | None:
    """Kind, bytes of the header, bytes of the box; None where there is no box."""
    header = file.read(at, min(16, end - at))
    if len(header) < 8:
        return None
    length, head = int.from_bytes(header[:4], "big"), 8
    if length == 1 and len(header) == 16:
        length, head = int.from_bytes(header[8:], "big"), 16
    elif length == 0:
        # "Up to the end of the file" is said by boxes with a name; zeros are padding.
        length = end - at if _is_named(header[4:8]) else 0
    return (header[4:8], head, length) if length >= head else None


def _is_named(kind: bytes) -> bool:
    return all(32 <= letter < 127 or letter == 0xA9 for letter in kind)
