"""The calls that search: sightings by what they may say, and unique plates; every search is put on record."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from dashplate.service.access import note, require, url_of
from dashplate.service.documents import FoundPage, FoundSighting, PlateTold, Share
from dashplate.service.errors import responses
from dashplate.service.jobs import Most
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings.search import (
    LEAST_CHARS,
    MOST_CHARS,
    Behind,
    Wanted,
    index_if_it_can,
    is_complete,
    may_be_like,
    plates,
    said,
    search,
)
from db.findings.typed import typed
from workers.hashed_jobs import hashed_plate

router = APIRouter(tags=["search"])
Caller = Annotated[Principal, require(Scope.SEARCH)]
Pattern = Annotated[str, Query(min_length=1, max_length=100, description="A plate, or a pattern with `*` and `?`.")]

_CURSOR = r"^[0-9]{1,2}(\.[0-9]{1,17})?:[1-9][0-9]{0,17}$"


def _in_utc(moment: dt.datetime) -> dt.datetime:
    """The same moment; the first or last year's nearest where UTC's calendar has it no more."""
    with suppress(OverflowError):
        return moment.astimezone(dt.UTC)
    return (dt.datetime.min if moment.year == 1 else dt.datetime.max).replace(tzinfo=dt.UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Narrowed(BaseModel, extra="forbid"):
    """What is searched for, and how it is narrowed."""

    plate: Annotated[str, Field(min_length=1, max_length=100, description="A plate, or a pattern with `*` and `?`.")]
    like: bool = Field(
        False,
        description=f"Also what a whole plate of {LEAST_CHARS} to {MOST_CHARS} characters is easily taken for;"
        " else of no effect.",
    )
    job: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    country: str | None = Field(None, max_length=10, description="Such as `GB`.")
    since: Moment | None = Field(None, description="In videos that were finished since.")
    until: Moment | None = Field(None, description="And before.")
    share: Share | None = Field(None, description="The text that fits is at least as sure.")
    winners: bool = Field(False, description="No runners-up: what sightings were read as.")
    cursor: str | None = Field(None, pattern=_CURSOR, description="`next` of the page before.")
    most: int = Field(100, ge=1, le=500, description="Items of a page.")

    def wanted(self) -> Wanted:
        plate = typed(self.plate.replace("\0", ""))
        return Wanted(
            plate,
            hashed=hashed_plate(plate),
            # Else nothing can be like it.
            alike=self.like and may_be_like(plate),
            of_job=self.job,
            of_country=self.country.replace("\0", "").upper() if self.country else None,
            since=self.since,
            until=self.until,
            least_share=self.share,
            winners=self.winners,
        )


@router.get("/v1/search", responses=responses())
def find(request: Request, caller: Caller, asked: Annotated[Narrowed, Query()]) -> FoundPage:
    """Sightings that may be a plate, runners-up included: the likest first, of equally like ones the newest."""
    wanted, behind = asked.wanted(), None
    if asked.cursor:
        distance, _, sighting = asked.cursor.partition(":")
        behind = Behind(float(distance), int(sighting))
    # What is left is told by `complete`.
    index_if_it_can(url_of(request))
    with session(url_of(request)) as db:
        # First: what becomes searchable meanwhile is not among the rows.
        complete = is_complete(db)
        rows = search(db, wanted, asked.most, behind)
        # Where plates are to be unreadable, the record of searches must not give them away.
        note(db, request, caller, "search", wanted.hashed or asked.plate, len(rows))
    last = rows[-1] if len(rows) == asked.most else None
    following = f"{last['distance']}:{last['sighting']}" if last else None
    return FoundPage(items=[FoundSighting.found(row, said(row)) for row in rows], next=following, complete=complete)


@router.get("/v1/plates", responses=responses())
def list_plates(request: Request, caller: Caller, pattern: Pattern, most: Most = 50) -> list[PlateTold]:
    """Unique plates that a pattern fits, the most seen first; O finds 0, and I finds 1."""
    wanted = typed(pattern.replace("\0", ""))
    index_if_it_can(url_of(request))
    with session(url_of(request)) as db:
        hashed = hashed_plate(wanted)
        rows = plates(db, wanted, most, hashed)
        note(db, request, caller, "plates", hashed or pattern, len(rows))
    return [PlateTold.model_validate({**row, "confidence": min(1.0, row["confidence"])}) for row in rows]
