"""Review: the unsure sightings one at a time, and a key for each answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import Field

from dashplate.service.access import note, require, url_of
from dashplate.service.errors import Refused
from dashplate.web.page import pages_for, render
from db.access.scopes import Principal, Scope
from db.engine import session
from db.web.findings import review

router = pages_for(Scope.CORRECT)
Corrector = Annotated[Principal, require(Scope.CORRECT)]
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Job = Annotated[Id | None, Query()]
#: Sightings that come at a time: their page is small, and one row of the audit stands for all.
AT_ONCE = 10
_MOST_CHOICES = 9


class Order(StrEnum):
    """What comes first."""

    UNSURE = "unsure"
    NEWEST = "newest"


@router.get("/review")
def show(request: Request, caller: Corrector, job: Job = None, first: Order = Order.UNSURE) -> Response:
    """The page with the first sightings, and the numbers of those behind them."""
    with session(url_of(request)) as db:
        # Without pictures there is nothing to judge by.
        waiting = review.waiting(db, job, newest=first is Order.NEWEST) if caller.may(Scope.SEARCH) else []
        rows = review.shown(db, waiting[:AT_ONCE])
        if rows:
            note(db, request, caller, "review", "all" if job is None else f"job {job}", len(rows))
        return render(
            request, caller, "review/page.html", rows=rows, waiting=waiting, more=len(waiting) == review.MOST,
            at_once=AT_ONCE, job=job, first=first, jobs=review.jobs(db), choices=_choices, most=review.MOST,
        )  # fmt: skip


@router.get("/review/sightings")
def more(
    request: Request, caller: Corrector, ids: Annotated[list[Id], Query(min_length=1, max_length=AT_ONCE)]
) -> Response:
    """The next ones. Those that somebody else has judged meanwhile are left out."""
    if not caller.may(Scope.SEARCH):
        raise Refused(403, f"This needs a token with the scope {Scope.SEARCH}.")
    with session(url_of(request)) as db:
        rows = review.shown(db, ids)
        note(db, request, caller, "review", "more", len(rows))
        return render(request, caller, "review/sightings.html", rows=rows, choices=_choices)


def _choices(alternatives: object) -> list[dict[str, object]]:
    """Runners-up that a key can choose, the likeliest first."""
    known = [one for one in alternatives if isinstance(one, dict)] if isinstance(alternatives, list) else []
    return [one for one in known if isinstance(one.get("text"), str)][:_MOST_CHOICES]
