"""Writes the index that a camera did not get to write: an MP4's `ftyp` and `moov` for pictures that lie in a file.

Source: ISO/IEC 14496-12. The view that reads it puts the whole file behind it, as the content of one `mdat`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise

import numpy as np

from pipeline.video.recovery.coding.parameter_sets import ParameterSets
from pipeline.video.recovery.stream.nal import H264
from pipeline.video.recovery.stream.pictures import Picture

#: Ticks that each frame is shown for: with so many, all usual rates (30, 12.5, 30000/1001) are whole ticks a second.
#: That it is the same for all makes the clock alone say the rate, so that whoever knows the clock can write the same
#: index again.
FRAME_TICKS = 10_010
#: Bytes of the header of an `mdat` with a long size.
_MDAT_BYTES = 16
_UNITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


@dataclass(frozen=True, slots=True)
class Stream:
    """What the index says of its only stream."""

    sets: ParameterSets
    #: The units have start codes before them.
    start_codes: bool
    width: int
    height: int
    #: Ticks a second, `FRAME_TICKS` for each frame.
    clock_hz: int


def clock_of(rate: Fraction) -> int:
    """The clock of so many frames a second, off by less than a millisecond in an hour."""
    return round(rate * FRAME_TICKS)


def index(stream: Stream, pictures: Sequence[Picture], numbers: Sequence[int], size: int) -> bytes:
    """Everything before the file's own bytes, of which there are `size`; `numbers` say when each picture is shown."""
    head_bytes = len(_head(stream, pictures, numbers, size, 0))
    return _head(stream, pictures, numbers, size, head_bytes)


def _head(stream: Stream, pictures: Sequence[Picture], numbers: Sequence[int], size: int, offset: int) -> bytes:
    ftyp = _box(b"ftyp", b"isom\0\0\2\0isomiso2mp41")
    shown = [number * FRAME_TICKS for number in numbers]
    decoded = sorted(shown)
    delay = max(there - here for here, there in zip(shown, decoded, strict=True))
    lengths = [after - before for before, after in pairwise(decoded)] + [FRAME_TICKS]
    table = b"".join([
        _sample_description(stream),
        _times(lengths),
        _offsets([here - there + delay for here, there in zip(shown, decoded, strict=True)]),
        _keyframes(pictures),
        _full(b"stsc", struct.pack(">4I", 1, 1, 1, 1)),
        _full(b"stsz", bytes(4) + _list("u4", [picture.size for picture in pictures])),
        _full(b"co64", _list("u8", [picture.at + offset for picture in pictures])),
    ])  # fmt: skip
    length = decoded[-1] - decoded[0] + FRAME_TICKS
    moov = _box(b"moov", _movie_header(stream, length) + _track(stream, length, delay, table))
    return ftyp + moov + struct.pack(">I4sQ", 1, b"mdat", _MDAT_BYTES + size)


def _track(stream: Stream, length: int, delay: int, table: bytes) -> bytes:
    header = struct.pack(">2Q2IQ8x4H", 0, 0, 1, 0, length, 0, 0, 0, 0) + _UNITY
    header += struct.pack(">2I", stream.width << 16, stream.height << 16)
    edit = _full(b"elst", struct.pack(">IQQI", 1, length, delay, 0x10000), version=1)
    media_header = struct.pack(">QQIQ2H", 0, 0, stream.clock_hz, length, 0x55C4, 0)
    handler = struct.pack(">I4s12x", 0, b"vide") + b"\0"
    references = _box(b"dinf", _full(b"dref", struct.pack(">I", 1) + _full(b"url ", b"", flags=1)))
    information = _full(b"vmhd", bytes(8), flags=1) + references + _box(b"stbl", table)
    media = _full(b"mdhd", media_header, version=1) + _full(b"hdlr", handler) + _box(b"minf", information)
    return _box(b"trak", _full(b"tkhd", header, version=1, flags=3) + _box(b"edts", edit) + _box(b"mdia", media))


def _movie_header(stream: Stream, length: int) -> bytes:
    times = struct.pack(">QQIQ", 0, 0, stream.clock_hz, length)
    return _full(b"mvhd", times + struct.pack(">IH10x", 0x10000, 0x100) + _UNITY + bytes(24) + b"\0\0\0\2", version=1)


def _sample_description(stream: Stream) -> bytes:
    h264 = stream.sets.codec is H264
    # With start codes, decoders take the sets as a bare stream holds them.
    sets = stream.sets.start_coded if stream.start_codes else stream.sets.configuration
    entry = struct.pack(">6xH16x2H2I4xH32x2H", 1, stream.width, stream.height, 0x480000, 0x480000, 1, 24, 0xFFFF)
    entry += _box(b"avcC" if h264 else b"hvcC", sets)
    return _full(b"stsd", struct.pack(">I", 1) + _box(b"avc3" if h264 else b"hev1", entry))


def _times(lengths: Sequence[int]) -> bytes:
    return _runs(b"stts", lengths)


def _offsets(offsets: Sequence[int]) -> bytes:
    return _runs(b"ctts", offsets) if any(offsets) else b""


def _runs(kind: bytes, values: Sequence[int]) -> bytes:
    """A table of values, each with how often it stands in a row."""
    runs = [(len(list(same)), value) for value, same in groupby(values)]
    return _full(kind, struct.pack(">I", len(runs)) + b"".join(struct.pack(">2I", *run) for run in runs))


def _keyframes(pictures: Sequence[Picture]) -> bytes:
    numbers = [number for number, picture in enumerate(pictures, 1) if picture.key]
    return _full(b"stss", _list("u4", numbers))


def _list(kind: str, values: Sequence[int]) -> bytes:
    """How many there are, then each; a day's video has a million."""
    return struct.pack(">I", len(values)) + np.array(values, f">{kind}").tobytes()


def _full(kind: bytes, content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags) + content)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content
