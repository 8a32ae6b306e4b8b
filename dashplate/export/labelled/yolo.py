"""YOLO, as Ultralytics trains on it: `images/`, `labels/` with a text file for each picture, and `data.yaml`."""

from __future__ import annotations

from collections.abc import Iterable

from dashplate.export.labelled.place import Place
from dashplate.export.labelled.samples import Picture, Sample
from pipeline.records import Box

_FOLDERS = {"train": "train", "dev": "val"}


def write_yolo(place: Place, samples: Iterable[Sample]) -> int:
    """Write the frames, one class of boxes; returns how many sightings have a frame.

    A frame in which nothing but what is no plate is known has an empty file: it teaches that there is none.
    """
    boxes = 0
    used: set[str] = set()
    for sample in samples:
        if sample.frame is None:
            continue
        folder = _FOLDERS[sample.split]
        used.add(folder)
        place.put(f"images/{folder}/{sample.name}.jpg", sample.frame.data)
        lines = [_line(label.box, sample.frame) for label in sample.labels if label.is_plate]
        place.put(f"labels/{folder}/{sample.name}.txt", "".join(lines).encode())
        boxes += len(sample.labels)
    # Of few pictures all may be for one of the two, and Ultralytics wants both.
    names = {folder: folder if folder in used else next(iter(used), folder) for folder in _FOLDERS.values()}
    paths = "".join(f"{folder}: images/{name}\n" for folder, name in names.items())
    place.put("data.yaml", f"path: .\n{paths}names:\n  0: plate\n".encode())
    return boxes


def _line(box: Box, frame: Picture) -> str:
    inside = box.clipped(frame.width, frame.height)
    (x, y), size = inside.centre, (inside.width / frame.width, inside.height / frame.height)
    shares = (x / frame.width, y / frame.height, *size)
    return f"0 {' '.join(f'{share:.6f}' for share in shares)}\n"
