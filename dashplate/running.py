"""Commands that process: run, submit, up."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from rich.markup import escape
from sqlalchemy import RowMapping

from dashplate import export, jobs, show
from dashplate.stack import Supervisor
from dashplate.surroundings import database, everything
from db import report
from db.engine import session
from pipeline.errors import DashplateError, MediaError
from workers.settings import Settings

#: A worker that died this often will not live.
_MOST_RESTARTS = 5


def run_files(
    paths: Sequence[Path],
    *,
    csv: Path | None,
    json: Path | None,
    country: str | None,
    data: Path | None,
    name: str | None,
) -> int:
    """Process files from end to end; returns the exit code."""
    options = jobs.JobOptions(countries=jobs.parse_countries(country))
    with everything(data, paths) as around:
        job_id = jobs.submit(around.settings.require_database(), paths, name, options)
        videos, rows = wait_for(around.settings, job_id, around.workers)
        write_results(around.settings, job_id, csv, json)
    print_results(videos, rows)
    return exit_code(videos)


def submit_files(
    paths: Sequence[Path], *, name: str | None, job: int | None, wait: bool, country: str | None, data: Path | None
) -> int:
    """Queue files; prints the job's id on standard output and nothing else there."""
    options = jobs.JobOptions(countries=jobs.parse_countries(country))
    with database(data) as config:
        job_id = jobs.submit(config.require_database(), paths, name, options, job)
        print(job_id, flush=True)
        if not wait:
            return 0
        videos, _ = wait_for(config, job_id, None)
        return exit_code(videos)


def wait_for(
    config: Settings, job_id: int, workers: Supervisor | None
) -> tuple[Sequence[RowMapping], list[export.PlateRow]]:
    """Follow a job to its end; returns its videos and its unique plates."""
    url = config.require_database()
    with show.job_progress(quiet=not sys.stderr.isatty() and "DASHPLATE_PROGRESS" not in os.environ) as view:
        jobs.follow(url, job_id, view.update, _watch(workers) if workers else None)
    with session(url) as db:
        return report.videos(db, job_id), export.unique_plates(report.sightings(db, job_id), config.store)


def write_results(config: Settings, job_id: int, csv: Path | None, json: Path | None) -> None:
    """Write a job's unique plates to the files asked for."""
    with session(config.require_database()) as db:
        rows = export.unique_plates(report.sightings(db, job_id), config.store)
        if csv is not None:
            save(csv, export.to_csv(rows))
        if json is not None:
            save(json, export.to_json(jobs.progress_of(db, job_id), report.videos(db, job_id), rows))


def save(path: Path, text: str) -> None:
    """Write a result file; raises DashplateError with the reason where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DashplateError(f"{path} could not be written: {error.strerror}.") from error


def print_results(videos: Sequence[RowMapping], rows: Sequence[export.PlateRow]) -> None:
    """The table of plates, and a line for each file that something is wrong with."""
    if rows:
        show.out.print(show.plates_table(rows))
    else:
        show.out.print("No plates were found.")
    for video in videos:
        if video["problem"]:
            show.err.print(f"[yellow]{video['state']}[/]: {escape(video['problem'])}", soft_wrap=True)


def exit_code(videos: Sequence[RowMapping]) -> int:
    """0 where every file was read to its end or to its damage, else 3."""
    return 0 if all(v["state"] in ("done", "truncated") for v in videos) else MediaError.exit_code


def stay_up(data: Path | None, flower_port: int, roots: Sequence[Path]) -> None:
    """Serve until a signal comes."""
    if roots:
        os.environ["DASHPLATE_ROOTS"] = ":".join(str(root.expanduser().resolve()) for root in roots)
    signal.signal(signal.SIGTERM, _leave)
    with everything(data, flower_port=flower_port or None, keep=True) as around:
        show.out.print(f"Dashplate is up on {around.settings.data_dir}.")
        if flower_port:
            show.out.print(f"Flower: http://127.0.0.1:{flower_port}")
        show.out.print("Submit with `dashplate submit`, stop with Ctrl-C or `dashplate down`.")
        watch = _watch(around.workers) if around.workers else None
        while True:
            time.sleep(1.0)
            if watch is not None:
                watch()


def _leave(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _watch(workers: Supervisor) -> Callable[[], None]:
    """A check that raises DashplateError when a worker dies again and again."""

    def check() -> None:
        for state in workers.states():
            if state.restarts >= _MOST_RESTARTS and not state.alive:
                raise DashplateError(f"{state.name} ended {state.restarts} times; its log is {state.log}.")

    return check
