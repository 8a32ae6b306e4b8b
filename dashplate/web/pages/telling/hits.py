"""Hits: sightings that fit the watch lists, and why; new ones are announced as they come in."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from fastapi.responses import Response

from dashplate.service.access import note, require, url_of
from dashplate.web.page import is_part, pages_for, render
from db.access.scopes import Principal, Scope
from db.engine import session
from db.telling import watch_lists
from db.web.telling import hits
from db.web.telling.hits import Narrowed
from db.web.telling.watch_lists import labels

router = pages_for(Scope.SEARCH)
Searcher = Annotated[Principal, require(Scope.SEARCH)]
Id = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
Above = Annotated[int, Query(ge=0, le=2**63 - 1)]
AT_ONCE = 24


def _narrowed(
    label: Annotated[str | None, Query(max_length=60)] = None,
    entry: Id = None,
    job: Id = None,
    new: bool = False,
) -> Narrowed:
    return Narrowed(label.replace("\0", "") if label else None, entry, job, new)


Asked = Annotated[Narrowed, Depends(_narrowed)]


@router.get("/hits")
def show(request: Request, caller: Searcher, wanted: Asked, before: Id = None) -> Response:
    """The page, or for htmx the hits behind those that are shown."""
    with session(url_of(request)) as db:
        rows = hits.page(db, wanted, before, AT_ONCE)
        said = {name: value for name, value in _query(wanted).items() if name != "new"}
        note(db, request, caller, "hits", " ".join(f"{k} {v}" for k, v in said.items()) or "all", len(rows))
        shown: dict[str, Any] = {"rows": rows, "more": len(rows) == AT_ONCE, "wanted": wanted, "address": _address}
        if is_part(request):
            return render(request, caller, "hits/rows.html", **shown)
        entry = watch_lists.entry_of(db, wanted.entry) if wanted.entry else None
        return render(
            request, caller, "hits/page.html", labels=labels(db), entry=entry,
            job_name=hits.job_name(db, wanted.job) if wanted.job else None, **shown,
        )  # fmt: skip


@router.get("/hits/newer")
def newer(request: Request, caller: Searcher, wanted: Asked, above: Above = 0) -> Response:
    """How many came in above the topmost that is shown; asked for again and again, and tells nothing of them."""
    with session(url_of(request)) as db:
        count = hits.above(db, wanted, above)
    if not count:
        return Response(status_code=204)
    return render(
        request, caller, "hits/newer.html", count=count, most=hits.MOST, wanted=wanted, address=_address
    )  # fmt: skip


def _query(wanted: Narrowed, **other: object) -> dict[str, object]:
    given = {"label": wanted.label, "entry": wanted.entry, "job": wanted.job, "new": wanted.new or None} | other
    return {name: str(value).lower() if value is True else value for name, value in given.items() if value}


def _address(path: str, wanted: Narrowed, **other: object) -> str:
    """The address of a page of hits, narrowed so, but for what is given other values."""
    query = urlencode(_query(wanted, **other))
    return f"{path}?{query}" if query else path
