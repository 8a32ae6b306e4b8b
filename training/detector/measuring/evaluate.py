"""Measures a detector on the development pictures, through Ultralytics as the pipeline runs it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.detector.measuring.measure import Scored, match, overlaps, recall_by_width, score
from training.detector.pictures.photos import Boxes, Image, Photo, load_photos

#: Long side of the network's input, pixels. A 1280x720 frame becomes 640x384, 960x544 or 1280x736.
INPUT_SIZES_PX = (640, 960, 1280)
#: Detections below are not counted at all.
LOWEST_CONFIDENCE = 0.01
BATCH = 8
#: Plates do not overlap: Ultralytics' own 0.7 leaves two boxes on many plates (precision .71 against .80).
NMS_IOU = 0.45


@dataclass(frozen=True)
class Found:
    """What the detector said about one picture."""

    boxes: Boxes
    confidence: NDArray[np.float32]


class Detector:
    """A model file or folder that Ultralytics loads."""

    def __init__(self, path: Path) -> None:
        from ultralytics.models import YOLO

        self._model: Any = YOLO(str(path), task="detect")

    def find(self, images: Sequence[Image], size_px: int, lowest: float = LOWEST_CONFIDENCE) -> list[Found]:
        """Detect in pictures of one shape, at a network input whose long side is `size_px`."""
        results = self._model.predict(
            list(images),
            imgsz=size_px,
            conf=lowest,
            iou=NMS_IOU,
            device="cpu",
            verbose=False,
            rect=True,
            batch=len(images),
        )
        return [
            Found(r.boxes.xyxy.numpy().astype(np.float32), r.boxes.conf.numpy().astype(np.float32)) for r in results
        ]


def detect_all(detector: Detector, photos: Iterable[Photo], size_px: int) -> dict[Path, Found]:
    """Detect in every photo, in batches of equal shape."""
    found: dict[Path, Found] = {}
    by_shape = sorted(photos, key=lambda photo: photo.read().shape)
    for _, group in groupby(by_shape, key=lambda photo: photo.read().shape):
        same = list(group)
        for start in range(0, len(same), BATCH):
            batch = same[start : start + BATCH]
            results = detector.find([photo.read() for photo in batch], _worthwhile(size_px, batch[0].read()))
            found.update(zip((photo.path for photo in batch), results, strict=True))
    return found


def _worthwhile(size_px: int, image: Image) -> int:
    """Enlarging a small picture past its own size shows nothing new: stop at the next full stride."""
    own = -(-int(max(image.shape[:2])) // 32) * 32
    return min(size_px, max(INPUT_SIZES_PX[0], own))


def merge(a: Found, b: Found) -> Found:
    """Join what two looks at one picture found, the surer box where they overlap."""
    boxes, confidence = np.vstack([a.boxes, b.boxes]), np.concatenate([a.confidence, b.confidence])
    kept: list[int] = []
    for index in np.argsort(-confidence, kind="stable"):
        if not kept or overlaps(boxes[index : index + 1], boxes[kept]).max() < NMS_IOU:
            kept.append(int(index))
    return Found(boxes[kept], confidence[kept])


def scored(photos: Iterable[Photo], found: dict[Path, Found]) -> list[Scored]:
    """Match what was found in each photo with its plates."""
    return [
        match(
            found[p.path].boxes,
            found[p.path].confidence,
            p.boxes,
            complete=p.every_plate_boxed,
            ignored=p.doubtful,
        )
        for p in photos
    ]


def evaluate(model: Path, data: Path, threshold: float) -> str:
    """Return the table of one model over the development split, as Markdown."""
    photos = load_photos(data, "dev")
    detector = Detector(model)
    looks = {str(size): detect_all(detector, photos, size) for size in INPUT_SIZES_PX}
    looks["640 + 1280"] = {path: merge(looks["640"][path], looks["1280"][path]) for path in looks["640"]}
    lines = [
        "| Pictures | Input | Recall | Precision | AP50 | False boxes a picture | <40 px | 40-60 | 60-100 | >100 |",
        "|" + "---|" * 10,
    ]
    for group in sorted({photo.group for photo in photos}):
        chosen = [photo for photo in photos if photo.group == group]
        lines += [_line(group, size, scored(chosen, found), threshold) for size, found in looks.items()]
    return "\n".join(lines)


def _line(group: str, size: str, pictures: list[Scored], threshold: float) -> str:
    total = score(pictures, threshold)
    false = "" if total.false_per_picture is None else f"{total.false_per_picture:.3f}"
    widths = [f"{recall:.3f} ({count})" if count else "" for count, recall in recall_by_width(pictures, threshold)]
    cells = [
        f"{group} ({total.pictures}, {total.plates} plates)",
        size,
        f"{total.recall:.3f}",
        f"{total.precision:.3f}",
        f"{total.ap50:.3f}",
        false,
        *widths,
    ]
    return "| " + " | ".join(cells) + " |"
