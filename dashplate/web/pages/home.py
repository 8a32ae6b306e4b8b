"""The first page: what came in, what is running, what needs a look."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from dashplate.service.access import note, require, url_of
from dashplate.web.asked import Number
from dashplate.web.page import pages_for, render
from db.access.scopes import Principal, Scope
from db.engine import session
from db.web import home
from db.web.findings import sightings

router = pages_for(None)
submitters, searchers = pages_for(Scope.SUBMIT), pages_for(Scope.SEARCH)
#: Two rows of a wide page.
_NEWEST = 12


@router.get("/")
def show(request: Request, caller: Annotated[Principal, require(None)]) -> Response:
    """The page; what takes longer comes by itself afterwards."""
    return render(request, caller, "home/page.html")


@submitters.get("/home/running")
def running(request: Request, caller: Annotated[Principal, require(Scope.SUBMIT)]) -> Response:
    """Jobs that have not ended, and the last that have; asked for again and again."""
    with session(url_of(request)) as db:
        return render(request, caller, "home/running.html", jobs=home.jobs(db))


@searchers.get("/home/newest")
def newest(
    request: Request, caller: Annotated[Principal, require(Scope.SEARCH)], after: Annotated[Number, Query()] = None
) -> Response:
    """What was seen last, of all jobs; nothing where that is still the sighting `after`."""
    with session(url_of(request)) as db:
        rows = sightings.newest(db, _NEWEST)
        last = rows[0]["sighting"] if rows else None
        if rows and last == after:
            return Response(status_code=204)
        if rows:
            note(db, request, caller, "gallery", "the newest", len(rows))
    return render(request, caller, "home/newest.html", rows=rows, last=last)


@searchers.get("/home/figures")
def figures(request: Request, caller: Annotated[Principal, require(Scope.SEARCH)]) -> Response:
    """What came in today, what needs a look, and sightings a day."""
    with session(url_of(request)) as db:
        return render(
            request, caller, "home/figures.html",
            today=home.today(db), needs=home.needs_a_look(db), days=home.days(db),
        )  # fmt: skip


router.include_router(submitters)
router.include_router(searchers)
