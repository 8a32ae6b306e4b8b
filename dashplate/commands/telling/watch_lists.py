"""The commands `watchlist` and `hits`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.markup import escape
from sqlalchemy import RowMapping

from dashplate import show
from dashplate.bring_up import database
from dashplate.commands.privacy import note, who
from dashplate.export import plain
from dashplate.watch_files import IMPORTED, end_of, wishes
from db.engine import session
from db.findings.plate_hashing import PlateKeyError
from db.states import WatchKind
from db.telling import watch_lists
from db.telling.watch_lists import CHUNK, Wish
from output import terminal
from output.files import json_text
from output.tables import table
from pipeline.errors import UsageError
from workers.hashed_jobs import hashed_plate


def wish(
    plate: str,
    label: str,
    *,
    alike: bool = False,
    colour: str | None = None,
    remark: str | None = None,
    expires: str | None = None,
    hashed: bool = False,
    alert_existing: bool = False,
) -> Wish:
    """An entry as somebody types it. Raises UsageError, or PlateKeyError where a hash is wanted without a key."""
    wanted = Wish(plate, label, alike, colour, remark, end_of(expires), alert_existing)
    if not hashed:
        return wanted
    if wanted.kind is not WatchKind.EXACT:
        raise UsageError("Hashes are equal or not: give a whole plate, without --like.")
    name = hashed_plate(wanted.key)
    if name is None:
        raise PlateKeyError("There is no hash without a key; set DASHPLATE_PLATE_KEY.")
    return replace(wanted, plate=name)


def add_entry(wanted: Wish, data: Path | None) -> None:
    """Put a plate or pattern on a list, and match it with what is there."""
    with database(data) as config:
        url = config.require_database()
        with session(url) as db:
            (entry,) = watch_lists.add(db, [wanted], who())
            note(db, "watchlist", f"add {entry} to {wanted.label}: {wanted.plate}", None)
        with session(url) as db:
            hits = watch_lists.match_existing(db, entry)
        more = " so far; the workers go on" if hits >= CHUNK else ""
    print(f"Entry {entry}: {_described(wanted)} is watched as {wanted.label}.")
    print(f"{show.many(hits, 'sighting')} of before {'fits' if hits == 1 else 'fit'}{more}.")


def import_entries(file: Path, label: str | None, *, alert_existing: bool, data: Path | None) -> None:
    """Put all entries of a CSV file on their lists; what is there already takes the file's colour, note and end."""
    with ExitStack() as held:
        if str(file) == "-":
            lines: Iterable[str] = sys.stdin
        else:
            try:
                lines = held.enter_context(file.open(encoding="utf-8-sig", newline=""))
            except OSError as error:
                raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
        wanted = list(wishes(lines, label, alert_existing=alert_existing))
    with database(data) as config:
        url, numbers = config.require_database(), set()
        for start in range(0, len(wanted), IMPORTED):
            with session(url) as db:
                some = wanted[start : start + IMPORTED]
                numbers |= set(watch_lists.add(db, some, who()))
                note(db, "watchlist", f"import {file.name}", len(some))
    print(f"{len(numbers):,} entries are watched. The workers match them with sightings of before.")


def remove_entry(entry: int, *, forget: bool, data: Path | None) -> None:
    """Watch for an entry no longer; its hits stay, unless they are to be forgotten."""
    with database(data) as config, session(config.require_database()) as db:
        done = watch_lists.forget(db, entry) if forget else watch_lists.end(db, entry)
        if not done:
            raise UsageError(f"There is no entry {entry} {'' if forget else 'that is in force'}".rstrip() + ".")
        note(db, "watchlist", f"{'forget' if forget else 'end'} {entry}", None)
    print(f"Entry {entry} and its hits are forgotten." if forget else f"Entry {entry} has ended; its hits stay.")


def list_entries(label: str | None, limit: int, *, ended: bool, as_json: bool, data: Path | None) -> None:
    """Entries with how often they were hit."""
    with database(data) as config, session(config.require_database()) as db:
        rows = watch_lists.entries(db, label, ended=ended, most=limit)
        note(db, "watchlist", f"list {label or 'all'}", len(rows))
    if as_json:
        for row in rows:
            print(json_text(entry_told(row)))
        return
    shown = table(("entry", "label", "plate", "kind", "owner", "ends", "hits", "note"))
    for row in rows:
        ends = "has ended" if row["ended"] else f"{row['expires_at']:%Y-%m-%d %H:%M}" if row["expires_at"] else "never"
        hits = "1000 or more" if row["hits"] >= 1000 else f"{row['hits']}{' …' if row['matching'] else ''}"
        words = (str(row["id"]), row["label"], row["plate"], row["kind"], row["owner"], ends, hits, row["note"] or "")
        shown.add_row(*(escape(word) for word in words))
    terminal.out.print(shown if rows else "Nothing is watched.")


def list_hits(
    label: str | None, job: int | None, entry: int | None, limit: int, *, new: bool, as_json: bool, data: Path | None
) -> None:
    """Sightings that fit entries, the newest first, and why."""
    with database(data) as config, session(config.require_database()) as db:
        rows = watch_lists.hits(db, label=label, job=job, entry=entry, new=new, most=limit)
        asked = " ".join(f"{k} {v}" for k, v in (("label", label), ("job", job), ("entry", entry)) if v is not None)
        note(db, "hits", asked or "all", len(rows))
    if as_json:
        for row in rows:
            print(json_text(plain(row)))
        return
    shown = table(("hit", "label", "watched", "read as", "why", "sure", "video", "at", "sighting"))
    for row in rows:
        sighting = "gone" if row["sighting"] is None else str(row["sighting"])
        words = (
            str(row["hit"]), row["label"], row["wanted"], row["read_as"], reason(row), f"{min(1.0, row['share']):.2f}",
            Path(row["video"]).name, f"{row['best_s']:.1f} s", sighting,
        )  # fmt: skip
        shown.add_row(*(escape(word) for word in words))
    terminal.out.print(shown if rows else "There are no hits.")


def reason(row: RowMapping) -> str:
    """Why a sighting is a hit, in words."""
    said = "as read" if row["winner"] else f"runner-up {row['said']}"
    near = f", {row['distance']:.1f} off" if row["distance"] else ""
    return f"{said}{near}{', was there before' if row['existing'] else ''}"


def entry_told(row: RowMapping) -> dict[str, Any]:
    """An entry as JSON tells it."""
    names = (
        "id", "plate", "kind", "label", "colour", "note", "owner", "created_at", "expires_at", "alert_existing", "hits",
        "matching",
    )  # fmt: skip
    told = plain(row)
    return {name: told[name] for name in names}


def _described(wanted: Wish) -> str:
    return f"what is like {wanted.plate}" if wanted.alike else wanted.plate
