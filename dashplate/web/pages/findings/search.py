"""Search: sightings that may be a plate, the likest first, and why each fits; the plate itself where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from dashplate.service.access import note, require, url_of
from dashplate.web.areas import AskedArea, Ways
from dashplate.web.asked import Asked, Filled, Percent, Tick, address
from dashplate.web.page import is_part, pages_for, render
from dashplate.web.pages.findings.saved import saved_of
from dashplate.web.shown import chance
from dashplate.web.texts import t
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings import search
from db.findings.search import Behind, Wanted, index_if_it_can, is_complete, may_be_like
from db.findings.typed import is_whole, typed
from db.models import PlaceRow
from db.web import job_names
from db.web.findings.sightings import A_PAGE
from db.web.where.drives import along_drive
from db.where.places import places as named_places
from pipeline.errors import UsageError
from pipeline.formats import country_names
from workers.hashed_jobs import hashed_plate

router = pages_for(Scope.SEARCH)
#: Distances up to here are one look-alike character.
_LOOK_ALIKE = 0.3


class Searched(Asked, AskedArea):
    """What is searched for."""

    #: Not also what is easily taken for a whole plate; no runners-up.
    exact: Tick = False
    winners: Tick = False
    #: Of the text that fits.
    share: Percent = None
    #: Of the last row of the page before.
    distance: Filled[Annotated[float, Field(ge=0, le=2)]] = None

    def wanted(self, places: Sequence[PlaceRow], ways: Ways) -> Wanted:
        plate = typed(self.text())
        return Wanted(
            plate,
            hashed=hashed_plate(plate),
            alike=not self.exact and may_be_like(plate),
            of_job=self.job,
            of_country=self.code(),
            since=self.since,
            until=self.until,
            least_share=None if self.share is None else self.share / 100,
            winners=self.winners,
            area=self.area(places, ways),
        )

    def behind(self) -> Behind | None:
        return Behind(self.distance, self.before) if self.before and self.distance is not None else None


@router.get("/search")
def show(
    request: Request, caller: Annotated[Principal, require(Scope.SEARCH)], asked: Annotated[Searched, Query()]
) -> Response:
    """The page; a part of one where the results go on; how to search where nothing was asked for."""
    url = url_of(request)
    values: dict[str, Any] = {"rows": [], "reasons": {}, "here": address(request), "next": None}
    complete, known, wrong = True, None, None
    if asked.text():
        index_if_it_can(url)
    with session(url) as db:
        places = named_places(db)
        wanted = asked.wanted(places, partial(along_drive, db))
        plate = wanted.wanted or ""
        if plate:
            complete = is_complete(db)
            try:
                with db.begin_nested():
                    values = _found(db, request, wanted, asked.behind())
                    known = None if asked.behind() else _one_plate(db, wanted, values["rows"])
            except UsageError as error:
                wrong = str(error)
            note(db, request, caller, "search", _on_record(wanted, asked), len(values["rows"]))
        if is_part(request):
            return render(request, caller, "parts/stretch.html", **values)
        named, saved = job_names.names(db, asked.job), saved_of(db, caller)
    return render(
        request, caller, "search/page.html", asked=asked, wanted=wanted, complete=complete, known=known, wrong=wrong,
        saved=saved, jobs=named, countries=country_names(), address=address(request),
        whole=may_be_like(plate), narrowed=_is_narrowed(asked), pattern=not is_whole(plate), places=places, **values,
    )  # fmt: skip


def _found(db: Session, request: Request, wanted: Wanted, behind: Behind | None) -> dict[str, Any]:
    """Cards of what was found, why each fits, and where the next are."""
    found = search.search(db, wanted, A_PAGE, behind)
    last = found[-1] if len(found) == A_PAGE else None
    return {
        "rows": found,
        "reasons": {row["sighting"]: why(row, search.said(row)) for row in found},
        "here": address(request, before=behind.sighting, distance=behind.distance) if behind else address(request),
        "next": address(request, before=last["sighting"], distance=last["distance"]) if last else None,
    }


def why(row: RowMapping, said: str) -> str:
    """Why a sighting fits, in words."""
    if row["corrected"] and row["corrected"] == said:
        told = t("search.said_person", said=said)
    elif row["winner"]:
        told = t("search.said", share=chance(row["share"]))
    else:
        told = t("search.runner_up", said=said, share=chance(row["share"]))
    return f"{told} {_likeness(row['distance'])}".strip()


def _likeness(distance: float) -> str:
    if distance == 0:
        return ""
    if distance <= _LOOK_ALIKE:
        return t("search.look_alike")
    return t("search.near") if distance < 1 else t("search.one_other")


def _one_plate(db: Session, wanted: Wanted, rows: Sequence[Mapping[str, Any]]) -> RowMapping | None:
    """The unique plate that fits, where it is the only one."""
    plate = wanted.wanted or ""
    if not is_whole(plate) and len({row["plate"] for row in rows}) > 1:
        return None
    fitting = search.plates(db, plate, 2, wanted.hashed)
    return fitting[0] if len(fitting) == 1 else None


def _on_record(wanted: Wanted, asked: Searched) -> str:
    return " ".join(filter(None, (wanted.hashed or asked.text(), asked.on_record())))


def _is_narrowed(asked: Searched) -> bool:
    return asked.is_narrowed() or any(
        (asked.job, asked.country, asked.since, asked.until, asked.share, asked.exact, asked.winners)
    )
