"""Commands for what is kept and who asked: purge, watched, hash, audit; and the record that other commands make."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from pathlib import Path

import typer
from rich.filesize import decimal
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dashplate import jobs, show
from dashplate.bring_up import database
from dashplate.typed.durations import parse_duration
from db.engine import session
from db.findings.plate_hashing import PlateKeyError
from db.findings.stored_files import count_owed
from db.findings.typed import whole_plate
from db.keeping import audit, watched
from db.keeping.due import count_waiting
from db.keeping.retention import PurgeCount, PurgeScope
from output import terminal
from output.files import json_text
from output.tables import table
from pipeline.errors import DashplateError, UsageError
from pipeline.formats.confusions import folded
from pipeline.sources.source import printable
from workers.hashed_jobs import hashed_plate, own_key
from workers.maintenance.apply_retention import count_all, purge_all
from workers.maintenance.search_index import index_all
from workers.maintenance.store_gc import clear_deletions

#: Why videos outlive their time.
_IN_DOUBT = (
    "Plates are shown there in clear and others are watched by their hash: only the key tells which are the same."
)
#: Videos that wait are counted up to here.
_MOST_COUNTED = 10_000


def note(db: Session, action: str, query: str, rows: int | None) -> None:
    """Put a question on record, in the transaction that ends before it is answered.

    Raises DashplateError where that fails: what cannot be recorded is not answered.
    """
    try:
        audit.record(db, who(), socket.gethostname(), action, query, rows)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise DashplateError(f"This could not be put on record, so it is not answered: {reason}") from error


def purge(
    older_than: str | None,
    *,
    keep_watched: bool,
    job: int | None,
    forget: bool,
    dry_run: bool,
    yes: bool,
    data: Path | None,
) -> None:
    """Delete what was found in videos that ended long enough ago, and say what that was."""
    seconds = None if older_than is None else parse_duration(older_than)
    # A job's own retention always keeps watched plates, whoever applies it.
    wanted = PurgeScope(seconds, job, keep_watched or seconds is None, forget)
    with database(data) as config:
        url = config.require_database()
        if job is not None:
            with session(url) as db:
                jobs.progress_of(db, job)
        expected = count_all(url, wanted)
        question = _question(older_than, wanted, dry_run)
        waiting = expected.waiting
        if dry_run or not expected.videos:
            with session(url) as db:
                note(db, "purge", question, 0)
            nothing = "Nothing else is that old." if waiting else "Nothing is that old."
            print(f"This would delete {_told(expected)}." if expected.videos else nothing)
        else:
            if not yes:
                _confirm(expected)
            with session(url) as db:
                note(db, "purge", question, expected.videos)
            gone = purge_all(url, wanted)
            waiting = gone.waiting
            print(f"Deleted {_told(gone)}.")
            # Their texts stand in the tables of search, too.
            if not index_all(url):
                terminal.complain("Their texts are not gone from the tables of search yet; workers try that again.")
        if not dry_run:
            _clear(url)
    if waiting:
        stay = "1 video that is due stays" if waiting == 1 else f"{waiting:,} videos that are due stay"
        raise PlateKeyError(f"{stay}: {_IN_DOUBT} Set DASHPLATE_PLATE_KEY.")


def waiting_for_key(db: Session, job: int | None = None) -> str | None:
    """A sentence about the videos that retention cannot delete without the plate key; None where there are none."""
    count = count_waiting(db, job, _MOST_COUNTED)
    if not count:
        return None
    many = f"at least {count:,} videos" if count == _MOST_COUNTED else show.many(count, "video")
    return f"Retention waits: {many} past the time to be kept. {_IN_DOUBT} Set DASHPLATE_PLATE_KEY for the workers."


def watch_plate(plate: str, remark: str | None, data: Path | None) -> None:
    """Keep a plate's sightings through purges and retention. With a plate key it is kept in mind by its hash."""
    text = whole_plate(plate)
    with database(data) as config:
        name = hashed_plate(text) or text
        with session(config.require_database()) as db:
            note(db, "watched", f"add {name}", None)
            watched.watch(db, folded(name), name, remark)
    print(f"{name} is watched.")


def unwatch_plate(plate: str, data: Path | None) -> None:
    """Keep a plate no longer, in clear or hashed."""
    text = whole_plate(plate)
    with database(data) as config:
        hashed = hashed_plate(text)
        names = [text] if hashed is None else [hashed, text]
        with session(config.require_database()) as db:
            note(db, "watched", f"remove {names[0]}", None)
            gone = [name for name in names if watched.unwatch(db, folded(name))]
    if not gone:
        raise UsageError(f"{plate} is not watched; `dashplate watched list` shows which plates are.")
    print(f"{' and '.join(gone)} is no longer watched. What was kept for it alone goes with the next purge.")


def list_watched(*, as_json: bool, data: Path | None) -> None:
    """The plates that are kept."""
    with database(data) as config, session(config.require_database()) as db:
        rows = watched.watched(db)
        waiting = waiting_for_key(db)
        note(db, "watched", "list", len(rows))
    if waiting:
        terminal.complain(waiting)
    if as_json:
        for row in rows:
            entry = {"plate": row.plate, "note": row.note, "since": row.created_at.isoformat()}
            print(json_text(entry))
        return
    shown = table(("plate", "since", "note"))
    for row in rows:
        shown.add_row(f"[bold]{escape(row.plate)}[/]", f"{row.created_at:%Y-%m-%d}", escape(row.note or ""))
    terminal.out.print(shown if rows else "No plate is watched.")


def show_hash(plate: str) -> None:
    """The keyed hash of a plate, for questions in SQL."""
    key = own_key()
    if key is None:
        raise UsageError("There is no hash without a key; set DASHPLATE_PLATE_KEY.")
    plate = whole_plate(plate)
    print(hashed_plate(plate) or plate)


def show_audit(since: str | None, who: str | None, *, as_json: bool, data: Path | None) -> None:
    """Who asked what."""
    since_s = None if since is None else parse_duration(since)
    with database(data) as config, session(config.require_database()) as db:
        rows = audit.entries(db, since_s, who)
    if as_json:
        for row in rows:
            entry = {
                "at": row.at.isoformat(), "who": row.who, "host": row.host, "action": row.action,
                "query": row.query, "rows": row.rows,
            }  # fmt: skip
            print(json_text(entry))
        return
    shown = table(("at", "who", "host", "action", "rows", "query"))
    for row in rows:
        rows_shown = "" if row.rows is None else str(row.rows)
        words = (row.who, row.host, row.action, rows_shown, row.query)
        shown.add_row(f"{row.at:%Y-%m-%d %H:%M:%S}", *(escape(word) for word in words))
    terminal.out.print(shown if rows else "Nothing is on record.")


def who() -> str:
    """Who uses the command line: `DASHPLATE_USER`, else the account."""
    named = os.environ.get("DASHPLATE_USER", "").strip()
    if named:
        return printable(named)
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's account need not have a name.
        return f"uid {os.getuid()}"


def _question(older_than: str | None, wanted: PurgeScope, dry_run: bool) -> str:
    words = [
        f"--older-than {older_than}" if older_than else "by each job's retention",
        "--keep-watched" if wanted.keep_watched else "",
        "" if wanted.job_id is None else f"--job {wanted.job_id}",
        "--forget" if wanted.forget else "",
        "--dry-run" if dry_run else "",
    ]
    return " ".join(word for word in words if word)


def _told(toll: PurgeCount) -> str:
    found = f"{show.many(toll.sightings, 'sighting')}, {show.many(toll.files, 'file')}, {decimal(toll.bytes)}"
    sent = f"; and {show.many(toll.uploads, 'uploaded file')}, {decimal(toll.upload_bytes)}" if toll.uploads else ""
    return f"what {show.many(toll.videos, 'video')} showed: {found}{sent}"


def _confirm(expected: PurgeCount) -> None:
    if not sys.stdin.isatty():
        raise UsageError(f"This deletes {_told(expected)}. Add --yes to do it, or --dry-run to look only.")
    if not typer.confirm(f"Delete {_told(expected)}?"):
        raise UsageError("Nothing was deleted.")


def _clear(url: str) -> None:
    while clear_deletions(url):
        pass
    with session(url) as db:
        left = count_owed(db)
    if left:
        print(f"dashplate: {left} files and folders could not be removed yet; the sweeper goes on.", file=sys.stderr)
