"""The picture of clips that tests make: a grey texture that moves, with a bright square in the upper left corner."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

#: Side of the bright square, as a part of the frame's shorter side.
CORNER_PART = 0.25

Picture = NDArray[np.uint8]


def picture(index: int, width: int, height: int) -> Picture:
    """Frame `index` of the moving texture: (height, width, 3) uint8, BGR."""
    image = np.repeat(_grey(index, width, height)[..., None], 3, axis=2)
    side = int(min(width, height) * CORNER_PART)
    image[:side, :side] = 250
    return image


#: So many are those of a clip of 6 s; at 640 x 360 they take 50 MB.
@lru_cache(200)
def _grey(index: int, width: int, height: int) -> Picture:
    across = np.sin((np.arange(width) + 4 * index) / 17)
    down = np.cos((np.arange(height) - 2 * index) / 11)
    return (80 + 40 * np.outer(down, across) + _grain(width, height)).astype(np.uint8)


@cache
def _grain(width: int, height: int) -> Picture:
    return np.random.default_rng(0).integers(0, 10, (height, width), dtype=np.uint8)


def corner_of(image: Picture) -> str:
    """Which corner of `image` carries the bright square: "top left", "bottom right", ..."""
    side = int(min(image.shape[:2]) * CORNER_PART) - 8
    corners = {
        "top left": image[:side, :side],
        "top right": image[:side, -side:],
        "bottom left": image[-side:, :side],
        "bottom right": image[-side:, -side:],
    }
    return max(corners, key=lambda name: float(corners[name].mean()))
