"""Unique plates, the most seen first; and one of them: its sightings, its times, its cars, and others like it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Path, Query, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from dashplate.service.access import note, require, url_of
from dashplate.service.errors import Refused
from dashplate.web.asked import Number, Word, address
from dashplate.web.charts import weeks_of
from dashplate.web.mapped import mark, places_shown, when_and_where
from dashplate.web.page import is_part, pages_for, render
from dashplate.web.pages.findings.sightings import addresses
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings import search
from db.findings.search import index_if_it_can
from db.findings.typed import typed
from db.web.findings import plates
from db.web.findings.plates import OnePlate
from db.web.findings.sightings import Place
from db.where.places import places as named_places
from workers.hashed_jobs import hashed_plate

router, correctors = pages_for(Scope.SEARCH), pages_for(Scope.SEARCH, Scope.CORRECT)
Caller = Annotated[Principal, require(Scope.SEARCH)]
Plate = Annotated[str, Path(max_length=200)]
#: Plates of the list, at first and at most; who wants others gives a pattern.
_LISTED, MOST_LISTED = 60, 600
#: A calendar has so many weeks at least.
_LEAST_WEEKS = 18


@router.get("/plates")
def show_all(
    request: Request, caller: Caller, plate: Annotated[Word, Query()] = None, most: Annotated[Number, Query()] = None
) -> Response:
    """Unique plates that a pattern fits."""
    wanted = typed((plate or "").replace("\0", "")) or "*"
    listed = min(most or _LISTED, MOST_LISTED)
    index_if_it_can(url_of(request))
    with session(url_of(request)) as db:
        hashed = hashed_plate(wanted)
        rows = search.plates(db, wanted, listed, hashed)
        seen = plates.newest(db, [row["key"] for row in rows])
        note(db, request, caller, "plates", hashed or plate or "*", len(rows))
    more = address(request, most=listed + 180) if len(rows) == listed < MOST_LISTED else None
    return render(
        request, caller, "plates/list.html", rows=rows, seen=seen, pattern=plate or "", more=more, listed=listed
    )


@router.get("/plates/{plate}")
def show(request: Request, caller: Caller, plate: Plate, before: Annotated[Number, Query()] = None) -> Response:
    """One plate; a part of its gallery where that goes on."""
    place = Place(before) if before else Place()
    with session(url_of(request)) as db:
        of = _found(db, plate)
        page = plates.sightings(db, of, place)
        placed = not is_part(request) and plates.has_places(db, of)
        note(db, request, caller, "plate", of.key if of.hashed else of.text, len(page.rows))
    values: dict[str, Any] = {"rows": page.rows, "reasons": None, **addresses(request, page, place)}
    if is_part(request):
        return render(request, caller, "parts/stretch.html", **values)
    return render(request, caller, "plates/page.html", of=of, has_map=placed, placed=placed, **values)


@router.get("/plates/{plate}/times")
def times(
    request: Request, caller: Caller, plate: Plate, zone: Annotated[str, Query(max_length=60)] = "UTC"
) -> Response:
    """A calendar, hours of the day, jobs and videos."""
    with session(url_of(request)) as db:
        found = plates.times(db, _found(db, plate), _zone(zone))
    days = {dt.date.fromisoformat(day): count for day, count in found["days"].items()}
    hours = [(f"{hour}", found["hours"].get(str(hour), 0)) for hour in range(24)]
    return render(
        request, caller, "plates/times.html", found=found, days=days, hours=hours, zone=_zone(zone),
        weeks=weeks_of(days, _LEAST_WEEKS) if days else 0, most=plates.MOST_TIMED,
    )  # fmt: skip


@router.get("/plates/{plate}/places")
def places(request: Request, caller: Caller, plate: Plate) -> JSONResponse:
    """What the map of a plate shows: all its places."""
    with session(url_of(request)) as db:
        of = _found(db, plate)
        rows, named = plates.places(db, of), named_places(db)
        note(db, request, caller, "plate", f"places of {of.key if of.hashed else of.text}", len(rows))
    marks = [mark(row, when_and_where(row)) for row in rows]
    return JSONResponse({"track": [], "doubted": [], "marks": marks, "places": places_shown(named)})


@router.get("/plates/{plate}/others")
def others(request: Request, caller: Caller, plate: Plate) -> Response:
    """Plates that are seen with it, and what may be misreadings of it."""
    with session(url_of(request)) as db:
        of = _found(db, plate)
        like, near = plates.misreadings(db, of), plates.companions(db, of)
        pictures = plates.newest(db, [row["key"] for row in like])
        note(db, request, caller, "plate", f"beside {of.key if of.hashed else of.text}", len(like) + len(near))
    return render(
        request, caller, "plates/others.html", of=of, like=like, near=near, pictures=pictures, near_s=plates.NEAR_S
    )


@correctors.get("/plates/{plate}/correct")
def correct(
    request: Request,
    caller: Annotated[Principal, require(Scope.CORRECT)],
    plate: Plate,
    to: Annotated[Word, Query()] = None,
) -> Response:
    """Sightings that were read as a plate, to say of each that it shows another."""
    if not caller.may(Scope.SEARCH):
        raise Refused(403, "This needs a token with the scope search.")
    with session(url_of(request)) as db:
        of = _found(db, plate)
        rows = plates.uncorrected(db, of)
        note(db, request, caller, "plate", f"correct {of.key if of.hashed else of.text}", len(rows))
    return render(request, caller, "plates/correct.html", of=of, to=to or "", rows=rows)


router.include_router(correctors)


def _found(db: Session, plate: str) -> OnePlate:
    of = plates.one(db, plate.replace("\0", ""))
    if of is None:
        raise Refused(404, "No sighting shows this plate. Search for it with * in place of what may be misread.")
    return of


def _zone(name: str) -> str:
    """A time zone that there is; else UTC."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"
    return name
