"""The commands `search` (sightings, runners-up included) and `plates` (unique plates)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from dashplate import export, show
from dashplate.bring_up import database
from dashplate.commands.findings.where import area_meant
from dashplate.commands.privacy import note
from dashplate.typed.durations import parse_moment
from db.engine import session
from db.findings import queries
from db.findings.plate_hashing import MARK
from db.findings.search import Wanted, plates, said, search
from db.findings.typed import is_whole, typed
from output import terminal
from output.files import json_text
from output.tables import table
from pipeline.errors import UsageError
from workers.hashed_jobs import hashed_plate
from workers.maintenance.search_index import index_all


def show_found(
    plate: str | None,
    *,
    alike: bool,
    job: int | None,
    country: str | None,
    since: str | None,
    until: str | None,
    share: float | None,
    winners: bool,
    near: str | None,
    box: str | None,
    along: str | None,
    place: str | None,
    limit: int,
    as_json: bool,
    data: Path | None,
) -> None:
    """Sightings that may be a plate, the likest first; what fits a pattern or lies in an area, the newest first."""
    now = dt.datetime.now(dt.UTC)
    spelled = None if plate is None else typed(plate)
    with database(data) as config:
        url = config.require_database()
        with session(url) as db:
            area, where = area_meant(db, near, box, along, place)
        if spelled is None and area is None:
            raise UsageError("Give a plate, a pattern or an area to search for.")
        wanted = Wanted(
            spelled,
            hashed=None if spelled is None else hashed_plate(spelled),
            alike=alike,
            of_job=job,
            of_country=country.upper() if country else None,
            since=parse_moment(since, now) if since else None,
            until=parse_moment(until, now) if until else None,
            least_share=share,
            winners=winners,
            area=area,
        )
        _make_searchable(url)
        with session(url) as db:
            rows = search(db, wanted, limit)
            if wanted.wanted is not None:
                _tell_unseen(db, wanted.wanted)
            # Where plates are to be unreadable, the record of searches must not give them away.
            note(db, "search", " ".join(filter(None, (wanted.hashed or plate, where))), len(rows))
    if as_json:
        for row in rows:
            print(json_text({**export.plain(row), "said": said(row)}))
    else:
        terminal.out.print(_found_table(rows) if rows else "No sighting fits.")


def show_plates(
    pattern: str,
    limit: int,
    *,
    near: str | None = None,
    box: str | None = None,
    along: str | None = None,
    place: str | None = None,
    as_json: bool,
    data: Path | None,
) -> None:
    """Unique plates whose text fits a pattern with `*` and `?`; hashed ones only where it is a whole plate."""
    wanted = typed(pattern)
    with database(data) as config:
        url = config.require_database()
        _make_searchable(url)
        with session(url) as db:
            area, where = area_meant(db, near, box, along, place)
            hashed = hashed_plate(wanted)
            rows = plates(db, wanted, limit, hashed, area)
            _tell_unseen(db, wanted)
            note(db, "plates", " ".join(filter(None, (hashed or pattern, where))), len(rows))
    if as_json:
        for row in rows:
            print(json_text(export.plain(row)))
        return
    shown = table(("plate", "country", "sure", "sightings", "videos", "a person reads", ""))
    for row in rows:
        mark = "" if row["confirmed"] else "single read"
        counts = (str(row["sightings"]), str(row["videos"]))
        plate = f"[bold]{escape(row['plate'])}[/]"
        read = escape(" ".join(row["corrected"] or ()))
        shown.add_row(plate, row["country"] or "–", f"{row['confidence']:.0%}", *counts, read, mark)
    terminal.out.print(shown if rows else "No plate fits.")


def _found_table(rows: Sequence[RowMapping]) -> object:
    shown = table(("sighting", "plate", "may say", "sure", "unlike", "country", "job", "video", "at", "a person reads"))
    for row in rows:
        shown.add_row(
            str(row["sighting"]),
            f"[bold]{escape(row['plate'])}[/]",
            "" if row["winner"] else escape(said(row)),
            f"{row['share']:.0%}",
            f"{row['distance']:.1f}" if row["distance"] else "",
            row["country"] or "–",
            str(row["job"]),
            escape(Path(row["video"]).name),
            show.clock(row["best_s"]),
            _person(row),
        )
    return shown


def _person(row: RowMapping) -> str:
    """What a person reads in a sighting; nothing where nobody has corrected it."""
    return "no plate" if row["corrected"] == "" else escape(row["corrected"] or "")


def _make_searchable(url: str) -> None:
    """All that was stored is found: what the workers have not made searchable yet is now."""
    if not index_all(url):
        terminal.complain("Some of what was stored last cannot be made searchable, and is left out.")


def _tell_unseen(db: Session, wanted: str) -> None:
    """Says that hashed plates were not looked for, where there are some."""
    whole = is_whole(wanted)
    if (whole and hashed_plate(wanted)) or wanted.startswith(MARK) or not queries.some_hashed(db):
        return
    why = "set DASHPLATE_PLATE_KEY to find them by it too" if whole else "wildcards cannot match those"
    terminal.err.print(f"Some plates are stored as keyed hashes, found by the whole plate only; {why}.", soft_wrap=True)
