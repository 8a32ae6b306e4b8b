"""Pictures as the store's files: the name's ending says how."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from pipeline.errors import DashplateError
from pipeline.records import Image
from pipeline.video.evidence import encode_frame
from store.errors import DamagedFile

#: 0 to 9. Crops are small: beyond this, time goes up and size does not come down.
_PNG_COMPRESSION = 3


def encoded(name: str, image: Image) -> bytes:
    """A BGR image as PNG, without loss, or as JPEG. Raises DashplateError for what is no picture."""
    if name.endswith(".jpg"):
        return encode_frame(image)
    try:
        done, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_COMPRESSION])
    except cv2.error:
        done = False
    if not done:
        raise DashplateError(f"The crop {name} could not be encoded as PNG.")
    return data.tobytes()


def decoded(name: str, data: bytes) -> Image:
    """The BGR image in a file. Raises DamagedFile."""
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise DamagedFile(f"{name} in the result store is damaged: it is no picture any more.")
    return cast(Image, np.asarray(image, np.uint8))
