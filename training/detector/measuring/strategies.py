"""Measures ways to look at a whole frame with one network: input sizes, a band, tiles, a second look."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np

from pipeline.detection.multi_scale import COARSEST_PX
from pipeline.detection.plate_detector import single_look, whole_picture_detector
from pipeline.detection.recheck import SURE, RecheckOptions
from pipeline.detection.yolo import INPUT_PX, Detector, DetectorOptions, merge_overlapping
from pipeline.records import Detection, Image
from training.detector.measuring.evaluate import BATCH, Found, scored
from training.detector.measuring.measure import RIGHT_IOU, Scored, overlaps, score
from training.detector.pictures.photos import Boxes, Photo, load_photos, no_boxes

#: Boxes below are not asked for: average precision needs the unsure ones too.
_LOWEST = 0.01
#: The width from which on the floors of the project count, pixels of the picture.
_LEAST_WIDTH_PX = 40.0
#: Upper and lower edge of the band of interest, as shares of the frame's height: above is sky, below the bonnet.
BAND = (0.3, 0.9)
#: Width of a plate in the close-ups, as a share of a frame of this width and height.
_CLOSE_UP, _FRAME = 0.5, (1280, 720)
Window = tuple[int, int, int, int]


class Cut:
    """Looks at parts of each picture, side by side, and joins what it finds."""

    def __init__(self, inner: Detector, windows: Callable[[int, int], list[Window]]) -> None:
        self._inner, self._windows = inner, windows

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Plates per image, best first, in pixels of the image."""
        parts = [(i, w) for i, image in enumerate(images) for w in self._windows(*image.shape[:2])]
        seen = self._inner.detect([images[i][y1:y2, x1:x2] for i, (x1, y1, x2, y2) in parts])
        found: list[list[Detection]] = [[] for _ in images]
        for (i, (x, y, _, _)), detections in zip(parts, seen, strict=True):
            found[i] += [replace(d, box=d.box.shifted(x, y)) for d in detections]
        return [merge_overlapping(detections) for detections in found]


def band(height: int, width: int) -> list[Window]:
    """The rows between which plates of a dashcam's frames lie."""
    return [(0, int(BAND[0] * height), width, int(BAND[1] * height))]


def two_tiles(height: int, width: int) -> list[Window]:
    """Left and right part of the picture, an eighth of its width in common."""
    shared = width // 16
    return [(0, 0, width // 2 + shared, height), (width // 2 - shared, 0, width, height)]


def strategies(weights: Path) -> dict[str, Detector]:
    """What is compared, by the name that the table shows."""

    def look(px: int) -> Detector:
        return single_look(DetectorOptions(weights, px, _LOWEST, BATCH))

    def scaled(px: int) -> Detector:
        return whole_picture_detector(DetectorOptions(weights, px, _LOWEST, BATCH))

    def twice(px: int, sure: float = SURE) -> Detector:
        return whole_picture_detector(DetectorOptions(weights, px, _LOWEST, BATCH), RecheckOptions(_LOWEST, sure=sure))

    shipped = f"{INPUT_PX} + {COARSEST_PX}"
    return {
        "640": look(640),
        "832": look(832),
        "896": look(896),
        "960": look(960),
        "1280": look(1280),
        shipped: scaled(INPUT_PX),
        "640, rows 30-90% only": Cut(look(640), band),
        "896, rows 30-90% only": Cut(look(896), band),
        "two tiles at 640": Cut(look(640), two_tiles),
        f"{shipped} + second look": twice(INPUT_PX),
        f"{shipped} + second look at every box": twice(INPUT_PX, sure=1.01),
    }


def compare_strategies(weights: Path, data: Path, threshold: float) -> str:
    """Return the table over the development pictures, as Markdown.

    Recall of plates of 40 px and wider, average precision of all, wrong boxes a picture where every plate is boxed,
    recall on close-ups, and milliseconds a picture of 1280x720 (the Romanian rides), in batches of eight.
    """
    photos = load_photos(data, "dev")
    groups = {group: [photo for photo in photos if photo.group == group] for group in sorted({p.group for p in photos})}
    lines = [
        "| Look | "
        + " | ".join(f"{group}: recall >= 40 px, AP50, false" for group in groups)
        + " | recall, close-ups | ms a frame |",
        "|" + "---|" * (len(groups) + 3),
    ]
    for name, detector in strategies(weights).items():
        cells, took = [], 0.0
        for group, chosen in groups.items():
            found, seconds = _run(detector, chosen)
            cells.append(_cell(scored(chosen, found), threshold))
            took = seconds / len(chosen) * 1000 if group == "ro" else took
        cells.append(f"{_recall_of_close_ups(detector, groups['openalpr'], threshold):.3f}")
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {took:.1f} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def _recall_of_close_ups(detector: Detector, photos: Sequence[Photo], threshold: float) -> float:
    """Recall where each photo's first plate has been brought to half the width of a 1280x720 frame."""
    found = []
    for photo in photos:
        image, truth = _close_up(photo)
        boxes = _as_found([d for d in detector.detect([image])[0] if d.confidence >= threshold]).boxes
        found.append(overlaps(boxes, truth).max(initial=0) >= RIGHT_IOU)
    return float(np.mean(found))


def _close_up(photo: Photo) -> tuple[Image, Boxes]:
    box = photo.boxes[0]
    scale = _FRAME[0] * _CLOSE_UP / float(box[2] - box[0])
    x, y = (box[0] + box[2]) / 2 - _FRAME[0] / scale / 2, (box[1] + box[3]) / 2 - _FRAME[1] / scale / 2
    matrix = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]])
    image = cv2.warpAffine(photo.read(), matrix, _FRAME, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    truth = (box[None] - np.array([x, y, x, y])) * scale
    return np.asarray(image, np.uint8), np.asarray(truth, np.float32)


def _cell(pictures: list[Scored], threshold: float) -> str:
    total = score(pictures, threshold)
    false = "" if total.false_per_picture is None else f", {total.false_per_picture:.2f}"
    wide = [p.found_at[p.width_px >= _LEAST_WIDTH_PX] >= threshold for p in pictures]
    return f"{np.concatenate(wide).mean():.3f}, {total.ap50:.3f}{false}"


def _run(detector: Detector, photos: Iterable[Photo]) -> tuple[dict[Path, Found], float]:
    """Detect in every photo; return what was found, and the seconds of the detector alone."""
    found: dict[Path, Found] = {}
    seconds = 0.0
    by_shape = sorted(photos, key=lambda photo: photo.read().shape)
    for _, group in groupby(by_shape, key=lambda photo: photo.read().shape):
        same = list(group)
        for start in range(0, len(same), BATCH):
            batch = same[start : start + BATCH]
            started = time.perf_counter()
            results = detector.detect([photo.read() for photo in batch])
            seconds += time.perf_counter() - started
            found.update({p.path: _as_found(r) for p, r in zip(batch, results, strict=True)})
    return found, seconds


def _as_found(detections: Sequence[Detection]) -> Found:
    corners = [[d.box.x1, d.box.y1, d.box.x2, d.box.y2] for d in detections]
    boxes = np.asarray(corners, np.float32) if corners else no_boxes()
    return Found(boxes, np.asarray([d.confidence for d in detections], np.float32))
