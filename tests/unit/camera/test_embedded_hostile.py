"""Files that lie: mutated bytes, sizes that promise a card, boxes in boxes; nothing raises, hangs or reads much."""

from __future__ import annotations

import io
import os
import struct
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.camera.embedded import embedded_track
from pipeline.camera.embedded.container.timed import Sample
from pipeline.camera.embedded.readers.atoms import read_user_data
from pipeline.camera.embedded.readers.novatek.blocks import MAGIC, freegps_fixes
from pipeline.camera.embedded.readers.reading import Stream
from pipeline.camera.embedded.registry import BOX_READERS, STREAM_READERS, TRAILER_READER
from pipeline.camera.records import Track
from tests.support.camera_files.drive import BEGAN
from tests.support.camera_files.formats import FILES
from tests.support.camera_files.mp4 import FTYP, box, film, full, trak
from tests.support.camera_files.novatek import novatek

#: What reading a file of any size may cost, as issue and docs say.
MOST_READ_BYTES = 11 << 20
#: Of the processor, as machines may be busy.
MOST_S = 8.0
MOST_MEMORY_BYTES = 200 << 20

MADE = {name: make() for name, make in FILES.items()}
MUTATION = st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=8))


class Counting(io.RawIOBase):
    """A file that counts the bytes that are asked of it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self.count = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self.count += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()


def read(data: bytes) -> Track | None:
    return embedded_track(io.BytesIO(data), len(data), near=BEGAN.date(), exiftool=False)


def sane(track: Track | None) -> bool:
    return track is None or all(abs(fix.lat) <= 90 and abs(fix.lon) <= 180 for fix in track.fixes)


@pytest.mark.parametrize("name", MADE)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutations=st.lists(MUTATION, min_size=1, max_size=6), cut=st.integers(0, 1 << 16))
def test_mutated_files(name: str, mutations: list[tuple[int, bytes]], cut: int) -> None:
    data = bytearray(MADE[name])
    for at, new in mutations:
        data[at % len(data) : at % len(data) + len(new)] = new
    began = time.process_time()
    assert sane(read(bytes(data)))
    assert sane(read(bytes(data[: cut % (len(data) + 1)])))
    assert time.process_time() - began < MOST_S


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.binary(max_size=400), max_size=6),
    st.sampled_from([b"ssmd", b"gpmd", b"camm", b"RVMI", b"mp4s", b"text"]),
)
def test_readers_of_samples_take_any_bytes(samples: list[bytes], kind: bytes) -> None:
    stream = Stream([Sample(data, float(number)) for number, data in enumerate(samples)], kind, BEGAN.date())
    for reader in STREAM_READERS:
        reader(stream)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2100), st.binary(max_size=60))
def test_readers_of_blocks_boxes_and_trailers_take_any_bytes(data: bytes, more: bytes) -> None:
    freegps_fixes(bytes(4) + MAGIC + data)
    freegps_fixes(novatek(0)[: 16 + len(more)] + more + data)
    TRAILER_READER(b"LIGOGPSINFO\0" + data)
    for reader in (*BOX_READERS.values(), read_user_data):
        reader(data)


def sparse(path: Path, size: int, parts: dict[int, bytes]) -> Path:
    with path.open("wb") as file:
        for at, data in parts.items():
            file.seek(at)
            file.write(data)
        file.truncate(size)
    return path


def card(path: Path, blocks: int) -> Path:
    """Four gigabytes of three minutes: 30 frames a second in a chunk a second, a block behind each, the index last."""
    size, per_s = 4 << 30, (4 << 30) // (blocks + 2)
    places = [(second + 1) * per_s for second in range(blocks)]
    frames = [place - per_s + 4096 for place in places]
    sizes = [(per_s - 8192) // 30] * 30 * blocks
    video = trak(b"vide", b"avc1", sizes, frames, per_chunk=30, tick=33)
    listed = full(b"gps ", f"I{2 * blocks}I", blocks, *(number for place in places for number in (place, 512)))
    moov = box(b"moov", video, listed)
    mdat = struct.pack(">I4sQ", 1, b"mdat", size - len(FTYP) - len(moov))
    parts = {0: FTYP + mdat, **{place: novatek(second % 60) for second, place in enumerate(places)}}
    return sparse(path, size, {**parts, size - len(moov): moov})


def test_of_four_gigabytes_little_is_read(tmp_path: Path) -> None:
    file = Counting(card(tmp_path / "card.mp4", blocks=180))
    with file:
        track = embedded_track(file, 4 << 30, exiftool=False)  # type: ignore[arg-type]
    assert track is not None
    assert len(track.fixes) == 60
    assert [fix.offset_s for fix in track.fixes[:3]] == pytest.approx([0.0, 0.99, 1.98])
    assert file.count < 2 << 20


@pytest.mark.parametrize(
    "head",
    [
        b"",
        FTYP + struct.pack(">I4s", 0, b"mdat"),
        FTYP + struct.pack(">I4sQ", 1, b"mdat", 1 << 62),
        FTYP + struct.pack(">I4s", 0xFFFFFFFF, b"moov"),
        FTYP + struct.pack(">I4s", 0, b"free") + struct.pack(">I4s", 0xFFFFFFF0, b"gps "),
        FTYP + struct.pack(">I4s", 0, b"gps0"),
        bytes([0x47, 1, 0, 0x10] + [0] * 184) * 40,
    ],
)
def test_of_four_gigabytes_that_lie_little_is_read(tmp_path: Path, head: bytes) -> None:
    file = Counting(sparse(tmp_path / "card.mp4", 4 << 30, {0: head}))
    began = time.process_time()
    with file:
        assert embedded_track(file, 4 << 30, exiftool=False) is None  # type: ignore[arg-type]
    assert file.count < MOST_READ_BYTES
    assert time.process_time() - began < MOST_S


def nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = box(b"udta", data)
    return FTYP + box(b"moov", data)


def endless_samples(tracks: int = 200) -> bytes:
    """Tracks whose tables claim four billion samples of a byte in a few bytes."""
    table = box(
        b"stbl",
        box(b"stsd", bytes(4), struct.pack(">II4s8x", 1, 16, b"text")),
        full(b"stts", "3I", 1, 0xFFFFFFFF, 1),
        full(b"stsc", "4I", 1, 1, 0xFFFFFFFF, 1),
        full(b"stsz", "2I", 1, 0xFFFFFFFF),
        full(b"stco", "2I", 1, 40),
    )
    one = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), b"text", bytes(13)), box(b"minf", table)))
    return FTYP + box(b"moov", one * tracks) + box(b"mdat", bytes(600_000))


def deep_gpmf() -> bytes:
    data = b""
    for _ in range(3000):
        data = (b"DEVC\0\1" + struct.pack(">H", len(data)) + data)[:60_000]
    return film(b"gpmd", [data] * 20)


@pytest.mark.parametrize(
    "data",
    [
        nested(5000),
        endless_samples(),
        deep_gpmf(),
        FTYP + box(b"free", box(b"gps ", b"[1633961700000]" * 200_000)),
        FTYP + box(b"gdat", b"W1tb" * 500_000),
        FTYP + box(b"udta", b"LIGOGPSINFO {" * 200_000),
        FTYP + b"".join(box(b"free") for _ in range(200_000)),
        FTYP + box(b"mdat", bytes(64)) + b"LIGOGPSINFO\0" * 200_000,
        FTYP + box(b"mdat", b"\0\0\0\0freeGPS " * 150_000),
        FTYP + box(b"udat", b"$GPRMC," * 300_000),
        film(b"text", [b"latitude:" * 400] * 300, handler=b"text"),
    ],
    ids=["nested", "samples", "gpmf", "stamps", "json", "objects", "boxes", "tables", "blocks", "sentences", "text"],
)
def test_little_files_that_ask_for_much(data: bytes) -> None:
    began = time.process_time()
    assert sane(read(data))
    assert time.process_time() - began < MOST_S


def test_memory_is_bounded() -> None:
    data = endless_samples(tracks=2)
    tracemalloc.start()
    read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MOST_MEMORY_BYTES
