"""`dashplate eval detection`: boxes that are known against boxes that are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from evaluation.detection.drawing import KINDS, draw_mistakes
from evaluation.detection.look import Look, look_at
from evaluation.detection.scores import Judged, judge, operations, table_rows
from evaluation.detection.speed import compare_speed
from evaluation.detection.table import as_json, detection_table, notes, speed_line, threshold_table
from evaluation.detection.truth import CORNERS, Picture
from output import terminal
from output.tables import csv_text


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is wanted beside the table."""

    #: Rows for the widths of each group.
    by_width: bool = False
    #: A second table: what other thresholds would do.
    thresholds: bool = False
    #: Folder for drawings of the mistakes.
    draw: Path | None = None
    #: File for the boxes that were found, down to the floor.
    csv: Path | None = None
    #: File for the numbers.
    json: Path | None = None
    #: Time a frame against YOLO11n's.
    compare_speed: bool = False


def evaluate_detection(pictures: Sequence[Picture], look: Look, iou: float, wanted: Outputs) -> None:
    """Look at all pictures, print the table, and write what is wanted."""
    seen = track(
        look_at(pictures, look), "looking", len(pictures), console=terminal.err, transient=True, disable=not _watched()
    )
    by_name = {picture.name: judge(picture, s, iou) for picture, s in seen}
    judged = [by_name[picture.name] for picture in pictures]
    rows = list(table_rows(judged, by_width=wanted.by_width))
    speed = compare_speed(look, pictures) if wanted.compare_speed else None

    terminal.out.print(detection_table(rows))
    if wanted.thresholds:
        terminal.out.print()
        terminal.out.print(threshold_table(operations(judged)))
    for line in ["", *notes(rows, look, iou), *([speed_line(speed)] if speed else [])]:
        terminal.say(line)
    if wanted.draw is not None:
        counts = draw_mistakes(wanted.draw, judged)
        drawn = ", ".join(f"{count} {KINDS[kind]}" for kind, count in counts.items())
        terminal.out.print(f"Drawn: {drawn}.")
    if wanted.csv is not None:
        _save(wanted.csv, boxes_csv(judged))
    if wanted.json is not None:
        _save(wanted.json, as_json(rows, operations(judged), look, iou, speed))


def boxes_csv(judged: Sequence[Judged]) -> str:
    """Every box found, down to the floor: `image,x1,y1,x2,y2,confidence`, pixels of the picture."""
    rows = (
        (j.picture.name, *(f"{v:.1f}" for v in found.box.as_tuple()), f"{found.confidence:.4f}")
        for j in judged
        for found in j.seen.ranked
    )
    return csv_text(("image", *CORNERS, "confidence"), rows)


def _watched() -> bool:
    return terminal.err.is_terminal


def _save(path: Path, text: str) -> None:
    from output.files import save

    save(path, text)
