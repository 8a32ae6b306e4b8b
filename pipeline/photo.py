"""Reads the plates of a photograph: found, cut out and read one by one, or the whole picture where it is one plate."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.crops import cut
from pipeline.detect import Detector
from pipeline.read import Reader
from pipeline.records import Box, Detection, Image, Observation, Reading

#: A picture whose longer side is below this may be a plate that somebody has already cut out.
CUT_OUT_BELOW_PX = 640
#: Nothing longer than this, against its height, is a plate.
MOST_ELONGATED = 8.0
#: Such a picture is read as a whole when that explains this much more than the boxes inside it do.
WHOLE_PICTURE_BONUS = 1.05


@dataclass(frozen=True, slots=True)
class PhotoPlate:
    """One plate of a photograph; `reading` is None where it was found but shows nothing legible."""

    detection: Detection
    reading: Reading | None


def read_plates(image: Image, detector: Detector, reader: Reader) -> list[PhotoPlate]:
    """The plates of a BGR picture, surest detection first; boxes in pixels of the picture."""
    detections = detector.detect([image])[0]
    crops = [cut(image, Observation(0, 0.0, d.box, d.confidence)) for d in detections]
    legible = [crop for crop in crops if crop is not None]
    readings = iter(reader.read_tracklets([[crop] for crop in legible]))
    plates = [PhotoPlate(d, next(readings) if c is not None else None) for d, c in zip(detections, crops, strict=True)]
    return _whole_picture(image, reader, plates) if max(image.shape[:2]) < CUT_OUT_BELOW_PX else plates


def _whole_picture(image: Image, reader: Reader, plates: list[PhotoPlate]) -> list[PhotoPlate]:
    """A small picture is often a plate already cut out: take it whole where that reads better."""
    height, width = image.shape[:2]
    if sum(p.reading is not None for p in plates) > 1 or not 1 / MOST_ELONGATED <= width / height <= MOST_ELONGATED:
        return plates
    whole = reader.read_plate_image(image)
    found = max((_characters(p.reading) for p in plates), default=0.0)
    if whole is None or _characters(whole) < found * WHOLE_PICTURE_BONUS:
        return plates
    return [PhotoPlate(Detection(Box(0.0, 0.0, float(width), float(height)), 0.0), whole)]


def _characters(reading: Reading | None) -> float:
    """Characters that are right, by the reader's own account."""
    return sum(c.confidence for c in reading.characters) if reading else 0.0
