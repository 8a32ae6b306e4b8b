"""The demo: renders a drive whose plates are known, processes it on the real stack, and scores itself."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import RowMapping

from dashplate import jobs
from dashplate.bring_up import everything
from dashplate.commands.process import exit_code, note_shown, print_results, wait_for, write_results
from dashplate.export import PlateRow
from output import terminal
from pipeline.job_options import JobOptions
from synthesis.drive import render_drive
from synthesis.score import score
from synthesis.truth import TruePlate, read_truth


def run_demo(out: Path, data: Path | None, seed: int, seconds: float, plates: int) -> int:
    """Render (once per seed and length), run, print the plates and the score; returns the exit code."""
    video = out / f"drive-{seed}-{seconds:g}s-{plates}.mp4"
    truth_file = video.with_suffix(".truth.csv")
    if not (video.exists() and truth_file.exists()):
        _render(video, seed, seconds, plates)
    truth = read_truth(truth_file)
    with everything(data, [video.parent]) as around:
        pace = Pace()
        url = around.settings.require_database()
        job_id = jobs.submit(url, [video], JobOptions(), jobs.Submission("demo"))
        note_shown(url, "demo", job_id)
        videos, rows = wait_for(around.settings, job_id, around.workers, pace.look)
        write_results(around.settings, job_id, out / "plates.csv", out / "plates.json")
    print_results(videos, rows)
    _print_score(truth, rows, seconds, pace)
    kept = f"drive: {video}   plates: {out / 'plates.csv'}"
    if frame := next((row.frame for row in rows if Path(row.frame).is_file()), None):
        kept += f"   one of its frames: {shutil.copy(frame, out / 'frame.jpg')}"
    terminal.say(kept)
    return exit_code(videos)


class Pace:
    """How fast a job goes, with the workers' start and without it."""

    def __init__(self) -> None:
        self._began = self._ended = time.monotonic()
        self._first: tuple[float, float] | None = None
        self._done_s = 0.0

    def look(self, progress: RowMapping) -> None:
        """Take a job's progress as it stands now."""
        self._ended, self._done_s = time.monotonic(), float(progress["footage_done_s"])
        if self._first is None and self._done_s > 0:
            self._first = (self._ended, self._done_s)

    @property
    def took_s(self) -> float:
        """Wall time from submission to the end."""
        return self._ended - self._began

    @property
    def times_real_time(self) -> float | None:
        """Seconds of video a second, from the first finished segment on; None where there was only one."""
        if self._first is None or self._done_s <= self._first[1]:
            return None
        return (self._done_s - self._first[1]) / (self._ended - self._first[0])


def _render(video: Path, seed: int, seconds: float, plates: int) -> None:
    video.parent.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), TimeElapsedColumn())
    with Progress(*columns, console=terminal.err, transient=True) as progress:
        task = progress.add_task(f"rendering a drive of {seconds:g} s", total=1.0)
        render_drive(
            video,
            seed=seed,
            duration_s=seconds,
            plates=plates,
            progress=lambda share: progress.update(task, completed=share),
        )


def _print_score(truth: tuple[TruePlate, ...], rows: list[PlateRow], seconds: float, pace: Pace) -> None:
    result = score(truth, [(row.plate, row.first_seen_s, row.last_seen_s) for row in rows])
    found, false = f"{len(result.found)} of {len(result.true)}", len(result.false)
    terminal.out.print(f"\n[bold]{found}[/] true plates, [bold]{false}[/] false")
    line = f"{seconds:g} s of video in {pace.took_s:.1f} s, the workers' start included"
    running = pace.times_real_time
    terminal.out.print(line if running is None else f"{line}; once running, {running:.1f} times real time")
    if result.missed:
        terminal.say(f"missed: {', '.join(result.missed)}")
    if result.false:
        terminal.say(f"false: {', '.join(result.false)}")
