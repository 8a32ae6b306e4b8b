"""The demo: renders a drive whose plates are known, processes it on the real stack, and scores itself."""

from __future__ import annotations

import time
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from dashplate import jobs, show
from dashplate.export import PlateRow
from dashplate.running import exit_code, print_results, wait_for, write_results
from dashplate.surroundings import everything
from training.synthesis.drive import render_drive
from training.synthesis.score import score
from training.synthesis.truth import TruePlate, read_truth


def run_demo(out: Path, data: Path | None, seed: int, seconds: float, plates: int) -> int:
    """Render (once per seed and length), run, print the plates and the score; returns the exit code."""
    video = out / f"drive-{seed}-{seconds:g}s-{plates}.mp4"
    truth_file = video.with_suffix(".truth.csv")
    if not (video.exists() and truth_file.exists()):
        _render(video, seed, seconds, plates)
    truth = read_truth(truth_file)
    with everything(data, [video]) as around:
        began = time.monotonic()
        job_id = jobs.submit(around.settings.require_database(), [video], "demo", jobs.JobOptions())
        videos, rows = wait_for(around.settings, job_id, around.workers)
        took_s = time.monotonic() - began
        write_results(around.settings, job_id, out / "plates.csv", out / "plates.json")
    print_results(videos, rows)
    _print_score(truth, rows, seconds, took_s)
    show.out.print(f"drive: {video}   plates: {out / 'plates.csv'}")
    return exit_code(videos)


def _render(video: Path, seed: int, seconds: float, plates: int) -> None:
    video.parent.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), TimeElapsedColumn())
    with Progress(*columns, console=show.err, transient=True) as progress:
        task = progress.add_task(f"rendering a drive of {seconds:g} s", total=1.0)
        render_drive(
            video,
            seed=seed,
            duration_s=seconds,
            plates=plates,
            progress=lambda share: progress.update(task, completed=share),
        )


def _print_score(truth: tuple[TruePlate, ...], rows: list[PlateRow], seconds: float, took_s: float) -> None:
    result = score(truth, [(row.plate, row.first_seen_s, row.last_seen_s) for row in rows])
    line = f"\n[bold]{len(result.found)} of {len(result.true)}[/] true plates, [bold]{len(result.false)}[/] false"
    show.out.print(f"{line}, {seconds:g} s of video in {took_s:.1f} s: {seconds / took_s:.1f} times real time")
    if result.missed:
        show.out.print(f"missed: {', '.join(result.missed)}")
    if result.false:
        show.out.print(f"false: {', '.join(result.false)}")
