"""`dashplate export`: a job's plates or sightings as a file or on standard output; labelled pictures in a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

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

#: Fewer rows are written before anybody wonders, and fewer pictures.
_SHOWN_FROM, _PICTURES_SHOWN_FROM = 20_000, 200


@dataclass(frozen=True, slots=True)
class Order:
    """What `dashplate export` was asked for."""

    wanted: Wanted
    out: Path | None
    #: Add to the file what it lacks.
    append: bool = False
    #: Of labelled pictures: not only what people read, also what more than one crop says.
    confirmed: bool = False


def export_job(
    job: int,
    form: str,
    rows: str,
    out: Path | None,
    *,
    append: bool = False,
    confirmed: bool = False,
    data: Path | None = None,
) -> None:
    """Write a job's rows or labelled pictures. Raises UsageError for what cannot be meant."""
    order = _order(form, rows, out, append, confirmed)
    with database(data) as config, ExitStack() as held:
        url = config.require_database()
        db = held.enter_context(exported.snapshot(url))
        job_row = jobs.progress_of(db, job)
        said = (_pictures if order.wanted.form.is_labelled else _rows)(url, db, job_row, order, held)
    if said:
        terminal.complain(said)


def _rows(url: str, db: Session, job: RowMapping, order: Order, held: ExitStack) -> str | None:
    made = JobExport(db, job, order.wanted, store().location)
    count = made.count()
    _on_record(url, f"job {job['job']} as {order.wanted}", count)
    quiet = count < _SHOWN_FROM or (order.out is None and sys.stdout.isatty())
    with _progress(count, quiet) as counted:

        def passing(found: Iterable[Any]) -> Iterator[Any]:
            return then(counted(found), held.close)

        if order.out is None:
            for piece in made.pieces(passing):
                write_data(piece)
            return None
        if not order.append:
            made.save(order.out, passing)
            return None
        added = made.append(order.out, passing)
    return f"{show.many(added, 'row')} added." if added else f"{order.out} has them all."


def _pictures(url: str, db: Session, job: RowMapping, order: Order, held: ExitStack) -> str | None:
    # They load what training does, which no other export needs.
    from dashplate.export.labelled.job import LabelledExport
    from dashplate.export.labelled.place import place

    made = LabelledExport(db, job, order.wanted.form, store().get, confirmed=order.confirmed)
    count = made.count()
    if not count:
        others = "" if order.confirmed else ", and --confirmed takes what more than one crop says"
        raise UsageError(f"Nobody has corrected a sighting of job {job['job']}: `dashplate correct` does{others}.")
    _on_record(url, f"job {job['job']} as {order.wanted.form}{', confirmed too' if order.confirmed else ''}", count)
    assert order.out is not None
    with place(order.out) as target, _progress(count, count < _PICTURES_SHOWN_FROM) as counted:
        told = made.write(target, lambda found: then(counted(found), held.close))
    lacking = count - told
    return f"{show.many(lacking, 'sighting')} left out: no picture of them was kept." if lacking else None


def _on_record(url: str, what: str, count: int) -> None:
    # In a transaction of its own, which ends before the first plate is shown.
    with session(url) as record:
        note(record, "export", what, count)


def _order(form: str, rows: str, out: Path | None, append: bool, confirmed: bool) -> Order:
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
    if confirmed and not wanted.form.is_labelled:
        others = ", ".join(one for one in Form if one.is_labelled)
        raise UsageError(f"--confirmed chooses what is labelled, for the formats {others}.")
    if out is None and wanted.form.is_labelled:
        raise UsageError(f"{form} is several files; name a folder or a .zip with --out.")
    if out is None and not wanted.form.is_text:
        raise UsageError(f"{form} is no text; name a file with --out.")
    return Order(wanted, out, append, confirmed)


@contextmanager
def _progress(count: int, quiet: bool) -> Iterator[Passing]:
    """A bar on the terminal, which `passing` moves; nothing where it is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    hidden = quiet or not sys.stderr.isatty()
    with Progress(*columns, console=terminal.err, transient=True, disable=hidden) as bar:
        task = bar.add_task("exported", total=count)
        step = max(1, min(1000, count // 100))

        def passing(rows: Iterable[Any]) -> Iterator[Any]:
            for number, row in enumerate(rows, start=1):
                if not hidden and number % step == 0:
                    bar.update(task, completed=number)
                yield row

        yield passing
