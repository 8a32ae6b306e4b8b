"""Opens the pictures of a truth."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UsageError
from pipeline.records import Image
from pipeline.video.photograph import read_photo


def open_image(path: Path) -> Image:
    """The picture in a file, upright, BGR. Raises UsageError where there is none."""
    photo = read_photo(path)
    if photo is None:
        raise UsageError(f"{path} is no picture that can be decoded.")
    return photo.image
