"""Small print and the characters of other scripts, in the faces that OpenCV brings along."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]

#: OpenCV's faces: "uni" knows Greek, Cyrillic, Arabic, Kana, Hangul and Chinese beside Latin, the others Latin alone.
FACES = ("sans", "serif", "uni")


@lru_cache(maxsize=4)
def _face(name: str) -> Any:
    return cv2.FontFace(name)


@lru_cache(maxsize=512)
def script_mask(text: str, height_px: int, *, face: str = "uni", weight: int = 600, width: float = 1.0) -> Mask:
    """Return the coverage, 0 to 255, of a line trimmed to its ink and then made ``height_px`` high.

    ``width`` narrows or widens the letters. One blank column where the face has no ink for the text.
    """
    size = max(24, height_px)
    canvas = np.zeros((size * 2, size * (len(text) + 2) * 2, 3), np.uint8)
    cv2.putText(canvas, text, (size, size * 3 // 2), (255, 255, 255), _face(face), size, weight)
    x, y, w, h = cv2.boundingRect(canvas[..., 0])
    if not w or not h:
        return np.zeros((height_px, 1), np.uint8)
    wide = max(1, round(w * height_px / h * width))
    return np.asarray(
        cv2.resize(canvas[y : y + h, x : x + w, 0], (wide, height_px), interpolation=cv2.INTER_AREA), np.uint8
    )
