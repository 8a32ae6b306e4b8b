"""The reader: crops of a tracklet in, one reading out, or None where there is nothing to read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import numpy as np

from pipeline.crops.looks import looks_of
from pipeline.crops.text_lines import aspect, plate_image, split_rows
from pipeline.formats import Formats
from pipeline.formats.alphabet import BLANK, CLASSES, Posterior
from pipeline.reading.fuse import FuseOptions, fuse
from pipeline.reading.recognizers import Recognizer
from pipeline.records import Crop, Image, Reading

#: Network input that one line of a plate is stretched to at least: of 826 dev plates 792 are right at 112, 791 at 128
#: and 789 at 144; longer plates are wider than this anyway.
LINE_MIN_PX = 112
#: The same for a line that is not surely read, once more: its strokes fall on other pixels, and of three thin ones
#: alike none is lost again.
AGAIN_MIN_PX = 192
#: The same for one row of two, which has half the characters.
ROW_MIN_PX = 96
#: Squarer plates than this are read as two rows too. One-row plates of the US and Brazil are 2.0, so ...
TWO_ROWS_BELOW = 2.4
#: ... between this and that the second look is spared where the first is sure.
SQUARE_BELOW = 1.7
#: Mean character confidence of a sure reading.
SURE = 0.9
#: Where else two rows are parted, as shares of the plate's height, while they are not surely read: a bolt, a seal or a
#: small year hides the gap. Of 197 two-row plates 186 are right instead of 184, of 1,603 in one row as many as before
#: (`python -m bench.parts.row_gaps`).
OTHER_GAPS: tuple[float, ...] = (0.45, 0.55)
#: A line whose text is less sure than this is read once more, at another width.
SETTLED = 0.95
#: A reading with a lower mean character confidence is no reading: at 0.6 all but one of 546 dev plates have one, and 9
#: of 120 places that are no plate; 10 at 0.5, and 5 at 0.7, where private marks would be lost.
LEGIBLE = 0.6
#: The shortest and the longest plate; India's have 10.
MIN_CHARACTERS, MAX_CHARACTERS = 3, 10
#: Signs among false boxes whose text has a digit: words without any are what a detector takes for plates. With the
#: detector's score as prior, false boxes that keep a confidence of 0.3 fell from 29 to 6 of 543 (five of those read
#: like plates that nobody labelled), and right readings under 0.3 rose from 2 to 3 of 198, with the base reader.
SIGNS_WITH_DIGITS = 0.1
#: The detector's lowest meaningful score.
_LEAST_SEEN = 0.01
#: A picture this much taller than wide lies on its side.
ON_ITS_SIDE_BELOW = 0.8

#: The pictures of one plate, BGR, each filled by it.
Plate: TypeAlias = Sequence[Image]
#: A way to look at plates: for each, what the recogniser says of each of its pictures.
_Way: TypeAlias = Callable[[Sequence[Plate]], list[list[Posterior]]]

_CERTAIN_BLANK = np.eye(1, CLASSES, BLANK, dtype=np.float32)


class Reader:
    """Reads plates with a recogniser, under the formats asked for."""

    def __init__(self, recognizer: Recognizer, formats: Formats, options: FuseOptions | None = None) -> None:
        self._recognizer = recognizer
        self._formats = formats
        self._options = options or FuseOptions()

    def read_tracklet(self, crops: Sequence[Crop]) -> Reading | None:
        """The fused reading of one plate's crops; None where nothing is legible."""
        return self.read_tracklets([crops])[0]

    def read_tracklets(self, batch: Sequence[Sequence[Crop]]) -> list[Reading | None]:
        """One reading, or None, per tracklet; their crops share the calls of the network."""
        plates = [[plate_image(crop) for crop in crops] for crops in batch]
        readings = self._read(plates, [[crop.quality for crop in crops] for crops in batch])
        return [reading and self._doubted(reading, crops) for reading, crops in zip(readings, batch, strict=True)]

    def read_plate_image(self, image: Image) -> Reading | None:
        """A photograph that one plate fills, BGR; lying on its side it is read both ways up."""
        turned = [image]
        if aspect(image) < ON_ITS_SIDE_BELOW:
            turned = [np.ascontiguousarray(np.rot90(image, quarters)) for quarters in (1, 3)]
        readings = self._read([[upright] for upright in turned], [[1.0] for _ in turned])
        return max(readings, key=_legible_surplus)

    def _read(self, plates: Sequence[Plate], qualities: Sequence[Sequence[float]]) -> list[Reading | None]:
        """The best reading of each plate: a square one's rows first, any other's line."""
        best: list[Reading | None] = [None] * len(plates)

        def look(chosen: Sequence[int], way: _Way) -> None:
            seen = self._fused(way([plates[i] for i in chosen]), [qualities[i] for i in chosen])
            for index, reading in zip(chosen, seen, strict=True):
                best[index] = max(best[index], reading, key=_legible_surplus)

        def unsure(chosen: Sequence[int]) -> list[int]:
            return [i for i in chosen if not _is_sure(best[i])]

        shapes = [_shape(plate) for plate in plates]
        square = [i for i, shape in enumerate(shapes) if shape < SQUARE_BELOW]
        long = [i for i, shape in enumerate(shapes) if shape >= SQUARE_BELOW]
        look(long, self._as_line)
        look([i for i in long if _is_unsettled(best[i])], self._as_wider_line)
        rows = [*square, *unsure([i for i in long if shapes[i] < TWO_ROWS_BELOW])]
        for gap in (None, *OTHER_GAPS):
            look(rows, partial(self._as_rows, gap=gap))
            rows = [i for i in unsure(rows) if _is_half_read(best[i])]
        look(unsure(square), self._as_line)
        return [
            self._named(reading, plate) if reading is not None and _is_legible(reading) else None
            for reading, plate in zip(best, plates, strict=True)
        ]

    def _named(self, reading: Reading, plate: Plate) -> Reading:
        """The reading with the country that its text and the plate's looks tell."""
        match = self._formats.match(reading.text, looks_of(plate))
        return replace(reading, country=match.country, country_confidence=match.confidence) if match else reading

    def _doubted(self, reading: Reading, crops: Sequence[Crop]) -> Reading:
        """The reading with the chance that it is a sign, and no plate, taken off its texts' confidences."""
        seen = sum(crop.observation.confidence for crop in crops) / len(crops)
        odds = (1.0 - seen) / max(seen, _LEAST_SEEN)
        if any(char.isdigit() for char in reading.text):
            odds *= SIGNS_WITH_DIGITS
        plate = math.exp(self._formats.against_a_sign(reading.text))
        share = plate / (plate + odds)
        others = tuple(replace(other, confidence=other.confidence * share) for other in reading.alternatives)
        return replace(reading, confidence=reading.confidence * share, alternatives=others)

    def _fused(
        self, matrices: Sequence[Sequence[Posterior]], qualities: Sequence[Sequence[float]]
    ) -> list[Reading | None]:
        return [
            fuse(own, weights, self._formats, self._options) if own else None
            for own, weights in zip(matrices, qualities, strict=True)
        ]

    def _as_line(self, plates: Sequence[Plate], min_px: int = LINE_MIN_PX) -> list[list[Posterior]]:
        images = [image for plate in plates for image in plate]
        return _grouped(self._recognizer.probabilities(images, min_px), plates)

    def _as_wider_line(self, plates: Sequence[Plate]) -> list[list[Posterior]]:
        return self._as_line(plates, AGAIN_MIN_PX)

    def _as_rows(self, plates: Sequence[Plate], gap: float | None) -> list[list[Posterior]]:
        """Each plate's two rows, parted at a share of its height or where there is least ink, as one line."""
        rows = [row for plate in plates for image in plate for row in split_rows(image, gap)]
        return _grouped(rows_joined(self._recognizer.probabilities(rows, ROW_MIN_PX)), plates)


def rows_joined(rows: Sequence[Posterior]) -> list[Posterior]:
    """Upper and lower rows in turn as one line each: top, a certain blank, bottom."""
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return [np.concatenate([top, _CERTAIN_BLANK, bottom]) for top, bottom in pairs]


def _grouped(matrices: Sequence[Posterior], plates: Sequence[Plate]) -> list[list[Posterior]]:
    rest = iter(matrices)
    return [[next(rest) for _ in plate] for plate in plates]


def _shape(plate: Plate) -> float:
    """Width over height, as most of its pictures have it; infinite where there is none."""
    return float(np.median([aspect(image) for image in plate])) if plate else math.inf


def _is_sure(reading: Reading | None) -> bool:
    return reading is not None and _mean_confidence(reading) >= SURE


def _is_half_read(reading: Reading | None) -> bool:
    """Whether another gap may show more: where nothing at all is legible there is no plate, for the most part."""
    return reading is not None and _mean_confidence(reading) >= LEGIBLE


def _is_unsettled(reading: Reading | None) -> bool:
    return reading is not None and reading.confidence < SETTLED


def _legible_surplus(reading: Reading | None) -> float:
    """How far a reading's characters, each counted, rise above what is barely legible.

    The best of the measures tried for choosing between one row and two: right for 98% of 197 one-row and 87% of 99
    two-row plates, where the confidence of the whole text chooses right for 97% and 67% (with the base reader).
    """
    if reading is None:
        return -math.inf
    return sum(confidence - LEGIBLE for confidence in reading.confidences)


def _mean_confidence(reading: Reading) -> float:
    return sum(reading.confidences) / len(reading.confidences)


def _is_legible(reading: Reading) -> bool:
    if not MIN_CHARACTERS <= len(reading.text) <= MAX_CHARACTERS:
        return False
    return _mean_confidence(reading) >= LEGIBLE
