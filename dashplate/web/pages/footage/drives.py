"""Drives: the list of them, and one with its clips, its way and who passed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from sqlalchemy import RowMapping

from dashplate.service.access import note, require, url_of
from dashplate.service.findings.drives import known
from dashplate.service.jobs import Number as InPath
from dashplate.web.asked import Filled, Number
from dashplate.web.mapped import mark, places_shown, said, tracks_shown, when_and_where
from dashplate.web.page import is_part, pages_for, render
from db.access.scopes import Principal, Scope
from db.engine import session
from db.web import job_names
from db.web.where import drives
from db.where.places import places as named_places

router = pages_for(Scope.SEARCH)
Searcher = Annotated[Principal, require(Scope.SEARCH)]

#: Drives and passings that come at a time, marks of a map, and clips that are listed one by one.
_A_LIST, _A_STRETCH, _MOST_MARKS, MOST_CLIPS = 40, 40, 2000, 400
#: What counts as seen along a drive's way.
ALONG_M = 100


class Listed(BaseModel, extra="ignore"):
    """Where a list goes on: past an item that began at a moment and has a number."""

    job: Number = None
    at: Filled[dt.datetime] = None
    past: Number = None

    def behind(self) -> tuple[dt.datetime, int] | None:
        if self.at is None or self.past is None:
            return None
        return self.at if self.at.tzinfo else self.at.replace(tzinfo=dt.UTC), self.past


@router.get("/drives")
def show_all(request: Request, caller: Searcher, asked: Annotated[Listed, Query()]) -> Response:
    """The list, the newest first."""
    with session(url_of(request)) as db:
        rows = drives.drives(db, _A_LIST, asked.behind(), asked.job)
        note(db, request, caller, "drives", f"job {asked.job}" if asked.job else "all", len(rows))
        named = job_names.names(db, asked.job)
    more = None
    if len(rows) == _A_LIST:
        more = _address("/drives", rows[-1]["began_at"], rows[-1]["id"], asked.job)
    return render(
        request, caller, "drives/rows.html" if is_part(request) else "drives/list.html",
        rows=rows, more=more, asked=asked, jobs=named,
    )  # fmt: skip


@router.get("/drives/{number}")
def show(request: Request, caller: Searcher, number: InPath) -> Response:
    """One of them."""
    with session(url_of(request)) as db:
        found = known(db, number)
        clips = drives.clips(db, number)
        passed, following = drives.passings(db, number, _A_STRETCH)
        note(db, request, caller, "drive", f"drive {number}", found["passings"])
    has_way = any(clip["fixes"] for clip in clips)
    return render(
        request, caller, "drives/page.html", drive=found, clips=clips, most_clips=MOST_CLIPS, passings=passed,
        more=following and _address(f"/drives/{number}/passings", *following),
        has_map=has_way, has_way=has_way, along=f"drive:{number},{ALONG_M}m", along_m=ALONG_M,
    )  # fmt: skip


@router.get("/drives/{number}/passings")
def passings(request: Request, caller: Searcher, number: InPath, asked: Annotated[Listed, Query()]) -> Response:
    """More of who passed."""
    with session(url_of(request)) as db:
        found = known(db, number)
        passed, following = drives.passings(db, number, _A_STRETCH, asked.behind())
        note(db, request, caller, "passings", f"drive {number}", len(passed))
    return render(
        request, caller, "drives/passings.html", drive=found, passings=passed,
        more=following and _address(f"/drives/{number}/passings", *following),
    )  # fmt: skip


@router.get("/drives/{number}/track")
def track(request: Request, caller: Searcher, number: InPath) -> JSONResponse:
    """What its map shows: where the vehicle went, and where it was when others passed."""
    with session(url_of(request)) as db:
        known(db, number)
        shown, places = tracks_shown(drives.way(db, number)), named_places(db)
        rows = drives.located(db, number, _MOST_MARKS)
        note(db, request, caller, "track", f"drive {number}", len(rows))
    return JSONResponse({**shown, "marks": _marks(rows), "places": places_shown(places)})


def _marks(rows: Sequence[RowMapping]) -> list[dict[str, Any]]:
    return [mark(row, f"{said(row)}, {when_and_where(row)}") for row in rows]


def _address(path: str, at: dt.datetime, number: int, job: int | None = None) -> str:
    asked = {"at": at.isoformat(), "past": number, **({} if job is None else {"job": job})}
    return f"{path}?{urlencode(asked)}"
