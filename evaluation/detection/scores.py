"""From what was seen and what is true to the rows of the table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

import numpy as np

from evaluation.detection.look import Seen
from evaluation.detection.truth import Picture
from evaluation.truth_groups import ALL, range_name
from pipeline.records import Detection
from training.detector.measuring.measure import (
    COCO_IOUS,
    WIDTH_BUCKETS_PX,
    Scored,
    average_precision_50_95,
    match,
    of_plates,
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
    """A line of the table: a set of pictures, or some of the plates in them. None: nothing to measure."""

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
    #: Median over the pictures; None for rows of one width.
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


def table_rows(judged: Sequence[Judged], *, by_width: bool = False) -> Iterator[Row]:
    """All; each width of plate; day and night; each group of plates by name, at `by_width` each width of it too.

    A group's pictures are those that show a plate of it, and a wrong box counts for each group of its picture.
    """
    yield _row(ALL, judged)
    yield from _widths("", judged)
    yield _row("day", [j for j in judged if not j.is_night])
    yield _row("night", [j for j in judged if j.is_night])
    for group in sorted({group for j in judged for group in j.picture.groups} - {""}):
        some = [_of_group(j, group) for j in judged if group in j.picture.groups]
        yield _row(group, some)
        if by_width:
            yield from _widths(f"{group}, ", some)


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


def _of_group(judged: Judged, group: str) -> Judged:
    """The picture with the plates of one group alone, and all wrong boxes."""
    plates = np.array([own == group for own in judged.picture.groups[: len(judged.picture.plates)]], bool)

    def narrowed(scored: Scored) -> Scored:
        return of_plates(scored, plates, np.ones(len(scored.boxes), bool))

    return replace(judged, kept=narrowed(judged.kept), ranked=tuple(map(narrowed, judged.ranked)))


def _widths(before: str, judged: Sequence[Judged]) -> Iterator[Row]:
    for low, high in WIDTH_BUCKETS_PX:
        of = partial(of_width, low_px=low, high_px=high)
        some = [replace(j, kept=of(j.kept), ranked=tuple(map(of, j.ranked))) for j in judged]
        yield replace(_row(before + range_name((low, high), " px"), some), ms_per_frame=None)


def _row(name: str, judged: Sequence[Judged]) -> Row:
    total = score([j.kept for j in judged], _ANY)
    ladder = [[j.ranked[step] for j in judged] for step in range(len(COCO_IOUS))]
    return Row(
        name=name,
        pictures=len(judged),
        plates=total.plates,
        recall=_known(total.recall),
        precision=_known(total.precision),
        ap50=ranked_precision(ladder[0]) if total.plates else None,
        ap50_95=average_precision_50_95(ladder) if total.plates else None,
        false_per_frame=total.false_per_picture,
        ms_per_frame=median(j.seen.ms for j in judged) if judged else None,
        lower_bound=not all(j.picture.every_plate_boxed for j in judged),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
