"""Scores boxes against truth: recall, precision, average precision, false boxes per frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.detector.pictures.photos import Boxes

#: A detection is right where it overlaps a plate by this share of their union.
RIGHT_IOU = 0.5
#: The overlaps over which COCO averages: AP50-95.
COCO_IOUS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
#: A detection that overlaps a doubtful place by this is not scored; boxes of doubtful places are rough.
IGNORED_IOU = 0.2
#: Plate widths, pixels of the original picture, of the buckets in the tables.
WIDTH_BUCKETS_PX: tuple[tuple[float, float], ...] = ((0, 40), (40, 60), (60, 100), (100, float("inf")))


@dataclass(frozen=True)
class Scored:
    """One picture's truth and detections, matched."""

    #: The detections, surest first; those on ignored places are left out.
    boxes: Boxes
    #: Confidence of each detection.
    confidence: NDArray[np.float32]
    #: For each detection, which plate it found that no surer one had found, -1 where none.
    plate: NDArray[np.intp]
    #: For each plate, the confidence of the detection that found it, 0 where none did.
    found_at: NDArray[np.float32]
    #: For each plate, its width in pixels of the picture.
    width_px: NDArray[np.float32]
    #: Whether every plate in the picture is in the truth, so that a wrong detection is surely wrong.
    complete: bool

    @property
    def right(self) -> NDArray[np.bool_]:
        """For each detection, whether it found a plate."""
        return self.plate >= 0


def overlaps(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Intersection over union of each box in `a` with each in `b`.

    >>> one = np.array([[0, 0, 10, 10]], np.float32)
    >>> float(overlaps(one, np.array([[0, 0, 10, 5]], np.float32))[0, 0])
    0.5
    """
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    low_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (low_right - top_left).clip(0).prod(2)
    area_a, area_b = ((box[:, 2:] - box[:, :2]).clip(0).prod(1) for box in (a, b))
    union = area_a[:, None] + area_b[None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)


def match(
    boxes: Boxes,
    confidence: NDArray[np.float32],
    truth: Boxes,
    *,
    complete: bool,
    ignored: Boxes | None = None,
    right_iou: float = RIGHT_IOU,
) -> Scored:
    """Give each detection, surest first, the plate that it overlaps most, if that one is still free.

    It has found the plate where they overlap by `right_iou`. A detection that overlaps a box of `ignored`, and no
    plate, is not counted at all.
    """
    if ignored is not None and len(ignored):
        # Not only `right_iou`: a loose box on a plate is wrong, whatever lies beside it.
        on_plate = overlaps(boxes, truth).max(1, initial=0) >= min(right_iou, RIGHT_IOU)
        counted = on_plate | (overlaps(boxes, ignored).max(1, initial=0) < IGNORED_IOU)
        boxes, confidence = boxes[counted], confidence[counted]
    order = np.argsort(-confidence, kind="stable")
    boxes, confidence = boxes[order], confidence[order]
    plate = np.full(len(boxes), -1, np.intp)
    found_at = np.zeros(len(truth), np.float32)
    iou = overlaps(boxes, truth)
    for rank in range(len(boxes)):
        free = np.where(found_at == 0, iou[rank], 0)
        if len(truth) and free.max() >= right_iou:
            plate[rank] = free.argmax()
            found_at[plate[rank]] = max(float(confidence[rank]), 1e-6)
    return Scored(boxes, confidence, plate, found_at, truth[:, 2] - truth[:, 0], complete)


def of_width(picture: Scored, low_px: float, high_px: float) -> Scored:
    """Keep the plates of these widths, the detections that found them, and the wrong detections as wide as they."""
    own_px = picture.boxes[:, 2] - picture.boxes[:, 0]
    plates, wrong = ((low_px <= width_px) & (width_px < high_px) for width_px in (picture.width_px, own_px))
    return of_plates(picture, plates, wrong)


def of_plates(picture: Scored, plates: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> Scored:
    """Keep some of the plates, the detections that found them, and of the wrong detections those that `wrong` says."""
    kept = wrong.copy()
    kept[picture.right] = plates[picture.plate[picture.right]]
    # The last entry is what -1 points at.
    place = np.append(plates.cumsum() - 1, -1)
    return replace(
        picture,
        boxes=picture.boxes[kept],
        confidence=picture.confidence[kept],
        plate=place[picture.plate[kept]],
        found_at=picture.found_at[plates],
        width_px=picture.width_px[plates],
    )


@dataclass(frozen=True)
class Score:
    """What a threshold does to a set of pictures."""

    pictures: int
    plates: int
    recall: float
    precision: float
    #: Wrong boxes per picture, over pictures whose plates are all known; None where there are none.
    false_per_picture: float | None
    #: Area under precision over recall at IoU 0.5, over all thresholds.
    ap50: float


def score(pictures: Sequence[Scored], threshold: float) -> Score:
    """Sum up the pictures at one threshold."""
    found = _joined([picture.found_at for picture in pictures])
    confidence = _joined([picture.confidence for picture in pictures])
    right = _joined([picture.right for picture in pictures]).astype(bool)
    kept = confidence >= threshold
    complete = [picture for picture in pictures if picture.complete]
    false = sum(int((~p.right & (p.confidence >= threshold)).sum()) for p in complete)
    return Score(
        pictures=len(pictures),
        plates=len(found),
        recall=float((found >= threshold).mean()) if len(found) else float("nan"),
        precision=float(right[kept].mean()) if kept.any() else float("nan"),
        false_per_picture=false / len(complete) if complete else None,
        ap50=ranked_precision(pictures),
    )


def recall_by_width(pictures: Sequence[Scored], threshold: float) -> list[tuple[int, float]]:
    """Number of plates and recall in each of `WIDTH_BUCKETS_PX`."""
    buckets = [score([of_width(p, low, high) for p in pictures], threshold) for low, high in WIDTH_BUCKETS_PX]
    return [(bucket.plates, bucket.recall) for bucket in buckets]


def ranked_precision(pictures: Sequence[Scored]) -> float:
    """Average precision over the detections of all pictures, at the overlap that they were matched with."""
    confidence = _joined([picture.confidence for picture in pictures])
    right = _joined([picture.right for picture in pictures]).astype(bool)
    return average_precision(confidence, right, sum(len(picture.found_at) for picture in pictures))


def average_precision_50_95(at_each_iou: Sequence[Sequence[Scored]]) -> float:
    """AP50-95: the mean over the same pictures, matched once for each of `COCO_IOUS`."""
    return float(np.mean([ranked_precision(pictures) for pictures in at_each_iou]))


def average_precision(confidence: NDArray[np.float32], right: NDArray[np.bool_], plates: int) -> float:
    """Area under the precision envelope over recall: all points, as in PASCAL VOC 2010; COCO samples 101 of them."""
    if not plates or not len(confidence):
        return 0.0
    hits = right[np.argsort(-confidence, kind="stable")].cumsum()
    recall = np.concatenate([[0.0], hits / plates])
    precision = hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall) * envelope).sum())


def _joined(parts: Sequence[NDArray[np.generic]]) -> NDArray[np.float32]:
    return np.asarray(np.concatenate([np.zeros(0, np.float32), *parts]), np.float32)
