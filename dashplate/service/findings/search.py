"""The calls that search: sightings by what they may say, and unique plates; every search is put on record."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field
from sqlalchemy.orm import Session

from dashplate.service.access import note, require, url_of
from dashplate.service.documents import FoundPage, FoundSighting, PlateTold, Share
from dashplate.service.errors import responses
from dashplate.service.findings.areas import Along, AtPlace, InBox, Near, area_asked
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

_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]*(e[-+]?[0-9]+)?", re.IGNORECASE)
_CURSOR = r"^[0-9]{1,2}(\.[0-9]{1,17})?:[1-9][0-9]{0,17}$"


def _in_utc(moment: dt.datetime) -> dt.datetime:
    """The same moment; the first or last year's nearest where UTC's calendar has it no more."""
    with suppress(OverflowError):
        return moment.astimezone(dt.UTC)
    return (dt.datetime.min if moment.year == 1 else dt.datetime.max).replace(tzinfo=dt.UTC)


def _no_number(moment: object) -> object:
    """A moment as text has it: a bare number might be of seconds or of milliseconds."""
    if isinstance(moment, str) and _NUMBER.fullmatch(moment.strip()):
        raise ValueError("give a date and time as ISO 8601 has it")
    return moment


Moment = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(_in_utc)]


class Narrowed(BaseModel, extra="forbid"):
    """What is searched for, and how it is narrowed."""

    plate: Annotated[
        str | None,
        Field(min_length=1, max_length=100, description="A plate, or a pattern with `*` and `?`; else any."),
    ] = None
    near: Near = None
    box: InBox = None
    along: Along = None
    place: AtPlace = None
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

    def wanted(self, db: Session) -> Wanted:
        """Raises Refused for an area that is none."""
        plate = None if self.plate is None else typed(self.plate.replace("\0", ""))
        area = area_asked(db, self.near, self.box, self.along, self.place)
        return Wanted(
            plate,
            hashed=None if plate is None else hashed_plate(plate),
            # Else nothing can be like it.
            alike=self.like and plate is not None and may_be_like(plate),
            of_job=self.job,
            of_country=self.country.replace("\0", "").upper() if self.country else None,
            since=self.since,
            until=self.until,
            least_share=self.share,
            winners=self.winners,
            area=area,
        )


@router.get("/v1/search", responses=responses(404, 409))
def find(request: Request, caller: Caller, asked: Annotated[Narrowed, Query()]) -> FoundPage:
    """Sightings that may be a plate, runners-up included: the likest first, of equally like ones the newest."""
    behind = None
    if asked.cursor:
        distance, _, sighting = asked.cursor.partition(":")
        behind = Behind(float(distance), int(sighting))
    # What is left is told by `complete`.
    index_if_it_can(url_of(request))
    with session(url_of(request)) as db:
        wanted = asked.wanted(db)
        # First: what becomes searchable meanwhile is not among the rows.
        complete = is_complete(db)
        rows = search(db, wanted, asked.most, behind)
        # Where plates are to be unreadable, the record of searches must not give them away.
        note(db, request, caller, "search", _on_record(wanted, asked), len(rows))
    last = rows[-1] if len(rows) == asked.most else None
    following = f"{last['distance']}:{last['sighting']}" if last else None
    return FoundPage(items=[FoundSighting.found(row, said(row)) for row in rows], next=following, complete=complete)


def _on_record(wanted: Wanted, asked: Narrowed) -> str:
    areas = {"near": asked.near, "box": asked.box, "along": asked.along, "place": asked.place}
    said = [f"{name} {value}" for name, value in areas.items() if value is not None]
    return " ".join(filter(None, (wanted.hashed or asked.plate, *said)))


@router.get("/v1/plates", responses=responses(404, 409))
def list_plates(
    request: Request,
    caller: Caller,
    pattern: Pattern = "*",
    most: Most = 50,
    near: Near = None,
    box: InBox = None,
    along: Along = None,
    place: AtPlace = None,
) -> list[PlateTold]:
    """Unique plates that a pattern fits, the most seen first; O finds 0, and I finds 1. In an area: seen there."""
    wanted = typed(pattern.replace("\0", ""))
    index_if_it_can(url_of(request))
    with session(url_of(request)) as db:
        hashed = hashed_plate(wanted)
        rows = plates(db, wanted, most, hashed, area_asked(db, near, box, along, place))
        note(db, request, caller, "plates", hashed or pattern, len(rows))
    return [PlateTold.model_validate({**row, "confidence": min(1.0, row["confidence"])}) for row in rows]
