"""Photographs: read whole, once their size has been judged."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import cv2
import numpy as np

from pipeline.errors import Unreadable
from pipeline.records import Image, MediaInfo, MediaKind
from pipeline.sources.availability import check_answers
from pipeline.sources.source import Source, shown
from pipeline.video.container import open_source
from pipeline.video.image_size import PHOTO_PIXELS, TwoSizes, picture_size
from pipeline.video.recorded import recorded

#: Larger files are not taken for photographs.
PHOTO_BYTES = 512 * 1024 * 1024
JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A photograph, upright (EXIF orientation applied)."""

    image: Image
    #: False where the file ends early; what is missing of the image is grey.
    whole: bool


def read_photo(source: Source) -> Photo | None:
    """The photograph in a file; None where there is none.

    Raises `Unreadable` for one of more than PHOTO_PIXELS or of two sizes, `Away` for one that cannot be read now,
    `Inaccessible` where a remote one cannot be read at all.
    """
    try:
        with open_source(source) as file:
            if file.seek(0, os.SEEK_END) > PHOTO_BYTES:
                return None
            file.seek(0)
            data = file.read()
    except OSError as problem:
        check_answers(source, problem)
        return None
    return decode_photo(data, shown(source))


def wanted_photo(photo: Photo | None, name: str) -> Photo:
    """What was read of a file that has to be a photograph. Raises `Unreadable` where it is none."""
    if photo is None:
        raise Unreadable(f"{name} is no photograph: JPEG, PNG, WebP, BMP and TIFF are read.")
    return photo


def decode_photo(data: bytes, name: str, most_pixels: int = PHOTO_PIXELS) -> Photo | None:
    """The photograph in a file's bytes; None where there is none.

    Raises `Unreadable` with the file's `name` for one of more pixels or of two sizes.
    """
    try:
        size = picture_size(data)
    except TwoSizes:
        sentence = f"{name} says its size twice, so it is not decoded. Save it anew with an image program."
        raise Unreadable(sentence) from None
    if size is None:
        return None
    if size[0] * size[1] > most_pixels:
        raise Unreadable(
            f"{name} claims {size[0]} x {size[1]} pixels; {most_pixels // 10**6} million are the most that"
            " are decoded. Make it smaller."
        )
    image = _decoded(data)
    if image is not None:
        return Photo(image, whole=True)
    # OpenCV refuses a JPEG without its end mark; given one, it decodes what is there.
    image = _decoded(data + JPEG_END) if data.startswith(JPEG_START) else None
    return None if image is None else Photo(image, whole=False)


def _decoded(data: bytes) -> Image | None:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None else cast(Image, np.ascontiguousarray(image))


def probe_photo(source: Source) -> MediaInfo | None:
    """What is known of a photograph; None where the file is none. Raises as `read_photo`."""
    photo = read_photo(source)
    if photo is None:
        return None
    height, width = photo.image.shape[:2]
    return MediaInfo(
        path=source,
        kind=MediaKind.PHOTO,
        width=width,
        height=height,
        rotation=0,
        codec=source.suffix.lower().lstrip("."),
        time_base=Fraction(1, 1000),
        start_pts=0,
        end_pts=1,
        frame_rate=0.0,
        keyframes=(0,),
        frames=1,
        problem=None if photo.whole else f"{shown(source)} ends early; the part that is missing is left grey.",
        recorded=recorded(source, {}),
    )
