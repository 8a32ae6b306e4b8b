"""Commands that ask: status, clip, sql."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from dashplate import export, jobs, show
from dashplate.bring_up import database
from dashplate.commands.privacy import note, waiting_for_key
from dashplate.commands.process import note_shown
from db.engine import session
from db.findings import queries
from output import terminal
from output.files import json_text, save_bytes
from output.tables import csv_text
from output.terminal import write_data
from pipeline.errors import DashplateError, UsageError
from workers.allowed import roots_for


def show_status(job: int | None, *, watch: bool, as_json: bool, data: Path | None) -> None:
    """All jobs, or one with its videos."""
    if watch and job is None:
        raise UsageError("--watch follows one job; name it: dashplate status JOB --watch.")
    with database(data) as config:
        url = config.require_database()
        if watch and job is not None:
            with session(url) as db:
                # Before a plate is recorded as shown: there may be no such job.
                jobs.progress_of(db, job)
            if not as_json:
                note_shown(url, "status", job)
            with show.job_progress(quiet=as_json) as view:
                jobs.follow(url, job, view.update)
        with session(url) as db:
            rows = queries.jobs(db) if job is None else queries.jobs(db, job) or [jobs.progress_of(db, job)]
            videos = [] if job is None else queries.videos(db, job)
            waiting = None if job is None else queries.waiting_for(db, job)
            kept = waiting_for_key(db, job)
    if kept:
        terminal.complain(kept)
    if as_json:
        whole = [export.plain(row) for row in rows]
        print(json_text(whole if job is None else {**whole[0], "files": [export.plain(v) for v in videos]}))
        return
    terminal.out.print(show.jobs_table(rows) if rows else "No jobs yet; `dashplate submit` makes one.")
    if waiting:
        terminal.say(f"It waits: {waiting}")
    if videos:
        terminal.out.print()
        terminal.out.print(show.videos_table(videos))


def cut_clip(sighting: int, out: Path, before_s: float, after_s: float, data: Path | None) -> None:
    """Some seconds of the original video around a sighting, as a file."""
    # They load what decodes videos, which no other question needs.
    from dashplate.footage.clips import clip_of
    from pipeline.video.clip import cut

    with database(data) as config:
        with session(config.require_database()) as db:
            wanted = clip_of(db, sighting, before_s, after_s)
            note(db, "clip", f"sighting {sighting}", 1)
        save_bytes(out, cut(wanted, roots_for(wanted.media.path)).data)


def sql_shell(query: str | None, *, as_json: bool, data: Path | None) -> int:
    """One query and its table, or psql on the database."""
    with database(data) as config:
        url = config.require_database()
        if query:
            return _one_query(url, query, as_json)
        with session(url) as db:
            note(db, "sql", "a psql session", None)
        return _psql(url)


def _one_query(url: str, query: str, as_json: bool) -> int:
    try:
        with session(url) as db:
            # As it stands: to SQLAlchemy's text() a JSON literal's colon would begin a parameter.
            result = db.connection().exec_driver_sql(query, execution_options={"no_parameters": True})
            rows = result.mappings().all() if result.returns_rows else []
            # Recorded apart: the query may end its own transaction.
            with session(url) as record:
                note(record, "sql", query, len(rows))
    except DBAPIError as error:
        with session(url) as record:
            note(record, "sql", query, None)
        raise DashplateError(f"PostgreSQL says: {str(error.orig).splitlines()[0]}") from error
    if as_json:
        for row in rows:
            print(json_text(export.plain(row)))
    elif rows:
        write_data(csv_text(tuple(rows[0].keys()), (tuple(row.values()) for row in rows), separator="\t"))
    return 0


def _psql(url: str) -> int:
    program = shutil.which("psql") or _psql_of_the_wheel()
    return subprocess.run([program], env=environment_of(url), check=False).returncode


def _psql_of_the_wheel() -> str:
    from dashplate.stack.postgres_server import postgres_bin

    return str(postgres_bin() / "psql")


def environment_of(url: str) -> dict[str, str]:
    """How PostgreSQL's programs find the database: the password stands where other users cannot see it."""
    parts = make_url(url)
    asked = {"PGHOST": parts.host, "PGUSER": parts.username, "PGPASSWORD": parts.password, "PGDATABASE": parts.database}
    told = {name: str(value or "") for name, value in asked.items()}
    return {**os.environ, "PGPORT": str(parts.port or 5432), **told}
