"""Recordings that were never finished, made of whole ones."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
from av.container import InputContainer

from pipeline.video.mp4.index import boxes

#: What some cameras put between pictures: a block of positions that begins like a unit of 32 KB.
POSITIONS = b"\0\0\x80\0freeGPS " + bytes(range(256)) * 127 + bytes(244)


class Parts(NamedTuple):
    """A recording whose index stands last."""

    #: Before the content of the media data.
    head: bytes
    media: bytes
    #: The index, from its header on.
    moov: bytes


def parts(data: bytes) -> Parts:
    found = {kind: (start, end) for kind, start, end in boxes(io.BytesIO(data), len(data))}
    (start, end), (begin, stop) = found[b"mdat"], found[b"moov"]
    return Parts(data[:start], data[start:end], data[begin - 8 : stop])


def without_index(path: Path, data: bytes) -> Path:
    """The recording as the camera leaves it when its power is cut just before the index."""
    whole = parts(data)
    path.write_bytes(whole.head + whole.media)
    return path


def packets(data: bytes) -> Iterator[bytes]:
    """The pictures of a recording as they stand in it, in the order of decoding."""
    with av.open(io.BytesIO(data)) as container:
        assert isinstance(container, InputContainer)
        yield from (bytes(packet) for packet in container.demux(video=0) if packet.size)


def with_between(path: Path, data: bytes, between: bytes) -> Path:
    """A recording without an index that has something between each two pictures."""
    path.write_bytes(parts(data).head + between.join(packets(data)))
    return path
