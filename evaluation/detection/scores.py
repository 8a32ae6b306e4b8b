"""From what was seen and what is true to the rows of the table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np

from evaluation.detection.look import Seen
from evaluation.detection.truth import Picture
from pipeline.records import Detection
from training.detector.measuring.measure import (
    COCO_IOUS,
    WIDTH_BUCKETS_PX,
    Scored,
    average_precision_50_95,
    match,
    of_width,
    ranked_precision,
    score,
)

#: A picture of less mean brightness, of 255, counts as night. Chosen by eye on the 504 Romanian frames in order of
#: brightness: below 80 nearly all have a black sky, above it nearly all a visible one. The exceptions are frames that
#: brake lights flood, up to 105 at night, and single dark streets by day. 74 of the 82 frames of the ride that is
#: called a night ride lie below.
NIGHT_BELOW_LUMA = 80.0

#: What is kept has passed the threshold already; a plate that nothing found stands at 0.
_ANY = 1e-6

#: Plates narrower than this can hardly be read.
LEGIBLE_FROM_PX = 40.0
#: The thresholds of the second table.
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 16))

Narrowed = Callable[[Scored], Scored]


@dataclass(frozen=True, slots=True)
class Judged:
    """A picture, what was seen in it, and what of that is right."""

    picture: Picture
    seen: Seen
    #: What the pipeline keeps, matched at the overlap asked for.
    kept: Scored
    #: Everything down to the floor, matched at each of `COCO_IOUS`.
    ranked: tuple[Scored, ...]

    @property
    def is_night(self) -> bool:
        return self.seen.luma < NIGHT_BELOW_LUMA


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: a set of pictures, or the plates of one width in all of them. None: nothing to measure."""

    name: str
    pictures: int
    plates: int
    #: Share of the plates that were found at the threshold.
    recall: float | None
    #: Share of the boxes at the threshold that are right.
    precision: float | None
    ap50: float | None
    ap50_95: float | None
    #: Wrong boxes a picture, over pictures whose plates are all boxed.
    false_per_frame: float | None
    #: Median over the pictures; None for rows that are not of whole pictures.
    ms_per_frame: float | None
    #: Whether unboxed plates may stand among the wrong boxes: then precision and both AP are lower bounds.
    lower_bound: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """What one threshold would do, at an overlap of 0.5. None: nothing to measure."""

    threshold: float
    recall: float | None
    #: Recall of plates of `LEGIBLE_FROM_PX` and wider.
    recall_wide: float | None
    precision: float | None
    false_per_frame: float | None


def judge(picture: Picture, seen: Seen, iou: float) -> Judged:
    """Match what was seen in a picture with its plates."""
    ranked = tuple(_matched(picture, seen.ranked, step) for step in COCO_IOUS)
    return Judged(picture, seen, _matched(picture, seen.kept, iou), ranked)


def table_rows(judged: Sequence[Judged], by_prefix: bool) -> Iterator[Row]:
    """All; each width of plate; day and night; on request, each prefix of file names."""
    yield _row("all", judged)
    for low, high in WIDTH_BUCKETS_PX:
        yield _row(_bucket(low, high), judged, partial(of_width, low_px=low, high_px=high))
    yield _row("day", [j for j in judged if not j.is_night])
    yield _row("night", [j for j in judged if j.is_night])
    if by_prefix:
        for prefix in sorted({j.picture.prefix for j in judged}):
            yield _row(prefix, [j for j in judged if j.picture.prefix == prefix])


def operations(judged: Sequence[Judged]) -> list[Operation]:
    """What each of `THRESHOLDS` would do."""
    all_widths = [j.ranked[0] for j in judged]
    wide = [of_width(scored, low_px=LEGIBLE_FROM_PX, high_px=math.inf) for scored in all_widths]
    rows = []
    for threshold in THRESHOLDS:
        total = score(all_widths, threshold)
        recall_wide = _known(score(wide, threshold).recall)
        rows.append(
            Operation(threshold, _known(total.recall), recall_wide, _known(total.precision), total.false_per_picture)
        )
    return rows


def _matched(picture: Picture, found: Sequence[Detection], iou: float) -> Scored:
    boxes = np.array([d.box.as_tuple() for d in found], np.float32).reshape(-1, 4)
    confidence = np.array([d.confidence for d in found], np.float32)
    return match(
        boxes,
        confidence,
        picture.plates,
        complete=picture.every_plate_boxed,
        ignored=picture.ignored,
        right_iou=iou,
    )


def _row(name: str, judged: Sequence[Judged], narrowed: Narrowed | None = None) -> Row:
    of = narrowed or (lambda scored: scored)
    total = score([of(j.kept) for j in judged], _ANY)
    ladder = [[of(j.ranked[step]) for j in judged] for step in range(len(COCO_IOUS))]
    return Row(
        name=name,
        pictures=len(judged),
        plates=total.plates,
        recall=_known(total.recall),
        precision=_known(total.precision),
        ap50=ranked_precision(ladder[0]) if total.plates else None,
        ap50_95=average_precision_50_95(ladder) if total.plates else None,
        false_per_frame=total.false_per_picture,
        ms_per_frame=median(j.seen.ms for j in judged) if judged and narrowed is None else None,
        lower_bound=not all(j.picture.every_plate_boxed for j in judged),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _bucket(low: float, high: float) -> str:
    if not low:
        return f"under {high:.0f} px"
    return f"over {low:.0f} px" if math.isinf(high) else f"{low:.0f}–{high:.0f} px"
