"""The map: how many sightings lie where, narrowed as the gallery is, and named places."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from dashplate.service.access import note, require, url_of
from dashplate.service.errors import Refused
from dashplate.typed.areas import parse_box
from dashplate.web.asked import address
from dashplate.web.mapped import places_shown
from dashplate.web.page import pages_for, render
from dashplate.web.pages.findings.saved import saved_of
from dashplate.web.pages.findings.sightings import Gallery, chips, elsewhere, on_record
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings.search import index_if_it_can
from db.web import job_names
from db.web.where.drives import along_drive
from db.web.where.extent import extent
from db.web.where.heat import MOST_ACROSS, heat
from db.where.places import places as named_places
from pipeline.errors import UsageError
from pipeline.formats import country_names

router = pages_for(Scope.SEARCH)
Searcher = Annotated[Principal, require(Scope.SEARCH)]


_WORLD = (-90.0, -180.0, 90.0, 180.0)


class Looked(Gallery):
    """What is counted, where."""

    #: What the map shows, as `box` is written.
    seen: Annotated[str, Field(max_length=200)] = ",".join(map(str, _WORLD))
    #: Cells that the map has room for beside each other.
    across: Annotated[int, Field(ge=1, le=MOST_ACROSS)] = 48


@router.get("/map")
def show(request: Request, caller: Searcher, asked: Annotated[Gallery, Query()]) -> Response:
    """The page; what is counted is asked for by its script."""
    with session(url_of(request)) as db:
        named, places, where = job_names.names(db, asked.job), named_places(db), extent(db)
        saved = saved_of(db, caller)
    return render(
        request, caller, "map/page.html", has_map=True, asked=asked, saved=saved, jobs=named, places=places,
        chips=chips(request, asked, {job.id: job.name for job in named}), countries=country_names(),
        with_unsure=address(request, unsure=1), with_corrected=address(request, corrected=1), address=address(request),
        heat=elsewhere(request, "/map/heat"), gallery=elsewhere(request, "/sightings"), where=where,
        shown={"track": [], "marks": [], "doubted": [], "places": places_shown(places)}, drawn=asked.shown(places),
    )  # fmt: skip


@router.get("/map/heat")
def count(request: Request, caller: Searcher, asked: Annotated[Looked, Query()]) -> JSONResponse:
    """Areas of what the map shows as south, west, north, east and how many sightings lie there."""
    try:
        seen = parse_box(asked.seen)
    except UsageError as error:
        raise Refused(422, str(error)) from None
    if asked.text():
        index_if_it_can(url_of(request))
    with session(url_of(request)) as db:
        narrowed = asked.narrowed(named_places(db), partial(along_drive, db))
        areas = heat(db, seen.box or _WORLD, asked.across, narrowed)
        # Where a plate was is what searches find; how many there are of any is not.
        if narrowed.plate:
            note(db, request, caller, "map", on_record(narrowed, asked), sum(area[4] for area in areas))
    return JSONResponse({"areas": areas})
