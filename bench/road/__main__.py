"""`python -m bench.road`: Dashplate and PaddleOCR on whole frames, clip by clip, as one table."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from rich.console import Console

from bench.road.clips import Clip, real_clips, rendered_clip
from bench.road.runs import RoadRun, run_cold, run_naive, run_road, workers_up
from bench.road.table import Measured, as_markdown, as_rich, notes
from pipeline.detection.segment import SAMPLE_FPS
from pipeline.errors import DashplateError

_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)


def main(
    clips: Annotated[Path, typer.Option(help="Folder of videos with a truth.csv.")] = Path("../shared/data/video"),
    demo: Annotated[Path, typer.Option(help="The demo's drive; left out if absent.")] = Path("out/drive-7-30s-12.mp4"),
    sample_fps: Annotated[float, typer.Option(help="Frames a second, naive way; the road's is fixed.")] = SAMPLE_FPS,
    naive_seconds: Annotated[
        float | None,
        typer.Option(help="Seconds of each video for the naive way.", show_default=False, min=0.1),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every figure here.", show_default=False)
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
) -> None:
    """Measure both ways on every clip and print one table."""
    try:
        measured = measure(_clips(clips, demo), sample_fps, naive_seconds)
    except DashplateError as error:
        _err.print(f"bench: {error}", markup=False)
        raise typer.Exit(error.exit_code) from error
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps([_record(m) for m in measured], indent=2, default=str) + "\n")
    _print(measured, [*notes(measured, sample_fps), conditions()], markdown)


def conditions() -> str:
    """What else bears on the figures: the machine and how busy it was."""
    load = psutil.getloadavg()[2]
    memory_gb = psutil.virtual_memory().total / 1e9
    return (
        f"{psutil.cpu_count()} cores, {memory_gb:.0f} GB, no GPU used;"
        f" load of the last 15 minutes {load:.1f}, the benchmark's own included."
    )


def _clips(folder: Path, demo: Path) -> list[Clip]:
    drive = rendered_clip(demo)
    if drive is None:
        _err.print(f"There is no {demo} with its truth: `dashplate demo` renders it. Left out.", markup=False)
    return [*real_clips(folder), *([drive] if drive else [])]


def measure(clips: Sequence[Clip], sample_fps: float, naive_seconds: float | None) -> list[Measured]:
    """Both ways on each clip, one thing at a time."""
    warm = _warm_runs(clips)
    pairs = zip(clips, warm, strict=True)
    return [_measure_one(clip, warm_run, sample_fps, naive_seconds) for clip, warm_run in pairs]


def _warm_runs(clips: Sequence[Clip]) -> list[RoadRun]:
    """Each clip on workers that have read one already."""
    with workers_up(sorted({clip.path.parent for clip in clips})) as data:
        _tell("the road, to warm it up")
        run_road(min(clips, key=lambda clip: clip.duration_s), data)
        return [_warm_run(clip, data) for clip in clips]


def _warm_run(clip: Clip, data: Path) -> RoadRun:
    _tell(f"{clip.path.name}: the road, warm")
    return run_road(clip, data)


def _measure_one(clip: Clip, warm: RoadRun, sample_fps: float, naive_seconds: float | None) -> Measured:
    _tell(f"{clip.path.name}: the road, from cold")
    cold = run_cold(clip)
    _tell(f"{clip.path.name}: whole-frame OCR")
    return Measured(clip, cold, warm, run_naive(clip, sample_fps, naive_seconds))


def _tell(what: str) -> None:
    _err.print(f"{what} ...", markup=False)


def _record(measured: Measured) -> dict[str, Any]:
    whole = asdict(measured) | {
        "road_score": asdict(measured.road_score),
        "naive_score": asdict(measured.naive_score),
    }
    # The clip's place is this machine's own affair.
    whole["clip"]["path"] = measured.clip.path.name
    return whole


def _print(measured: list[Measured], lines: list[str], markdown: bool) -> None:
    if markdown:
        sys.stdout.write(as_markdown(measured) + "\n" + "".join(f"- {line}\n" for line in lines))
        return
    _out.print(as_rich(measured))
    for line in lines:
        _out.print(line, markup=False)


if __name__ == "__main__":
    typer.run(main)
