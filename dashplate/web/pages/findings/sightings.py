"""The gallery: all sightings, newest first, narrowed by what stands in the address."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response

from dashplate.service.access import note, require, url_of
from dashplate.web.areas import AskedArea, Ways
from dashplate.web.asked import Asked, Chip, Number, Percent, Tick, address
from dashplate.web.page import is_part, pages_for, render
from dashplate.web.pages.findings.saved import saved_of
from dashplate.web.shown import day, file_name, percent
from dashplate.web.texts import t
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings.search import index_if_it_can
from db.findings.typed import typed
from db.models import PlaceRow
from db.web import job_names
from db.web.findings import sightings
from db.web.findings.sightings import Narrowed, Page, Place
from db.web.where.drives import along_drive
from db.where.places import places as named_places
from pipeline.formats import country_names
from workers.hashed_jobs import hashed_plate

router = pages_for(Scope.SEARCH)


class Gallery(Asked, AskedArea):
    """What the gallery is narrowed by."""

    #: Of the reading's confidence.
    at_least: Percent = None
    at_most: Percent = None
    unsure: Tick = False
    corrected: Tick = False
    #: The last sighting that may fit, as an earlier page found it.
    last: Number = None

    def narrowed(self, places: Sequence[PlaceRow], ways: Ways) -> Narrowed:
        plate = typed(self.text()) or None
        return Narrowed(
            job=self.job,
            country=self.code(),
            at_least=None if self.at_least is None else self.at_least / 100,
            at_most=None if self.at_most is None else self.at_most / 100,
            unsure=self.unsure,
            corrected=self.corrected,
            since=self.since,
            until=self.until,
            plate=plate,
            hashed=hashed_plate(plate) if plate else None,
            area=self.area(places, ways),
        )

    def at(self) -> Place:
        return Place(self.before, self.last) if self.before else Place()


@router.get("/sightings")
def show(
    request: Request, caller: Annotated[Principal, require(Scope.SEARCH)], asked: Annotated[Gallery, Query()]
) -> Response:
    """A page of it; a part of one where the gallery goes on."""
    place, url = asked.at(), url_of(request)
    if asked.text():
        index_if_it_can(url)
    with session(url) as db:
        places = named_places(db)
        narrowed = asked.narrowed(places, partial(along_drive, db))
        found = sightings.page(db, narrowed, place)
        note(db, request, caller, "gallery", on_record(narrowed, asked), len(found.rows))
        values: dict[str, Any] = {"rows": found.rows, "reasons": None, **addresses(request, found, place)}
        if is_part(request):
            return render(request, caller, "parts/stretch.html", **values)
        named = job_names.names(db, asked.job)
        saved = saved_of(db, caller)
    return render(
        request, caller, "sightings/page.html", asked=asked, saved=saved, jobs=named,
        chips=chips(request, asked, {job.id: job.name for job in named}), countries=country_names(),
        with_unsure=address(request, unsure=1), with_corrected=address(request, corrected=1), newest=address(request),
        address=address(request), places=places, map_address=elsewhere(request, "/map"), **values,
    )  # fmt: skip


def addresses(request: Request, found: Page, place: Place) -> dict[str, str | None]:
    """Where this page of the gallery is, whatever comes in later, and where the next."""
    first = found.rows[0]["sighting"] + 1 if found.rows else place.before
    following = found.following
    return {
        "here": address(request, before=first, last=place.last),
        "next": address(request, before=following.before, last=following.last) if following else None,
    }


def chips(request: Request, asked: Gallery, jobs: dict[int, str]) -> list[Chip]:
    """What the gallery is narrowed by, each with the address without it."""
    said = {
        "plate": asked.plate and t("sightings.chip.plate", plate=asked.plate),
        "job": asked.job and t("sightings.chip.job", name=file_name(jobs.get(asked.job, str(asked.job)))),
        "country": asked.code(),
        "since": asked.since and t("sightings.chip.since", day=day(asked.since)),
        "until": asked.until and t("sightings.chip.until", day=day(asked.until)),
        "at_least": asked.at_least and t("sightings.chip.at_least", share=percent(asked.at_least / 100)),
        "at_most": asked.at_most is not None and t("sightings.chip.at_most", share=percent(asked.at_most / 100)),
        "unsure": asked.unsure and t("sightings.unsure"),
        "corrected": asked.corrected and t("sightings.corrected"),
        **asked.said(),
    }
    return [Chip(str(text), address(request, (name,))) for name, text in said.items() if text]


def elsewhere(request: Request, path: str) -> str:
    """The address of another page that is narrowed by the same."""
    asked = address(request).partition("?")[2]
    return f"{path}?{asked}" if asked else path


def on_record(narrowed: Narrowed, asked: Gallery) -> str:
    plate = narrowed.hashed or narrowed.plate
    told = [f"plate {plate}" if plate else "", f"job {narrowed.job}" if narrowed.job else "", asked.on_record()]
    return " ".join(filter(None, told)) or "all"
