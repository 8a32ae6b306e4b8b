"""Reads a picture's size from its header, before a decoder sees it.

A PNG of a few kilobytes can claim 60,000 x 60,000 pixels, which take 11 GB once unpacked. The header is read as
OpenCV's decoders read it; where another decoder may see another size, there is none.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

#: Pixels of the largest photograph that is decoded: 600 MB as BGR. Telephones take up to 200 million.
PHOTO_PIXELS = 200_000_000
#: JPEG markers that stand alone, without a length behind them.
_BARE = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
#: JPEG markers behind which the header is over: the picture's data and the end.
_LAST = frozenset({0xD9, 0xDA})
#: JPEG markers that open a frame; those between them define tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: TIFF tags of width and height, and the sizes of the kinds of number that they may be.
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_KINDS = {1: "B", 3: "H", 4: "I"}
#: Bytes of OS/2's BMP header, and of the shortest of the others.
_OS2_BYTES, _BMP_BYTES = 12, 36


class TwoSizes(ValueError):
    """The header says the picture's size more than once; which one counts is up to the decoder."""


def picture_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) of a JPEG, PNG, BMP, TIFF or WebP; None where it is none of these or its header is broken.

    As stored: EXIF may turn the picture. Of several pictures in a file it is the first. Raises TwoSizes.
    """
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
            return _pair(">II", data, 16)
        if data.startswith(b"BM"):
            return _bmp(data)
        if data[:4] in (b"II*\0", b"MM\0*"):
            return _tiff(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
        return _jpeg(data) if data.startswith(b"\xff\xd8\xff") else None
    except (struct.error, IndexError):
        return None


def _pair(form: str, data: bytes, at: int) -> tuple[int, int]:
    first, second = struct.unpack_from(form, data, at)
    return abs(first), abs(second)


def _bmp(data: bytes) -> tuple[int, int] | None:
    header_bytes = struct.unpack_from("<i", data, 14)[0]
    if header_bytes == _OS2_BYTES:
        return _pair("<HH", data, 18)  # It counts in 16 bits.
    # A negative height stores the rows from the top.
    return _pair("<ii", data, 18) if header_bytes >= _BMP_BYTES else None


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = _pair("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """The largest frame: a second one behind the first would be what is decoded."""
    sizes = list(_jpeg_frames(data))
    return max(sizes, key=lambda size: size[0] * size[1]) if sizes else None


def _jpeg_frames(data: bytes) -> Iterator[tuple[int, int]]:
    """What the markers before the picture's data say; bytes between them are passed over, as the decoder does."""
    at = 2
    while (at := data.find(b"\xff", at)) >= 0:
        while data[at] == 0xFF:
            at += 1
        marker, at = data[at], at + 1
        if marker in _LAST:
            return
        if marker in _BARE:
            continue
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 3)
            yield width, height
        at += max(2, struct.unpack_from(">H", data, at)[0])


def _tiff(data: bytes) -> tuple[int, int] | None:
    order = "<" if data.startswith(b"II") else ">"
    start = struct.unpack_from(f"{order}I", data, 4)[0]
    found: dict[int, int | None] = {}
    for number in range(struct.unpack_from(f"{order}H", data, start)[0]):
        at = start + 2 + 12 * number
        tag, kind, count = struct.unpack_from(f"{order}HHI", data, at)
        if tag in found:
            raise TwoSizes
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT):
            is_number = kind in _TIFF_KINDS and count == 1
            found[tag] = struct.unpack_from(order + _TIFF_KINDS[kind], data, at + 8)[0] if is_number else None
    width, height = found.get(_TIFF_WIDTH), found.get(_TIFF_HEIGHT)
    return None if width is None or height is None else (width, height)
