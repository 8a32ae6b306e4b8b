"""`dashplate export`: a job's plates or sightings as a file or on standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dashplate import jobs, show
from dashplate.bring_up import database
from dashplate.commands.privacy import note
from dashplate.export import Form, Rows
from dashplate.export.job import JobExport, Passing, Wanted, then
from db.engine import session
from db.findings import exported
from output import terminal
from output.terminal import write_data
from pipeline.errors import UsageError
from workers.result_store import store

#: Fewer rows are written before anybody wonders.
_SHOWN_FROM = 20_000


def export_job(job: int, form: str, rows: str, out: Path | None, *, append: bool, data: Path | None) -> None:
    """Write a job's rows. Raises UsageError for what cannot be meant."""
    wanted = _wanted(form, rows, out, append)
    with database(data) as config, ExitStack() as held:
        url = config.require_database()
        db = held.enter_context(exported.snapshot(url))
        made = JobExport(db, jobs.progress_of(db, job), wanted, store().location)
        count = made.count()
        # In a transaction of its own, which ends before the first plate is shown.
        with session(url) as record:
            note(record, "export", f"job {job} as {wanted}", count)
        with _progress(count, hidden=out is None and sys.stdout.isatty()) as counted:

            def passing(found: Iterable[Any]) -> Iterator[Any]:
                return then(counted(found), held.close)

            if out is None:
                for piece in made.pieces(passing):
                    write_data(piece)
            elif append:
                added = made.append(out, passing)
            else:
                made.save(out, passing)
    if append:
        terminal.complain(f"{show.many(added, 'row')} added." if added else f"{out} has them all.")


def _wanted(form: str, rows: str, out: Path | None, append: bool) -> Wanted:
    if form not in list(Form):
        raise UsageError(f"There is no format {form!r}; the formats are {', '.join(Form)}.")
    if rows not in list(Rows):
        raise UsageError(f"There are no rows {rows!r}; a row is one of {', '.join(Rows)}.")
    wanted = Wanted(Form(form), Rows(rows))
    if append and out is None:
        raise UsageError("--append adds to a file; name it with --out.")
    if append and not wanted.form.can_grow:
        others = ", ".join(one for one in Form if one.can_grow)
        raise UsageError(f"Nothing can be added to {form}: write it anew without --append, or use {others}.")
    if out is None and not wanted.form.is_text:
        raise UsageError(f"{form} is no text; name a file with --out.")
    return wanted


@contextmanager
def _progress(count: int, *, hidden: bool) -> Iterator[Passing]:
    """A bar on the terminal for many rows, which `passing` moves."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    quiet = hidden or count < _SHOWN_FROM or not sys.stderr.isatty()
    with Progress(*columns, console=terminal.err, transient=True, disable=quiet) as bar:
        task = bar.add_task("rows", total=count)

        def passing(rows: Iterable[Any]) -> Iterator[Any]:
            if quiet:
                yield from rows
                return
            for number, row in enumerate(rows, start=1):
                if number % 1000 == 0:
                    bar.update(task, completed=number)
                yield row

        yield passing
