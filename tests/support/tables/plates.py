"""Plates of a stand-in drive, their hashes, and what of them a text gives away."""

from __future__ import annotations

from bench.standin import plate_text
from db.findings.plate_hashing import plate_key
from tests.support.road import KEY

DRIVE = "drive.mp4"
#: What the stand-in shows in two segments, and what it doubts.
PLATES = [plate_text(DRIVE, number) for number in range(3)]
WORDS = [*PLATES, *(plate[:-1] + "1" for plate in PLATES)]


def hashed(plate: str) -> str:
    return plate_key(KEY).hashed(plate)


def readable(text: str) -> list[str]:
    """The plates that a text gives away, in any case."""
    return [word for word in WORDS if word.lower() in text.lower()]
