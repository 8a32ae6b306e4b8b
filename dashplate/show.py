"""What the terminal shows: tables, progress, and plates as they come in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import RowMapping

from dashplate.export import PlateRow
from dashplate.pace import outlook
from db.states import JobState, Priority
from output.tables import table
from output.terminal import err
from pipeline.sources.source import printable


def clock(seconds: float) -> str:
    """`1:02:03.4`, hours only where there are any."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def many(count: int, noun: str) -> str:
    """`1 file`, `1,200 files`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def plates_table(rows: Sequence[PlateRow]) -> Table:
    """Unique plates, in order of appearance."""
    shown = table(("plate", "country"), ("sure", "from", "to", "reads"))
    shown.add_column("video")
    shown.add_column("")
    for row in rows:
        mark = "" if row.confirmed else "single read"
        span = (clock(row.first_seen_s), clock(row.last_seen_s))
        plate, name = f"[bold]{escape(row.shown)}[/]", escape(printable(PurePath(row.video).name))
        shown.add_row(plate, row.country or "–", f"{row.confidence:.0%}", *span, str(row.reads), name, mark)
    return shown


def videos_table(videos: Sequence[RowMapping]) -> Table:
    """A job's videos with their state."""
    shown = table(("video", "state", "length", "segments", "plates", ""))
    for video in videos:
        length = clock(video["duration_s"]) if video["duration_s"] else "–"
        segments = f"{video['segments_ended']}/{video['segments']}"
        name, remarks = escape(printable(PurePath(video["path"]).name)), escape(_remarks(video))
        shown.add_row(name, video["state"], length, segments, str(video["plates"]), remarks)
    return shown


def _remarks(video: RowMapping) -> str:
    """What is wrong with a video, and which places of it were not looked at."""
    corners = ("{:.0f},{:.0f}–{:.0f},{:.0f}".format(*box) for box in video["overlays"] or ())
    places = "; ".join(corners)
    return " ".join(filter(None, (video["problem"], places and f"Ignored, text on screen: {places}.")))


def jobs_table(jobs: Sequence[RowMapping]) -> Table:
    """Jobs with their progress."""
    shown = table(("job", "name", "state", "videos", "segments", "footage", "plates", "submitted", ""))
    for job in jobs:
        videos = f"{job['videos_ended']}/{job['videos']}"
        # All that a cancelled job did not come to have a sentence that says so.
        if job["videos_with_problem"] and job["state"] != JobState.CANCELLED:
            videos += f" ({job['videos_with_problem']} with a problem)"
        segments = f"{job['segments_done']}/{job['segments']}"
        if job["segments_quarantined"]:
            segments += f" ({job['segments_quarantined']} given up)"
        footage = f"{clock(job['footage_done_s'])} of {clock(job['footage_s'])}"
        when = job["created_at"].astimezone().strftime("%Y-%m-%d %H:%M")
        counts = (videos, segments, footage, str(job["plates"]))
        state, name = job_state(job), escape(printable(job["name"]))
        shown.add_row(str(job["job"]), name, state, *counts, when, str(outlook(job)))
    return shown


def job_state(job: RowMapping) -> str:
    """A job's state, and what its priority and its door say beside it."""
    marks = [job["priority"]] if job["priority"] != Priority.NORMAL else []
    marks += ["open"] if job["open"] else []
    return ", ".join([job["state"], *marks])


@contextmanager
def job_progress(quiet: bool) -> Iterator[JobView]:
    """A bar for the footage done, with the readings printed above it as they come."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=quiet) as progress:
        yield JobView(progress, quiet)


class JobView:
    """Keeps a progress bar true to a job."""

    def __init__(self, progress: Progress, quiet: bool) -> None:
        self._progress = progress
        self._quiet = quiet
        self._task = progress.add_task("starting", total=None)
        self._shown: set[tuple[str, str]] = set()

    def update(self, job: RowMapping, fresh: Sequence[RowMapping]) -> None:
        """Take a job's progress and the readings that are new."""
        for reading in fresh:
            self._announce(reading)
        if job["videos"] and not job["segments"]:
            self._progress.update(self._task, description=f"opening {job['videos']} file(s)")
        elif job["segments"]:
            done = job["segments_done"] + job["segments_quarantined"]
            known = f"{job['segments']}{'+' if job['videos_opened'] < job['videos'] else ''}"
            text = f"segment {done} of {known}, file {job['videos_ended']} of {job['videos']}"
            said = ", ".join(
                filter(None, (text, str(outlook(job)), job["state"] if job["state"] != JobState.RUNNING else ""))
            )
            total_s = max(job["footage_expected_s"] or 0.0, job["footage_done_s"], 0.001)
            self._progress.update(self._task, description=said, total=total_s, completed=job["footage_done_s"])

    def _announce(self, reading: RowMapping) -> None:
        key = (reading["video"], reading["text"])
        if self._quiet or key in self._shown or reading["reads"] < 2 or reading["country"] is None:
            return
        self._shown.add(key)
        self._progress.console.print(
            f"  {clock(reading['first_s']):>8}  [bold]{escape(reading['text']):<10}[/] {reading['country'] or '–':<3}"
            f" {reading['confidence']:>4.0%}  {escape(printable(PurePath(reading['video']).name))}"
        )


def check_lines(checks: Sequence[Any]) -> Table:
    """The doctor's findings."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in range(4):
        table.add_column(overflow="fold")
    marks = {True: "[green]ok[/]", False: "[red]missing[/]", None: "[yellow]–[/]"}
    for check in checks:
        table.add_row(marks[check.ok], *(escape(words) for words in (check.name, check.found, check.mend or "")))
    return table
