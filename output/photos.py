"""What a photograph shows, as JSON: as `dashplate read --json` prints it and as the service answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.photo import PhotoPlate
from pipeline.records import Image


def as_json_object(name: str, image: Image, plates: Sequence[PhotoPlate]) -> dict[str, Any]:
    """A picture and its plates; boxes in pixels of the original picture."""
    return {
        "image": name,
        "width": image.shape[1],
        "height": image.shape[0],
        "plates": [_plate(p) for p in plates if p.reading is not None],
        "unread": [
            {"box": _box(p), "detection_confidence": round(p.detection.confidence, 4)}
            for p in plates
            if p.reading is None
        ],
    }


def _plate(plate: PhotoPlate) -> dict[str, Any]:
    reading = plate.reading
    assert reading is not None
    return {
        "text": reading.text,
        "shown": reading.shown,
        "country": reading.country,
        "confidence": round(reading.confidence, 4),
        "box": _box(plate),
        "detection_confidence": round(plate.detection.confidence, 4),
        "characters": [{"char": c.char, "confidence": round(c.confidence, 4)} for c in reading.characters],
        "alternatives": [{"text": c.text, "confidence": round(c.confidence, 4)} for c in reading.alternatives],
    }


def _box(plate: PhotoPlate) -> list[float]:
    return [round(value, 1) for value in plate.detection.box.as_tuple()]
