"""The commands `backup` and `restore`: the database as one file, written and put back by PostgreSQL's own programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from rich.filesize import decimal
from rich.markup import escape
from sqlalchemy import text

from dashplate.bring_up import database
from dashplate.commands.findings.query import environment_of
from dashplate.commands.privacy import note
from dashplate.stack.postgres_server import postgres_bin
from db.engine import engine_for, session
from db.migrate import upgrade
from output import terminal
from pipeline.errors import DashplateError, MissingDependency, UsageError

#: What was numbered after a backup comes back in no row, but its files may be there: new rows get other numbers.
_NUMBERS_APART = 1_000_000
_TABLES = ("jobs", "videos", "segments")
_WORKERS = text(
    """
    SELECT DISTINCT application_name FROM pg_stat_activity
    WHERE datname = current_database() AND application_name ~ '^dashplate (control|detect|read) ' ORDER BY 1
    """
)
#: Who else is in the middle of something has this long to end it.
_EMPTY = (
    "SET lock_timeout = '60s'; DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION pg_database_owner;"
    "GRANT USAGE ON SCHEMA public TO PUBLIC"
)


def back_up(out: Path, data: Path | None) -> None:
    """Write the database into a file of the account's own; jobs may run meanwhile.

    Raises UsageError where the file is there, DashplateError with what PostgreSQL says.
    """
    if out.exists():
        raise UsageError(f"{out} is there already. Name another file; a backup replaces none.")
    draft = out.with_name(f".draft-{out.name}")
    with database(data) as config:
        url = config.require_database()
        with session(url) as db:
            note(db, "backup", str(out), None)
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                _run([_program("pg_dump", url), "--format=custom", "--no-owner", "--no-privileges"], url, file)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(out)
        except OSError as error:
            raise DashplateError(f"{out} cannot be written: {error.strerror}.") from error
        finally:
            with suppress(OSError):
                draft.unlink()
        terminal.out.print(f"{escape(str(out))}: {decimal(out.stat().st_size)}, all rows of this moment.")
        terminal.out.print(f"Pictures are not in it. Copy the store now, after it: {escape(config.store)}")


def restore(file: Path, *, replace: bool, data: Path | None) -> None:
    """Put the rows of a backup in place of all that there are, in one transaction: all or nothing.

    Raises UsageError where there are jobs that nobody said to replace, or where workers are connected.
    """
    if not file.is_file():
        raise UsageError(f"{file} is no file. Name one that `dashplate backup` has written.")
    with database(data) as config:
        url = config.require_database()
        with session(url) as db:
            workers = list(db.scalars(_WORKERS))
            if workers:
                raise UsageError(f"Stop all workers first. These are connected: {', '.join(workers)}.")
            jobs = db.scalar(text("SELECT count(*) FROM jobs"))
            if jobs and not replace:
                raise UsageError(f"{jobs} jobs are in this database. To put the backup in their place, add --replace.")
            highest = {table: db.scalar(text(f"SELECT max(id) FROM {table}")) or 0 for table in _TABLES}
        engine_for(url).dispose()
        _put_back(file, url, "".join(_number_on(table, highest[table]) for table in _TABLES))
        upgrade(url)
        with session(url) as db:
            note(db, "restore", str(file), None)
            count = db.scalar(text("SELECT count(*) FROM jobs"))
        terminal.out.print(f"{count} jobs are back. Start the workers: what was on its way is sent again.")
        terminal.out.print(
            "`dashplate verify` tells which pictures rows name and the store lacks, and which no row names."
        )


def _number_on(table: str, highest: int) -> str:
    """SQL that lets the next row of a table have a number that none has had."""
    following = f"greatest((SELECT coalesce(max(id), 0) FROM public.{table}), {highest}) + {_NUMBERS_APART}"
    return f"SELECT setval(pg_get_serial_sequence('public.{table}', 'id'), {following});"


def _put_back(file: Path, url: str, afterwards: str) -> None:
    """The backup as SQL, between what empties the database and some more, in one transaction of psql."""
    written = [_program("pg_restore", url), "--no-owner", "--no-privileges", "--file=-", str(file)]
    with Path(os.devnull).open("wb") as nowhere:
        # psql could not tell a file that ends early from a whole one.
        _run(written, url, nowhere)
        script = subprocess.Popen(written, stdout=subprocess.PIPE)
        assert script.stdout is not None
        with script, script.stdout as lines:
            told = [_program("psql", url), "--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1"]
            _run([*told, f"--command={_EMPTY}", "--file=-", f"--command={afterwards}"], url, nowhere, lines)


def _run(command: Sequence[str], url: str, output: IO[bytes], given: IO[bytes] | None = None) -> None:
    """Run a program of PostgreSQL's on the database. Raises DashplateError with the first line of its complaint."""
    done = subprocess.run(
        command, stdin=given or subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, env=environment_of(url),
        check=False,
    )  # fmt: skip
    if done.returncode:
        said = (done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"])[0]
        raise DashplateError(f"Nothing was changed. PostgreSQL says: {said}")


def _program(name: str, url: str) -> str:
    """PostgreSQL's program that is no older than the server: that on the PATH, or the embedded server's."""
    with session(url) as db:
        server = int(db.scalar(text("SHOW server_version_num")) or 0) // 10_000
    for found in (shutil.which(name), _embedded(name)):
        if found is not None and _release(found) >= server:
            return found
    raise MissingDependency(
        f"There is no {name} of PostgreSQL {server} here: sudo apt-get install postgresql-client-{server}"
    )


def _embedded(name: str) -> str | None:
    try:
        return str(postgres_bin() / name)
    except MissingDependency:
        return None


def _release(program: str) -> int:
    """The first number of `pg_dump (PostgreSQL) 16.9`; 0 where it says none."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\) (\d+)", said)
    return int(found[1]) if found else 0
