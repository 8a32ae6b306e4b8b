"""Commands that process: run, submit; and how others follow a job."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.markup import escape
from sqlalchemy import RowMapping

from dashplate import export, jobs, show
from dashplate.bring_up import database, everything, workers_answer
from dashplate.commands.privacy import note
from dashplate.supervisor import Supervisor
from db.engine import session
from db.findings import queries
from db.states import VideoState
from output import terminal
from output.files import save_pieces
from pipeline.errors import DashplateError, MediaError, ServiceUnavailable
from pipeline.job_options import JobOptions
from pipeline.sources.expand import expand
from workers.result_store import store
from workers.settings import Settings, settings

#: A worker that died this often, one start after the other, will not live.
_MOST_DEATHS = 5
#: How often workers elsewhere are asked whether they live, and how long they may all be silent.
_LOOK_AGAIN_S, _MOST_SILENCE_S = 10.0, 60.0


def run_files(
    words: Sequence[str],
    *,
    csv: Path | None,
    json: Path | None,
    data: Path | None,
    about: jobs.Submission,
    options: JobOptions,
) -> int:
    """Process files from end to end; returns the exit code."""
    # Now, because the workers that are started may open the folders of what is found.
    sources = list(expand(words, settings().roots))
    folders = {source.parent for source in sources if isinstance(source, Path)}
    with everything(data, [*folders, *options.folders]) as around:
        url = around.settings.require_database()
        with session(url) as db:
            since = queries.newest_reading(db)
        job_id = jobs.submit(url, sources, options, about)
        note_shown(url, "run", job_id)
        videos, rows = wait_for(around.settings, job_id, around.workers, since=since)
        write_results(around.settings, job_id, csv, json)
    print_results(videos, rows)
    return exit_code(videos)


def submit_files(
    words: Sequence[str],
    *,
    about: jobs.Submission,
    job: int | None,
    wait: bool,
    data: Path | None,
    options: JobOptions,
) -> int:
    """Queue files; prints the job's id on standard output and nothing else there."""
    with database(data) as config:
        url = config.require_database()
        sources = expand(words, config.roots)
        job_id = jobs.submit(url, sources, options, about, job, on_job=lambda number: print(number, flush=True))
        if not wait:
            return 0
        if not _quiet():
            note_shown(url, "submit", job_id)
        videos, _ = wait_for(config, job_id, None)
    print_problems(videos)
    return exit_code(videos)


def note_shown(url: str, command: str, job_id: int) -> None:
    """Put on record, before the first of them is shown, that a command shows a job's plates as they come in."""
    with session(url) as db:
        note(db, command, f"job {job_id} as it goes", None)


def wait_for(
    config: Settings,
    job_id: int,
    workers: Supervisor | None,
    on_progress: Callable[[RowMapping], None] = lambda progress: None,
    since: int | None = None,
) -> tuple[Sequence[RowMapping], list[export.PlateRow]]:
    """Follow a job to its end, telling `on_progress` at each look; returns its videos and its unique plates.

    Readings are shown that came in after the one numbered `since`, or after this call.
    """
    url = config.require_database()
    with show.job_progress(quiet=_quiet()) as view:

        def look(progress: RowMapping, fresh: Sequence[RowMapping]) -> None:
            view.update(progress, fresh)
            on_progress(progress)

        jobs.follow(url, job_id, look, health_check(workers), since)
    with session(url) as db:
        return queries.videos(db, job_id), list(export.unique_plates(queries.sightings(db, job_id), store().location))


def _quiet() -> bool:
    """Whether nobody sees the live view."""
    return not sys.stderr.isatty() and "DASHPLATE_PROGRESS" not in os.environ


def write_results(config: Settings, job_id: int, csv: Path | None, json: Path | None) -> None:
    """Write a job's unique plates to the files asked for."""
    with session(config.require_database()) as db:
        rows = list(export.unique_plates(queries.sightings(db, job_id), store().location))
        if csv is not None:
            save_pieces(csv, export.to_csv(rows))
        if json is not None:
            save_pieces(json, export.to_json(jobs.progress_of(db, job_id), queries.videos(db, job_id), rows))


def print_results(videos: Sequence[RowMapping], rows: Sequence[export.PlateRow]) -> None:
    """The table of plates, and what is wrong with the files."""
    if rows:
        terminal.out.print(show.plates_table(rows))
    else:
        terminal.out.print("No plates were found.")
    print_problems(videos)


def print_problems(videos: Sequence[RowMapping]) -> None:
    """On standard error, a line for each file that something is wrong with."""
    for video in videos:
        if video["problem"]:
            terminal.err.print(f"[yellow]{video['state']}[/]: {escape(video['problem'])}", soft_wrap=True)


def exit_code(videos: Sequence[RowMapping]) -> int:
    """0 where every file was read to its end or to its damage, else 3."""
    return 0 if all(v["state"] in (VideoState.DONE, VideoState.TRUNCATED) for v in videos) else MediaError.exit_code


def health_check(workers: Supervisor | None) -> Callable[[], None]:
    """A check that raises DashplateError when nobody is left to do the work."""
    silent_since: list[float] = []
    looked_at = time.monotonic()

    def elsewhere() -> None:
        nonlocal looked_at
        if time.monotonic() - looked_at < _LOOK_AGAIN_S:
            return
        if workers_answer():
            silent_since.clear()
        looked_at = time.monotonic()
        silent_since.append(looked_at)
        if looked_at - silent_since[0] > _MOST_SILENCE_S:
            raise ServiceUnavailable("No worker answers; start some with `dashplate up` or `dashplate worker ROLE`.")

    def ours() -> None:
        for state in workers.states() if workers else ():
            if state.deaths_in_a_row >= _MOST_DEATHS and not state.alive and state.name.startswith("worker-"):
                raise DashplateError(f"{state.name} ended {state.deaths_in_a_row} times; its log is {state.log}.")

    return ours if workers else elsewhere
