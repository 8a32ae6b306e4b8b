"""The picture that goes along with a sighting."""

from __future__ import annotations

from sqlalchemy import RowMapping

from output.files import jpeg_bytes
from store import DamagedFile, MissingFile
from workers.result_store import store


def picture_of(sighting: RowMapping | None) -> bytes | None:
    """The frame that a sighting was read from, else its crop, as JPEG; None where neither is kept."""
    for name in () if sighting is None else (sighting["frame"], sighting["crop"]):
        try:
            if name and name.endswith(".jpg"):
                return store().get(name)
            if name:
                return jpeg_bytes(store().get_image(name))
        except (MissingFile, DamagedFile):
            continue
    return None
