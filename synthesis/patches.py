"""Soft patches: random values on a coarse grid, drawn out smoothly into clouds, dirt, uneven light or reflections."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def soft_patches(coarse: NDArray[np.floating[Any]], high: int, wide: int) -> NDArray[np.float32]:
    """Return the values of a grid drawn out over a picture, (high, wide); between them they may overshoot a little."""
    drawn_out = cv2.resize(coarse.astype(np.float32), (wide, high), interpolation=cv2.INTER_CUBIC)
    return np.asarray(drawn_out, np.float32)


def parted(soft: NDArray[np.float32], steepest: tuple[float, float], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return patches of values from 0 to 1 parted at some level: 0 below it, 1 above, the edges as steep as drawn."""
    return np.clip((soft - rng.uniform(0.3, 0.6)) * rng.uniform(*steepest), 0, 1)
