"""The commands `places`, `drives` and `convoys`, and the area that the options of a search name."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from sqlalchemy.orm import Session

from dashplate import export, show
from dashplate.bring_up import database
from dashplate.commands.privacy import note
from dashplate.typed.areas import drive_meant, parse_along, parse_box, parse_metres, parse_near
from db.engine import session
from db.web.where.convoys import convoys_in_time, seen_without_zone
from db.web.where.drives import along_drive, drives
from db.where.area import Area
from db.where.places import area_of, forget_place, name_place, places
from output import terminal
from output.files import json_text
from output.tables import table
from pipeline.camera.clock.zones import in_zone
from pipeline.errors import UsageError

#: Seconds that looking for convoys may take.
_MOST_S = 30.0
_NO_ZONE = "no zone"


def area_meant(
    db: Session, near: str | None, box: str | None, along: str | None, place: str | None
) -> tuple[Area | None, str]:
    """The area that is asked for, and how the record of searches says it. Raises UsageError where there are two."""
    given = {"near": near, "box": box, "along": along, "place": place}
    meant = {name: text for name, text in given.items() if text is not None}
    if not meant:
        return None, ""
    if len(meant) > 1:
        raise UsageError(f"Give one of {', '.join(f'--{name}' for name in meant)}.")
    ((name, text),) = meant.items()
    if name == "place":
        return area_of(db, text), f"{name} {text}"
    if name == "along" and (drive := drive_meant(text)):
        return along_drive(db, *drive), f"{name} {text}"
    return {"near": parse_near, "box": parse_box, "along": parse_along}[name](text), f"{name} {text}"


def add_place(name: str, circle: str, data: Path | None) -> None:
    """Give a circle a name."""
    area = parse_near(circle)
    with database(data) as config, session(config.require_database()) as db:
        name_place(db, name, area)


def list_places(*, as_json: bool, data: Path | None) -> None:
    """All places, by name."""
    with database(data) as config, session(config.require_database()) as db:
        rows = [{"name": one.name, "lat": one.lat, "lon": one.lon, "radius_m": one.radius_m} for one in places(db)]
    if as_json:
        for row in rows:
            print(json_text(row))
        return
    shown = table(("place", "latitude", "longitude", "radius, m"))
    for row in rows:
        shown.add_row(escape(str(row["name"])), f"{row['lat']:.5f}", f"{row['lon']:.5f}", f"{row['radius_m']:g}")
    terminal.out.print(shown if rows else "No places yet; `dashplate places add` names one.")


def remove_place(name: str, data: Path | None) -> None:
    """Forget a place."""
    with database(data) as config, session(config.require_database()) as db:
        if not forget_place(db, name):
            raise UsageError(f"There is no place {name!r}; `dashplate places list` shows them.")


def show_drives(job: int | None, limit: int, *, as_json: bool, data: Path | None) -> None:
    """The newest drives, and what they hold."""
    with database(data) as config, session(config.require_database()) as db:
        rows = drives(db, limit, job=job)
        note(db, "drives", f"job {job}" if job else "all", len(rows))
    if as_json:
        for row in rows:
            print(json_text(export.plain(row)))
        return
    shown = table(("drive", "job", "began", "lasted", "clips", "cameras", "passings", "way"))
    for row in rows:
        began = in_zone(row["began_at"], row["clock_zone"] or "UTC")
        shown.add_row(
            str(row["id"]),
            escape(row["job_name"]),
            f"{began:%Y-%m-%d %H:%M} {row['clock_zone'] or _NO_ZONE}",
            show.clock((row["ended_at"] - row["began_at"]).total_seconds()),
            str(row["clips"]),
            escape(", ".join(row["cameras"] or ())),
            str(row["passings"]),
            f"{row['length_m'] / 1000:.1f} km" if row["length_m"] else "–",
        )
    terminal.out.print(shown if rows else "No drives: no video says when it was recorded.")


def show_convoys(
    days: int | None,
    least: int,
    least_days: int,
    apart: str | None,
    job: int | None,
    limit: int,
    *,
    as_json: bool,
    data: Path | None,
) -> None:
    """Plates that keep turning up, those of most days first."""
    apart_m = parse_metres(apart) if apart else 0.0
    with database(data) as config, session(config.require_database()) as db:
        rows = convoys_in_time(
            db, _MOST_S, days, least_drives=least, least_days=least_days, least_apart_m=apart_m, job=job, most=limit
        )
        zoneless = set() if as_json else seen_without_zone(db, [row["plate"] for row in rows])
        note(db, "convoys", f"{least} drives, {least_days} days", len(rows))
    if as_json:
        for row in rows:
            print(json_text(export.plain(row)))
        return
    shown = table(("plate", "days", "drives", "passings", "apart", "first", "last"))
    for row in rows:
        zone = _NO_ZONE if row["plate"] in zoneless else "UTC"
        times = (f"{in_zone(row[name], 'UTC'):%Y-%m-%d %H:%M} {zone}" for name in ("first_seen_at", "last_seen_at"))
        counts = (str(row[name]) for name in ("days_seen", "drives", "passings"))
        shown.add_row(f"[bold]{escape(row['plate'])}[/]", *counts, f"{row['apart_m'] / 1000:.1f} km", *times)
    terminal.out.print(shown if rows else "No plate turns up so often.")
    if zoneless:
        terminal.out.print(f"{_NO_ZONE}: of a camera's local time, whose zone is not known.")
