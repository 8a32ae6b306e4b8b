"""Shows the numbers of an evaluation: as a table, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.markup import escape
from rich.table import Table

from evaluation.detection.look import Look
from evaluation.detection.scores import LEGIBLE_FROM_PX, NIGHT_BELOW_LUMA, Operation, Row
from evaluation.detection.speed import FRAME_HEIGHT_PX, FRAME_WIDTH_PX, Speed
from output.files import json_text
from output.tables import number, table
from pipeline.detection.multi_scale import COARSEST_PX

_COLUMNS = ("pictures", "plates", "recall", "precision", "AP50", "AP50-95", "false/frame", "ms/frame")


def detection_table(rows: Sequence[Row]) -> Table:
    """A line a row; – where there is nothing to measure."""
    # 80 columns, so that it stands whole in a small terminal.
    shown = table(("",), _COLUMNS, dense=True)
    for row in rows:
        bound = "≥" if row.lower_bound else ""
        shown.add_row(
            escape(row.name),
            str(row.pictures),
            str(row.plates),
            number(row.recall),
            number(row.precision, bound),
            number(row.ap50, bound),
            number(row.ap50_95, bound),
            number(row.false_per_frame),
            "–" if row.ms_per_frame is None else f"{row.ms_per_frame:.1f}",
        )
    return shown


def threshold_table(operations: Sequence[Operation]) -> Table:
    """What each threshold would do, over all pictures."""
    columns = ("threshold", "recall", f"≥ {LEGIBLE_FROM_PX:.0f} px", "precision", "false/frame")
    shown = table((), columns, dense=True)
    for operation in operations:
        numbers = (operation.recall, operation.recall_wide, operation.precision, operation.false_per_frame)
        shown.add_row(f"{operation.threshold:.2f}", *map(number, numbers))
    return shown


def notes(rows: Sequence[Row], look: Look, iou: float) -> list[str]:
    """What a reader of the table has to know."""
    sizes = str(look.options.input_px) if look.one_scale else f"{look.options.input_px} + {COARSEST_PX}"
    again = "" if look.second_look_px is None else f", second look with {look.second_look_px} px around"
    lines = [
        f"Input {sizes} px{again}, threshold {look.options.threshold:g}, overlap {iou:g}; "
        f"time by the clock in batches of {look.options.batch}; "
        f"night: mean brightness under {NIGHT_BELOW_LUMA:.0f} of 255."
    ]
    if any(row.lower_bound for row in rows):
        lines.append(
            "≥: some of these pictures show plates that have no box, so a box called wrong there may be right; "
            "false/frame leaves those pictures out."
        )
    return lines


def speed_line(speed: Speed) -> str:
    """How long a frame takes, beside the yardstick."""
    return (
        f"A {FRAME_WIDTH_PX}x{FRAME_HEIGHT_PX} frame takes {speed.ms:.1f} ms, with YOLO11n at 640x640 "
        f"{speed.yolo11n_ms:.1f} ms: {speed.ratio:.2f} of its time."
    )


def as_json(rows: Sequence[Row], operations: Sequence[Operation], look: Look, iou: float, speed: Speed | None) -> str:
    """The same numbers, unrounded; `null` where there is nothing to measure."""
    whole = {
        "weights": str(look.options.weights),
        "input_px": look.options.input_px,
        "one_scale": look.one_scale,
        "batch": look.options.batch,
        "second_look_px": look.second_look_px,
        "threshold": look.options.threshold,
        "iou": iou,
        "night_below_luma": NIGHT_BELOW_LUMA,
        "rows": [asdict(row) for row in rows],
        "thresholds": [asdict(operation) for operation in operations],
        "speed": None if speed is None else {**asdict(speed), "ratio": speed.ratio},
    }
    return json_text(whole, indent=1) + "\n"
