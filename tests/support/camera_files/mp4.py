"""Boxes, tracks and transport streams for built camera files."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def box(kind: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return struct.pack(">I4s", 8 + len(data), kind) + data


FTYP = box(b"ftyp", b"isom\0\0\2\0isommp41")


def full(kind: bytes, form: str, *values: int) -> bytes:
    """A box with version and flags, then numbers."""
    return box(kind, bytes(4), struct.pack(f">{form}", *values))


def trak(
    handler: bytes, kind: bytes, sizes: Sequence[int], offsets: Sequence[int], *, per_chunk: int, tick: int
) -> bytes:
    """A track with a timescale of 1000."""
    table = box(
        b"stbl",
        box(b"stsd", bytes(4), struct.pack(">II4s8x", 1, 16, kind)),
        full(b"stts", "3I", 1, len(sizes), tick),
        full(b"stsc", "4I", 1, 1, per_chunk, 1),
        full(b"stsz", f"2I{len(sizes)}I", 0, len(sizes), *sizes),
        full(b"stco", f"I{len(offsets)}I", len(offsets), *offsets),
    )
    header = full(b"mdhd", "4II", 0, 0, 1000, tick * len(sizes), 0)
    return box(b"trak", box(b"mdia", header, box(b"hdlr", bytes(8), handler, bytes(13)), box(b"minf", table)))


def film(kind: bytes, samples: Sequence[bytes], *, handler: bytes = b"meta", tick: int = 1000) -> bytes:
    """A file whose one track has these samples."""

    def moov(at: int) -> bytes:
        return box(
            b"moov", trak(handler, kind, [len(data) for data in samples], [at], per_chunk=len(samples), tick=tick)
        )

    at = len(FTYP) + len(moov(0)) + 8
    return FTYP + moov(at) + box(b"mdat", *samples)


def interleaved(blocks: Sequence[bytes], *, listed: bool) -> bytes:
    """A film of a second a frame with a camera's block behind each frame; a `gps ` box names them, or nothing does."""
    frame = bytes(500)

    def moov(at: int) -> bytes:
        frames, places = [], []
        for block in blocks:
            frames.append(at)
            places.append((at + len(frame), len(block)))
            at += len(frame) + len(block)
        video = trak(b"vide", b"avc1", [len(frame)] * len(blocks), frames, per_chunk=1, tick=1000)
        index = full(b"gps ", f"I{2 * len(places)}I", len(places), *(number for place in places for number in place))
        return box(b"moov", video, index if listed else b"")

    at = len(FTYP) + len(moov(0)) + 8
    return FTYP + moov(at) + box(b"mdat", *(frame + block for block in blocks))


def transport_stream(units: Sequence[bytes], tail: bytes = b"") -> bytes:
    """A stream of some pictures and private units, a unit in packets of 188 bytes."""

    def packets(stream: int, data: bytes) -> bytes:
        out = b""
        for at in range(0, len(data), 184):
            part = data[at : at + 184]
            head = bytes([0x47, (0x40 if at == 0 else 0) | stream >> 8, stream & 255])
            stuffing = 184 - len(part)
            if stuffing == 0:
                out += head + b"\x10" + part
            else:
                out += (
                    head
                    + b"\x30"
                    + bytes([stuffing - 1])
                    + b"\0\xff"[: min(1, stuffing - 1)]
                    + b"\xff" * max(0, stuffing - 2)
                    + part
                )
        return out

    film_ = packets(0x100, b"\0\0\1\xe0\0\0\x80\0\0" + bytes(1000))
    private = [packets(0x300, b"\0\0\1\xbf" + struct.pack(">H", len(unit)) + unit) for unit in units]
    return film_ + b"".join(unit + film_ for unit in private) + tail
