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


def as_openalpr(image: Image, plates: Sequence[PhotoPlate], began: float, seconds: float) -> dict[str, Any]:
    """What OpenALPR's `alpr -j` prints of a picture; `began` in seconds since 1970, confidences from 0 to 100."""
    height, width = image.shape[:2]
    read = [plate for plate in plates if plate.reading is not None]
    return {
        "version": 2,
        "data_type": "alpr_results",
        "epoch_time": round(began * 1000),
        "img_width": width,
        "img_height": height,
        "processing_time_ms": round(seconds * 1000, 3),
        "regions_of_interest": [{"x": 0, "y": 0, "width": width, "height": height}],
        "results": [_openalpr_result(plate, number, seconds / len(read)) for number, plate in enumerate(read)],
    }


def as_codeproject_prediction(text: str, confidence: float, box: Sequence[float]) -> dict[str, Any]:
    """One plate in `predictions` of CodeProject.AI's answers; `box` as x1, y1, x2, y2 in pixels."""
    x1, y1, x2, y2 = (round(value) for value in box)
    where = {"x_min": x1, "y_min": y1, "x_max": x2, "y_max": y2}
    return {"confidence": confidence, "label": f"Plate: {text}", "plate": text, **where}


def _openalpr_result(plate: PhotoPlate, number: int, seconds: float) -> dict[str, Any]:
    reading = plate.reading
    assert reading is not None
    x1, y1, x2, y2 = (round(value) for value in plate.detection.box.as_tuple())
    texts = [(reading.text, reading.confidence), *((c.text, c.confidence) for c in reading.alternatives)]
    candidates = [{"plate": text, "confidence": round(100 * share, 4), "matches_template": 0} for text, share in texts]
    return {
        **candidates[0],
        "plate_index": number,
        "region": (reading.country or "").lower(),
        "region_confidence": round(100 * (reading.country_confidence or 0.0), 4),
        "processing_time_ms": round(seconds * 1000, 3),
        "requested_topn": len(candidates),
        "coordinates": [{"x": x, "y": y} for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))],
        "candidates": candidates,
    }


def _plate(plate: PhotoPlate) -> dict[str, Any]:
    reading, unsure = plate.reading, plate.unsure_between
    assert reading is not None
    return {
        "text": reading.text,
        "shown": reading.shown,
        "country": reading.country,
        "country_confidence": None if reading.country_confidence is None else round(reading.country_confidence, 4),
        "regions": [{"name": name, "confidence": round(share, 4)} for name, share in plate.regions.items()],
        "confidence": round(reading.confidence, 4),
        "box": _box(plate),
        "detection_confidence": round(plate.detection.confidence, 4),
        "characters": [{"char": c.char, "confidence": round(c.confidence, 4)} for c in reading.characters],
        "alternatives": [{"text": c.text, "confidence": round(c.confidence, 4)} for c in reading.alternatives],
        "unsure_between": unsure and {**unsure._asdict(), "confidence": round(unsure.confidence, 4)},
    }


def _box(plate: PhotoPlate) -> list[float]:
    return [round(value, 1) for value in plate.detection.box.as_tuple()]
