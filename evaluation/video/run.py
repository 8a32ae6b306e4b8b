"""`dashplate eval video` and `eval rides`: the plates that are there against those that the road reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from evaluation.video.drawing import KINDS, draw_wrong
from evaluation.video.footage import Footage, outcome
from evaluation.video.processing import Models
from evaluation.video.scores import video_rows
from evaluation.video.table import video_csv, video_json, video_notes, video_table
from output import terminal


@dataclass(frozen=True, slots=True)
class VideoOutputs:
    """What is wanted beside the table."""

    #: Folder for drawings of what is wrong.
    draw: Path | None = None
    #: File for a line a plate.
    csv: Path | None = None
    #: File for the numbers.
    json: Path | None = None
    #: Tell the speed in frames a second, where the frames' times are none that a camera would have.
    in_frames: bool = False


def evaluate_video(
    footage: Sequence[Footage], models: Models, wanted: VideoOutputs, left_out: Sequence[str] = ()
) -> None:
    """Run the road over all clips, print the table, and write what is wanted."""
    from output.files import save

    watched = track(footage, "watching", console=terminal.err, transient=True, disable=not terminal.err.is_terminal)
    outcomes = [outcome(each, each.process(models)) for each in watched]
    rows = video_rows(outcomes)
    terminal.out.print(video_table(rows, in_frames=wanted.in_frames))
    for line in ["", *video_notes(rows, models, left_out)]:
        terminal.say(line)
    if wanted.draw is not None:
        counts = draw_wrong(wanted.draw, list(zip(footage, outcomes, strict=True)))
        terminal.out.print(f"Drawn: {', '.join(f'{count} {KINDS[kind]}' for kind, count in counts.items())}.")
    if wanted.csv is not None:
        save(wanted.csv, video_csv(outcomes))
    if wanted.json is not None:
        save(wanted.json, video_json(rows, outcomes, models))
