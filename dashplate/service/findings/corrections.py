"""`/v1/sightings/{sighting}/correction`: what a person reads in a sighting, beside what it was read as."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from dashplate.corrections import MOST_CHARS, MOST_NOTE_CHARS, correction_of
from dashplate.service.access import note, require, url_of
from dashplate.service.documents import SightingTold
from dashplate.service.errors import Refused, responses
from dashplate.service.jobs import Number
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings import corrections, pages
from db.findings.plate_hashing import PlateKeyError
from pipeline.errors import UsageError

router = APIRouter(tags=["corrections"])
Caller = Annotated[Principal, require(Scope.CORRECT)]
#: Latin, Cyrillic and Chinese; spaces and hyphens between the groups.
_LETTERS = "0-9A-Za-z\u0410-\u042f\u0430-\u044f\u4e00-\u9fff"
_PLATE = f"^[{_LETTERS}][{_LETTERS} -]{{0,{MOST_CHARS - 1}}}$"


class Said(BaseModel, extra="forbid"):
    """What a person says of a sighting."""

    plate: Annotated[str, Field(pattern=_PLATE)] | None = Field(
        description="What it says; null says that it is no plate.", examples=["GV5679"]
    )
    note: Annotated[str, Field(max_length=MOST_NOTE_CHARS, pattern=r"^[^\x00]*$")] | None = None


@router.post("/v1/sightings/{sighting}/correction", responses=responses(404, 409))
def correct(request: Request, caller: Caller, sighting: Number, said: Said) -> SightingTold:
    """Say what a sighting shows; an earlier correction of it is replaced."""
    with session(url_of(request)) as db:
        options = corrections.options_of(db, sighting)
        if options is None:
            raise _gone(sighting)
        try:
            correction = correction_of(options, said.plate, f"token {caller.name}", said.note)
        except PlateKeyError:
            raise Refused(409, "Its plates are stored as hashes under a key that this service has not.") from None
        except UsageError as error:
            raise Refused(422, str(error)) from None
        if not corrections.correct(db, sighting, correction):
            raise _gone(sighting)
        # Without the plate: the audit keeps for ever what it is told.
        note(db, request, caller, "correct", f"sighting {sighting}", 1)
        return _told(db, sighting)


@router.delete("/v1/sightings/{sighting}/correction", responses=responses(404))
def take_back(request: Request, caller: Caller, sighting: Number) -> SightingTold:
    """Forget what was said of a sighting."""
    with session(url_of(request)) as db:
        if not corrections.take_back(db, sighting):
            raise Refused(404, f"Nobody has corrected sighting {sighting}, or there is none.")
        note(db, request, caller, "correct", f"sighting {sighting} taken back", 1)
        return _told(db, sighting)


def _told(db: Session, sighting: int) -> SightingTold:
    row = pages.sighting(db, sighting)
    if row is None:
        raise _gone(sighting)
    return SightingTold.of(row)


def _gone(sighting: int) -> Refused:
    return Refused(404, f"There is no sighting {sighting}.")
