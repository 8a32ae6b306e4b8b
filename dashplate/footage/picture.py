"""What a Python program may give as a photograph: a file, its bytes, or an array."""

from __future__ import annotations

import os
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UsageError
from pipeline.records import Image
from pipeline.video.image_size import PHOTO_PIXELS

#: A path or an address, the bytes of a picture file, or a BGR array of uint8, (height, width, 3).
Picture: TypeAlias = str | os.PathLike[str] | bytes | NDArray[np.uint8]


def checked(image: NDArray[np.uint8]) -> Image:
    """The array, where it is a picture. Raises UsageError."""
    if not isinstance(image, np.ndarray):
        raise UsageError(f"A path, bytes or an array is wanted, not {type(image).__name__}.")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        is_now = f"{image.dtype}, {image.shape}"
        raise UsageError(f"An image is an array of uint8, (height, width, 3), in BGR order; this one is {is_now}.")
    if image.shape[0] * image.shape[1] > PHOTO_PIXELS:
        raise UsageError(f"An image has at most {PHOTO_PIXELS // 10**6} million pixels. Make it smaller.")
    return np.ascontiguousarray(image)
