"""Who made the camera, where the file says so apart from its positions."""

from __future__ import annotations

import io
import struct

import pytest

from pipeline.camera.embedded.container.bounded import BoundedFile
from pipeline.camera.embedded.container.boxes import outermost
from pipeline.camera.embedded.maker import Maker, maker_of
from tests.support.camera_files.mp4 import FTYP, box


def maker_in(data: bytes) -> Maker:
    file = BoundedFile(io.BytesIO(data), len(data))
    outer, _ = outermost(file)
    return maker_of(file, outer, next((found for found in outer if found.kind == b"moov"), None))


def user_text(kind: bytes, text: str) -> bytes:
    return box(kind, struct.pack(">HH", len(text), 0x15C7), text.encode())


def item(kind: bytes, text: str) -> bytes:
    return box(kind, box(b"data", struct.pack(">II", 1, 0), text.encode()))


def handler(name: bytes) -> bytes:
    return box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), b"vide", bytes(12), name)))


@pytest.mark.parametrize(
    ("data", "maker"),
    [
        (FTYP, Maker()),
        (
            FTYP + box(b"moov", box(b"udta", user_text(b"\xa9mak", "Viofo"), user_text(b"\xa9mod", "A139 Pro"))),
            Maker("Viofo", "A139 Pro"),
        ),
        (
            FTYP
            + box(
                b"moov",
                box(
                    b"udta", box(b"meta", bytes(4), box(b"ilst", item(b"\xa9mak", "Apple"), item(b"\xa9mod", "iPhone")))
                ),
            ),
            Maker("Apple", "iPhone"),
        ),
        (
            FTYP
            + box(b"moov", box(b"udta", box(b"manu", bytes(4), b"\x15\xc7JVC\0"), box(b"modl", bytes(6), b"GC-X\0"))),
            Maker("JVC", "GC-X"),
        ),
        (FTYP + box(b"moov", box(b"udta", box(b"FIRM", b"HD8.01.02.51.00"))), Maker("GoPro")),
        (FTYP + box(b"moov", handler(b"\x0bGoPro AVC  ")), Maker("GoPro")),
        (FTYP + box(b"moov", handler(b"DJI.AVC\0")), Maker("DJI")),
        (FTYP + box(b"moov", handler(b"VideoHandler\0")), Maker()),
        (FTYP + box(b"free", box(b"cprt", b'{"model":"DR750-2CH LTE","ver":1.0}')), Maker("BlackVue", "DR750-2CH LTE")),
        (FTYP + box(b"free", box(b"cprt", b"Pittasoft Co., Ltd.")), Maker()),
    ],
)
def test_what_files_say(data: bytes, maker: Maker) -> None:
    assert maker_in(data) == maker


def test_names_are_short_and_printable() -> None:
    found = maker_in(FTYP + box(b"moov", box(b"udta", user_text(b"\xa9mod", "A\x07" * 200))))
    assert found.model == "A" * 60
