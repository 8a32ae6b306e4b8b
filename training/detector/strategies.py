"""Measures ways to look at a whole frame with one network: input sizes, a band, tiles, a second look."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from pipeline.detect import Detector, DetectorOptions, YoloDetector, merge_overlapping
from pipeline.plate_detector import plate_detector
from pipeline.records import Box, Detection, Image
from pipeline.second_look import SURE, SecondLookOptions

from .evaluate import BATCH, Found, scored
from .measure import Scored, score
from .photos import Photo, load_photos, no_boxes

#: Boxes below are not asked for: average precision needs the unsure ones too.
_LOWEST = 0.01
#: The width from which on the floors of the project count, pixels of the picture.
_LEAST_WIDTH_PX = 40.0
#: Upper and lower edge of the band of interest, as shares of the frame's height: above is sky, below the bonnet.
BAND = (0.3, 0.9)
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
            found[i] += [
                Detection(Box(d.box.x1 + x, d.box.y1 + y, d.box.x2 + x, d.box.y2 + y), d.confidence) for d in detections
            ]
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
        return YoloDetector(DetectorOptions(weights, px, _LOWEST, BATCH))

    def scaled(px: int) -> Detector:
        return plate_detector(DetectorOptions(weights, px, _LOWEST, BATCH))

    def twice(px: int, sure: float = SURE) -> Detector:
        return plate_detector(DetectorOptions(weights, px, _LOWEST, BATCH), SecondLookOptions(_LOWEST, sure=sure))

    return {
        "640": look(640),
        "832": look(832),
        "960": look(960),
        "1280": look(1280),
        "832 + close-ups at 320": scaled(832),
        "960 + close-ups at 320": scaled(960),
        "640, rows 30-90% only": Cut(look(640), band),
        "960, rows 30-90% only": Cut(look(960), band),
        "two tiles at 640": Cut(look(640), two_tiles),
        "the same + second look": twice(960),
        "the same + second look at every box": twice(960, sure=1.01),
    }


def compare_strategies(weights: Path, data: Path, threshold: float) -> str:
    """Return the table over the development pictures, as Markdown.

    Recall of plates of 40 px and wider, average precision of all, wrong boxes a picture where every plate is boxed,
    and milliseconds a picture of 1280x720 (the Romanian rides), in batches of eight.
    """
    photos = load_photos(data, "dev")
    groups = {
        group: [photo for photo in photos if photo.group == group] for group in sorted({p.group for p in photos})
    }
    lines = [
        "| Look | " + " | ".join(f"{group}: recall >= 40 px, AP50, false" for group in groups) + " | ms a frame |",
        "|" + "---|" * (len(groups) + 2),
    ]
    for name, detector in strategies(weights).items():
        cells, took = [], 0.0
        for group, chosen in groups.items():
            found, seconds = _run(detector, chosen)
            cells.append(_cell(scored(chosen, found), threshold))
            took = seconds / len(chosen) * 1000 if group == "ro" else took
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {took:.1f} |")
    return "\n".join(lines)


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
