"""Flat plates to be laid into pictures: photographed ones, those of known countries, and invented ones.

A detector has to know what all plates have in common, and not the fonts and colours of the countries at hand. So
two in five follow no country: any ground, one to three rows, any script, stripes, bands and small print.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from synthesis.drawing.plates import STYLES, random_plate
from synthesis.layouts.plates import invented_plate
from training.detector.pictures.photos import Image

Rng = np.random.Generator

#: Chances of one row, two and three among invented plates.
_ROWS = (0.5, 0.45, 0.05)


class PlateMaker:
    """Draws plates, and takes real plate crops of `data/recognition` (training split), to be pasted."""

    #: Shares of photographed plates, of plates in the style of a country; the others are invented.
    REAL, STYLED = 0.42, 0.2

    def __init__(self, crops: list[Path]) -> None:
        self._crops = crops

    def plate(self, rng: Rng) -> Image:
        """Return one flat plate, BGR, uint8."""
        draw = rng.random()
        if self._crops and draw < self.REAL:
            image = cv2.imread(str(self._crops[int(rng.integers(len(self._crops)))]))
            if image is not None:
                return np.asarray(image, np.uint8)
        if draw < self.REAL + self.STYLED:
            style = list(STYLES.values())[int(rng.integers(len(STYLES)))]
            return random_plate(style, rng).image
        return invented(rng)


def invented(rng: Rng) -> Image:
    """Draw a plate of no country, BGR."""
    return invented_plate(int(rng.choice([1, 2, 3], p=_ROWS)), rng).image
