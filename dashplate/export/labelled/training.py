"""What `dashplate eval` and `training/` take: crops with their texts, frames with their boxes.

recognition/labels.csv    crops/       `eval reading`, `python -m training.reader`
detection/boxes.csv       images/      `eval detection`, `python -m training.detector`
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dashplate.export.labelled.place import Place
from dashplate.export.labelled.samples import Label, Picture, Sample
from output.tables import csv_text
from training.reader.pictures.material import CORRECTED, NO_PLATE

_CORNERS = ("x1", "y1", "x2", "y2")
_LABELS = ("image", "split", "plate_text", "width", "height", "country", "source", "licence", "note", *_CORNERS)
_BOXES = (
    "image", "split", "width", "height", *_CORNERS, "plate_text", "legibility", "country", "source", "licence",
    "every_plate_boxed",
)  # fmt: skip
_SOURCE = "dashplate"


def write_training(place: Place, samples: Iterable[Sample]) -> int:
    """Write crops, frames and both tables; returns how many sightings there were a picture of."""
    labels: list[tuple[Any, ...]] = []
    boxes: list[tuple[Any, ...]] = []
    told: set[int] = set()
    for sample in samples:
        for label in sample.labels:
            if label.crop is not None:
                labels.append(_crop(place, label, label.crop))
                told.add(label.sighting)
        plates = [label for label in sample.labels if label.is_plate]
        if sample.frame is not None and plates:
            image = f"corrected_{sample.name}.jpg"
            place.put(f"detection/images/{image}", sample.frame.data)
            boxes += [_box(image, sample, sample.frame, label) for label in plates]
            told.update(label.sighting for label in plates)
    place.put("recognition/labels.csv", csv_text(_LABELS, labels).encode())
    place.put("detection/boxes.csv", csv_text(_BOXES, boxes).encode())
    return len(told)


def _crop(place: Place, label: Label, crop: Picture) -> tuple[Any, ...]:
    image = f"{label.sighting}.png"
    place.put(f"recognition/crops/{image}", crop.data)
    note = CORRECTED if label.is_plate else NO_PLATE
    box = label.crop_box
    corners = ("",) * 4 if box is None else tuple(round(at, 1) for at in box.as_tuple())
    size = (crop.width, crop.height)
    return (image, label.split, label.text, *size, label.country, _SOURCE, "", note, *corners)


def _box(image: str, sample: Sample, frame: Picture, label: Label) -> tuple[Any, ...]:
    corners = (round(at, 1) for at in label.box.clipped(frame.width, frame.height).as_tuple())
    known = (label.text, "clear", label.country, _SOURCE, "")
    # Only this sighting was looked at: other plates may be in the frame.
    return (image, sample.split, frame.width, frame.height, *corners, *known, 0)
