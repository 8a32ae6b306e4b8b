"""The calls about drives: what they hold, and who passed."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from dashplate.service.access import note, require, url_of
from dashplate.service.documents import ClipTold, DriveTold, Page, PassingTold
from dashplate.service.errors import Refused, responses
from dashplate.service.jobs import Most, Number
from db.access.scopes import Principal, Scope
from db.engine import session
from db.web.where import drives

router = APIRouter(tags=["places"])
Searcher = Annotated[Principal, require(Scope.SEARCH)]
#: A moment in microseconds since 1970, and a number.
Behind = Annotated[
    str | None, Query(pattern=r"^-?[0-9]{1,17}:[1-9][0-9]{0,17}$", description="`next` of the page before.")
]
Most100 = Annotated[int, Query(ge=1, le=100)]
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@router.get("/v1/drives", responses=responses())
def list_drives(
    request: Request,
    caller: Searcher,
    job: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    cursor: Behind = None,
    most: Most = 100,
) -> Page[DriveTold]:
    """Drives, the newest first: videos whose clocks say that they follow each other."""
    with session(url_of(request)) as db:
        rows = drives.drives(db, most, _behind(cursor), job)
        note(db, request, caller, "drives", f"job {job}" if job else "all", len(rows))
    following = _written(rows[-1]["began_at"], rows[-1]["id"]) if len(rows) == most else None
    return Page(items=[DriveTold.of(row) for row in rows], next=following)


@router.get("/v1/drives/{drive}", responses=responses(404))
def show_drive(request: Request, caller: Searcher, drive: Number) -> DriveTold:
    """One of them."""
    with session(url_of(request)) as db:
        row = known(db, drive)
        note(db, request, caller, "drive", f"drive {drive}", row["passings"])
    return DriveTold.of(row)


@router.get("/v1/drives/{drive}/clips", responses=responses(404))
def clips(request: Request, caller: Searcher, drive: Number) -> list[ClipTold]:
    """Its videos, in the order of recording."""
    with session(url_of(request)) as db:
        known(db, drive)
        rows = drives.clips(db, drive)
        note(db, request, caller, "drive", f"drive {drive}", len(rows))
    return [ClipTold.model_validate({**row, "video": row["id"]}) for row in rows]


@router.get("/v1/drives/{drive}/passings", responses=responses(404))
def passings(
    request: Request, caller: Searcher, drive: Number, cursor: Behind = None, most: Most100 = 50
) -> Page[PassingTold]:
    """Who passed, in order: each vehicle once, with its sightings in all clips and cameras."""
    with session(url_of(request)) as db:
        known(db, drive)
        found, following = drives.passings(db, drive, most, _behind(cursor))
        note(db, request, caller, "passings", f"drive {drive}", len(found))
    return Page(items=[PassingTold.of(one) for one in found], next=following and _written(*following))


def known(db: Session, drive: int) -> RowMapping:
    """A drive. Raises Refused where there is none of that number."""
    row = drives.drive(db, drive)
    if row is None:
        raise Refused(404, f"There is no drive {drive}. A drive whose videos are done again may have another number.")
    return row


def _behind(cursor: str | None) -> tuple[dt.datetime, int] | None:
    if cursor is None:
        return None
    microseconds, _, number = cursor.partition(":")
    try:
        return _EPOCH + dt.timedelta(microseconds=int(microseconds)), int(number)
    except OverflowError:
        raise Refused(422, "`cursor` is `next` of the page before.") from None


def _written(at: dt.datetime, number: int) -> str:
    return f"{(at - _EPOCH) // dt.timedelta(microseconds=1)}:{number}"
