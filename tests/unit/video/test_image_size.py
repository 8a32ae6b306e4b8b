"""What a header says of a picture's size is what OpenCV decodes, whatever somebody has done to the header."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import Unreadable
from pipeline.video.image_size import PHOTO_PIXELS, TwoSizes, picture_size
from pipeline.video.photograph import read_photo
from pipeline.video.probe import PHOTO_MAGIC, probe
from tests.conftest import ROOT

WIDTH, HEIGHT = 37, 23
IMAGE = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
#: The guard's word is held against the decoder's up to this; above, the test would take gigabytes.
MOST_PIXELS = 4_000_000
#: Numbers that headers are likely to be read wrongly at.
ODD = (
    0,
    1,
    2,
    11,
    12,
    13,
    35,
    36,
    40,
    255,
    256,
    268,
    0x7FFF,
    0x8000,
    0xFFFF,
    65_548,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
)


def encoded(ending: str, *options: int) -> bytes:
    return cv2.imencode(ending, IMAGE, options)[1].tobytes()


def bmp(header_bytes: int) -> bytes:
    """A BMP with OS/2's header of 12 bytes, or one of Windows' family (V3 40, V4 108, V5 124) or of OS/2's (64)."""
    rows = b"".join(row.tobytes().ljust(-(-WIDTH * 3 // 4) * 4, b"\0") for row in IMAGE[::-1])
    form, size = ("<IHHHH", (WIDTH, HEIGHT)) if header_bytes == 12 else ("<IiiHH", (WIDTH, HEIGHT))
    header = struct.pack(form, header_bytes, *size, 1, 24).ljust(header_bytes, b"\0")
    return struct.pack("<2sIHHI", b"BM", 14 + len(header) + len(rows), 0, 0, 14 + len(header)) + header + rows


def tiff(order: str, *more: tuple[int, int, int], big: bool = False) -> bytes:
    """An uncompressed TIFF or BigTIFF in either byte order; `more` tags are (number, kind, value)."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}H", 43 if big else 42)
    head += struct.pack(f"{order}HHQ", 8, 0, 16) if big else struct.pack(f"{order}I", 8)
    known = [
        (256, 3, WIDTH), (257, 3, HEIGHT), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 0), (277, 3, 1),
        (278, 3, HEIGHT), (279, 4, WIDTH * HEIGHT),
    ]  # fmt: skip
    tags = sorted([*known, *more], key=lambda tag: tag[0])
    room = 8 if big else 4
    at = len(head) + (16 if big else 6) + len(tags) * (20 if big else 12)
    entries = b"".join(
        struct.pack(f"{order}HH" + ("Q" if big else "I"), number, kind, 1)
        + struct.pack(order + {3: "H", 4: "I"}[kind], at if number == 273 else value).ljust(room, b"\0")
        for number, kind, value in tags
    )
    count = struct.pack(f"{order}Q" if big else f"{order}H", len(tags))
    return head + count + entries + bytes(room) + IMAGE[:, :, 0].tobytes()


def webp_extended() -> bytes:
    """A WebP whose picture comes behind a header of its own (VP8X), as one with EXIF has."""
    inner = encoded(".webp", cv2.IMWRITE_WEBP_QUALITY, 50)[12:]
    head = b"VP8X" + struct.pack("<II", 10, 0) + (WIDTH - 1).to_bytes(3, "little") + (HEIGHT - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 4 + len(head) + len(inner)) + b"WEBP" + head + inner


def with_exif(jpeg: bytes, orientation: int) -> bytes:
    block = b"Exif\0\0II*\0" + struct.pack("<IHHHIII", 8, 1, 0x112, 3, 1, orientation, 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(block)) + block + jpeg[2:]


FILES = {
    "jpeg": encoded(".jpg"),
    "progressive jpeg": encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "turned jpeg": with_exif(encoded(".jpg"), 6),
    "png": encoded(".png"),
    "bmp": encoded(".bmp"),
    "bmp os/2": bmp(12),
    "bmp os/2 v2": bmp(64),
    "bmp v4": bmp(108),
    "bmp v5": bmp(124),
    "tiff": encoded(".tiff"),
    "tiff ii": tiff("<"),
    "tiff mm": tiff(">"),
    "bigtiff ii": tiff("<", big=True),
    "bigtiff mm": tiff(">", big=True),
    "webp lossy": encoded(".webp", cv2.IMWRITE_WEBP_QUALITY, 50),
    "webp lossless": encoded(".webp"),
    "webp extended": webp_extended(),
}
#: No photograph is taken for what begins like this, so that nothing of it is decoded.
NOT_TAKEN = ("bigtiff ii", "bigtiff mm")


def decoded(data: bytes) -> tuple[int, int] | None:
    """(width, height) of what OpenCV makes of it, as stored."""
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    return None if image is None else (image.shape[1], image.shape[0])


@pytest.mark.parametrize("kind", FILES)
def test_the_header_says_what_is_decoded(kind: str) -> None:
    data = FILES[kind]
    assert decoded(data) == (WIDTH, HEIGHT)
    assert picture_size(data) == (None if kind in NOT_TAKEN else (WIDTH, HEIGHT))
    assert data.startswith(PHOTO_MAGIC) is (kind not in NOT_TAKEN)


@st.composite
def mutations(draw: st.DrawFn, data: bytes) -> bytes:
    """The file with a few changes near its beginning, at its end or in a TIFF's directory, wherever that lies."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.one_of(st.integers(0, 40), st.integers(0, 200))) % len(changed)
        kind = draw(st.sampled_from(("number", "number", "number", "cut", "double", "noise", "swap")))
        if kind == "number":
            form, most = draw(
                st.sampled_from((("B", 0xFF), ("<H", 0xFFFF), (">H", 0xFFFF), ("<I", 0xFFFF_FFFF), (">I", 0xFFFF_FFFF)))
            )
            number = draw(st.one_of(st.sampled_from(ODD), st.integers(0, 3000), st.integers(0, most))) & most
            changed[at : at + struct.calcsize(form)] = struct.pack(form, number)
        elif kind == "cut":
            del changed[at : at + draw(st.integers(1, 30))]
        elif kind == "double":
            changed[at:at] = changed[at : at + draw(st.integers(1, 30))]
        elif kind == "noise":
            changed[at:at] = draw(st.binary(min_size=1, max_size=20))
        else:
            length, other = draw(st.sampled_from((2, 4, 12))), draw(st.integers(0, 200)) % len(changed)
            changed[at : at + length] = changed[other : other + length]
        if not changed:
            return b""
    return bytes(changed)


@pytest.mark.parametrize("kind", FILES)
def test_no_header_makes_opencv_decode_more_than_it_said(kind: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
    @given(mutations(FILES[kind]))
    def check(data: bytes) -> None:
        try:
            said = picture_size(data)
        except TwoSizes:
            return
        # What no size is known of, or too much, is not decoded.
        if said is None or said[0] * said[1] > MOST_PIXELS:
            return
        found = decoded(data)
        assert found is None or found == said

    check()


#: Mutated headers of each kind; 3,000 of each have been tried once.
EXAMPLES = 100


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tag", [256, 257])
def test_a_tiff_that_says_its_size_twice_is_refused_in_a_sentence(tmp_path: Path, order: str, tag: int) -> None:
    path = tmp_path / "twice.tif"
    path.write_bytes(tiff(order, (tag, 4, 10)))
    with pytest.raises(Unreadable, match=r"twice\.tif says its size twice"):
        probe(path)


def test_a_bmp_whose_header_length_ends_like_that_of_os2_is_as_large_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "bomb.bmp"
    header = struct.pack("<IiiHH", 0x10C, 45_000, 45_000, 1, 24).ljust(0x10C, b"\0")
    path.write_bytes(struct.pack("<2sIHHI", b"BM", 0, 0, 0, 14 + len(header)) + header + bytes(1000))
    with pytest.raises(Unreadable, match=r"bomb\.bmp claims 45000 x 45000 pixels"):
        read_photo(path)


@pytest.mark.parametrize(
    "module",
    ["dashplate.cli", "workers.celery_app.app", "workers.serve", "training.detector.pictures.degrade",
     "bench.road.naive", "synthesis.drive", "tests.conftest"],
)  # fmt: skip
def test_opencv_itself_refuses_larger_pictures_in_every_program(module: str) -> None:
    side = int(PHOTO_PIXELS**0.5) + 1
    code = f"""
import {module}, struct, cv2, numpy
data = struct.pack("<2sIHHIIiiHH", b"BM", 0, 0, 0, 54, 40, {side}, {side}, 1, 24).ljust(54, bytes(1)) + bytes(100)
try:
    cv2.imdecode(numpy.frombuffer(data, numpy.uint8), cv2.IMREAD_COLOR)
except cv2.error as refused:
    print(refused)
"""
    env = os.environ | {"PYTHONPATH": str(ROOT), "OPENCV_IO_MAX_IMAGE_PIXELS": str(10**15)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert "CV_IO_MAX_IMAGE_PIXELS" in done.stdout
