"""Who made the camera, and which one it is, where the file says so apart from its positions.

Source: QuickTime's user data (`©mak`, `©mod`), 3GPP's (`manu`, `modl`), Apple's keys, BlackVue's and GoPro's own boxes,
and the names that tracks' handlers go by.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.camera.embedded.container.bounded import BoundedFile
from pipeline.camera.embedded.container.boxes import Box, boxes, inside

_MAKE, _MODEL = frozenset({b"\xa9mak", b"manu", b"@mak"}), frozenset({b"\xa9mod", b"modl", b"@mod"})
#: What handlers' names and major brands begin with, and whose they are.
_NAMES = {"GoPro": "GoPro", "DJI": "DJI", "INS.": "Insta360", "Garmin": "Garmin", "XAVC": "Sony", "pana": "Panasonic"}
_KEYED = re.compile(rb"data\x00\x00\x00\x01.{4}([^\x00]{1,60})", re.DOTALL)
_MOST_LETTERS = 60


@dataclass(frozen=True, slots=True)
class Maker:
    """A maker's and a model's name; None where the file does not say."""

    make: str | None = None
    model: str | None = None


def maker_of(file: BoundedFile, outer: Sequence[Box], moov: Box | None) -> Maker:
    """By what is said outright, else by what only one maker writes."""
    make = model = None
    for box in _boxes_of_names(file, outer, moov):
        if box.kind in _MAKE:
            make = make or _text(box.kind, box.content(file, 200))
        elif box.kind in _MODEL:
            model = model or _text(box.kind, box.content(file, 200))
        elif box.kind == b"FIRM":
            make = make or "GoPro"
        elif box.kind == b"cprt" and (named := _blackvue(box.content(file, 400))):
            make, model = make or "BlackVue", model or named
    return Maker(make or _by_names(file, outer, moov), model)


def _boxes_of_names(file: BoundedFile, outer: Sequence[Box], moov: Box | None) -> Iterator[Box]:
    parents = [box for box in outer if box.kind in (b"free", b"skip", b"udta") and box.length > 16][:8]
    for parent in (moov and inside(file, moov, b"udta"), *parents):
        for box, _ in zip(boxes(file, parent.start, parent.end) if parent else (), range(100), strict=False):
            yield box
    listed = moov and inside(file, moov, b"udta", b"meta")
    if listed:
        # `meta` begins with its version, as ISO has it.
        for box in boxes(file, listed.start + 4, listed.end):
            if box.kind == b"ilst":
                yield from boxes(file, box.start, box.end)


def _by_names(file: BoundedFile, outer: Sequence[Box], moov: Box | None) -> str | None:
    names = [box.content(file, 4).decode("latin-1") for box in outer[:1] if box.kind == b"ftyp"]
    traks = [box for box in boxes(file, moov.start, moov.end) if box.kind == b"trak"][:16] if moov else []
    for trak in traks:
        handler = inside(file, trak, b"mdia", b"hdlr")
        names.append(
            handler.content(file, 80)[24:].lstrip(b"\x00\x01\x08\x09\x0a\x0b\x0c").decode("latin-1") if handler else ""
        )
    # Some write the name's length before it.
    return next(
        (make for start, make in _NAMES.items() for name in names if name[:12].lstrip().find(start) in (0, 1)), None
    )


def _blackvue(data: bytes) -> str | None:
    try:
        said = json.loads(data.rstrip(b"\0"))
    except (ValueError, RecursionError):
        return None
    model = said.get("model") if isinstance(said, dict) else None
    return _clean(model) if isinstance(model, str) else None


def _text(kind: bytes, data: bytes) -> str | None:
    """A name: in an item's data, behind 3GPP's version and language, or behind QuickTime's length and language."""
    if keyed := _KEYED.search(data):
        data = keyed[1]
    elif kind in (b"manu", b"modl"):
        data = data[6:]
    else:
        data = data[4 : 4 + int.from_bytes(data[:2], "big")]
    return _clean(data.decode("utf-8", "replace"))


def _clean(text: str) -> str | None:
    text = "".join(letter for letter in text.split("\0")[0] if letter.isprintable()).strip()
    return text[:_MOST_LETTERS] or None
