"""The first page: what came in, what is running, what needs a look."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from fastapi.responses import Response

from dashplate.service.access import require, url_of
from dashplate.web.page import pages_for, render
from db.access.tokens import Principal, Scope
from db.engine import session
from db.web import home

router = pages_for(None)
submitters, searchers = pages_for(Scope.SUBMIT), pages_for(Scope.SEARCH)


@router.get("/")
def show(request: Request, caller: Annotated[Principal, require(None)]) -> Response:
    """The page; what takes longer comes by itself afterwards."""
    return render(request, caller, "home/page.html")


@submitters.get("/home/running")
def running(request: Request, caller: Annotated[Principal, require(Scope.SUBMIT)]) -> Response:
    """Jobs that have not ended, and the last that have; asked for again and again."""
    with session(url_of(request)) as db:
        return render(request, caller, "home/running.html", jobs=home.jobs(db))


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
