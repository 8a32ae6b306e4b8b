"""Watch lists over HTTP: entries put on them and ended, and hits; who asked is on record."""

from __future__ import annotations

import datetime as dt
import io
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, BeforeValidator, Field, StrictBool

from dashplate.service.access import note, require, url_of
from dashplate.service.documents import Page
from dashplate.service.errors import Refused, responses
from dashplate.service.findings.search import Moment
from dashplate.service.jobs import Cursor, Most, Number
from dashplate.service.telling.documents import EntryTold, HitTold, Imported
from dashplate.watch_files import IMPORTED, wishes
from db.access.scopes import Principal, Scope
from db.engine import session
from db.telling import watch_lists
from db.telling.watch_lists import Wish
from pipeline.errors import UsageError

#: What changes lists, and what shows them and their hits.
changes = APIRouter(tags=["watch lists"])
shown = APIRouter(tags=["hits"])
Searcher = Annotated[Principal, require(Scope.SEARCH)]
Operator = Annotated[Principal, require(Scope.ADMIN)]
Label = Annotated[str | None, Query(min_length=1, max_length=60, description="Of this list.")]
#: What a file of entries is sent as, and how the description shows it.
CSV = "text/csv"
_FILE = {
    "type": "string",
    "description": "Its first line names the columns: `plate`, and any of `like`, `label`, `colour`, `note`,"
    " `expires`.",
    "examples": ["plate,label\nKA05MH1234,stolen\n"],
}
_Word = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


def _written(moment: object) -> object:
    """A moment as text: a number might be of seconds or of milliseconds."""
    if not isinstance(moment, str | dt.datetime):
        raise ValueError("give a date and time as ISO 8601 has it")
    return moment


class Wanted(BaseModel, extra="forbid"):
    """A plate or pattern that somebody wants to hear of."""

    plate: Annotated[str, Field(min_length=1, max_length=100, description="A plate, or a pattern with `*` and `?`.")]
    label: Annotated[str, Field(min_length=1, max_length=60, description="Names the list.", examples=["stolen"])]
    like: StrictBool = Field(False, description="Also what the plate is easily taken for.")
    colour: _Word | None = None
    note: _Word | None = None
    expires_at: Annotated[Moment, BeforeValidator(_written)] | None = Field(
        None, description="It fits nothing any more from then on."
    )
    alert_existing: StrictBool = Field(False, description="Tell endpoints of sightings that were there before, too.")


@changes.post("/v1/watchlist", status_code=201, responses=responses())
def watch(request: Request, caller: Operator, wanted: Wanted, response: Response) -> EntryTold:
    """Put a plate on a list, and match it with what is there.

    The same plate on the same list again is the same entry; it takes the new colour, note and end.
    """
    plate, label = wanted.plate.replace("\0", ""), wanted.label.replace("\0", "")
    wish = Wish(
        plate, label, wanted.like, wanted.colour, wanted.note, wanted.expires_at, wanted.alert_existing
    )  # fmt: skip
    with session(url_of(request)) as db:
        (entry,) = watch_lists.add(db, [wish], f"token {caller.name}")
        note(db, request, caller, "watchlist", f"add {entry} to {label}: {plate}", None)
    with session(url_of(request)) as db:
        watch_lists.match_existing(db, entry)
    response.headers["Location"] = f"/v1/watchlist/{entry}"
    return _entry(request, entry)


@changes.post(
    "/v1/watchlist/import",
    responses=responses(409, 415),
    openapi_extra={"requestBody": {"required": True, "content": {CSV: {"schema": _FILE}}}},
)
async def import_entries(
    request: Request, caller: Operator, label: Label = None, alert_existing: bool = False
) -> Imported:
    """Put all entries of a CSV file on their lists; none where a line is wrong.

    What is there already takes the file's colour, note and end. Workers match the entries with what is there.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != CSV:
        raise Refused(415, f"Send the file as {CSV}.")
    file = await request.body()
    return await run_in_threadpool(_imported, request, caller, file, _text(label), alert_existing)


def _imported(request: Request, caller: Principal, file: bytes, label: str | None, alert_existing: bool) -> Imported:
    try:
        lines = io.StringIO(file.decode("utf-8-sig").replace("\0", ""), newline="")
        wanted = list(wishes(lines, label, alert_existing=alert_existing))
    except UnicodeDecodeError:
        raise Refused(409, "The file is no text in UTF-8.") from None
    except UsageError as error:
        raise Refused(409, str(error)) from error
    numbers: set[int] = set()
    for start in range(0, len(wanted), IMPORTED):
        some = wanted[start : start + IMPORTED]
        with session(url_of(request)) as db:
            numbers |= set(watch_lists.add(db, some, f"token {caller.name}"))
            note(db, request, caller, "watchlist", f"import {label or 'a file'}", len(some))
    return Imported(entries=len(numbers))


@shown.get("/v1/watchlist", responses=responses())
def list_entries(
    request: Request,
    caller: Searcher,
    label: Label = None,
    ended: bool = False,
    cursor: Cursor = None,
    most: Most = 50,
) -> Page[EntryTold]:
    """Entries, in the order in which they were added."""
    with session(url_of(request)) as db:
        rows = watch_lists.entries(db, _text(label), ended=ended, after=int(cursor or 0), most=most)
        note(db, request, caller, "watchlist", f"list {label or 'all'}", len(rows))
    return Page.of([EntryTold.of(row) for row in rows], most, lambda one: one.id)


@shown.get("/v1/watchlist/{entry}", responses=responses(404))
def show_entry(request: Request, caller: Searcher, entry: Number) -> EntryTold:
    """One of them, ended or not."""
    with session(url_of(request)) as db:
        note(db, request, caller, "watchlist", f"show {entry}", None)
    return _entry(request, entry)


@changes.delete("/v1/watchlist/{entry}", status_code=204, response_class=Response, responses=responses(404))
def unwatch(request: Request, caller: Operator, entry: Number, forget: bool = False) -> Response:
    """Watch for it no longer; its hits stay, unless they are to be forgotten."""
    with session(url_of(request)) as db:
        done = watch_lists.forget(db, entry) if forget else watch_lists.end(db, entry)
        if not done:
            raise Refused(404, f"There is no entry {entry}{'' if forget else ' in force'}.")
        note(db, request, caller, "watchlist", f"{'forget' if forget else 'end'} {entry}", None)
    return Response(status_code=204)


@shown.get("/v1/hits", responses=responses())
def list_hits(
    request: Request,
    caller: Searcher,
    label: Label = None,
    job: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    entry: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    new: Annotated[bool, Query(description="Not those that were there before their entry.")] = False,
    cursor: Cursor = None,
    most: Most = 50,
) -> Page[HitTold]:
    """Sightings that fit the watch lists, and why; the newest hit first."""
    before = int(cursor) if cursor else None
    with session(url_of(request)) as db:
        rows = watch_lists.hits(db, label=_text(label), job=job, entry=entry, new=new, before=before, most=most)
        asked = " ".join(f"{k} {v}" for k, v in (("label", label), ("job", job), ("entry", entry)) if v is not None)
        note(db, request, caller, "hits", asked or "all", len(rows))
    return Page.of([HitTold.of(row) for row in rows], most, lambda one: one.id)


def _entry(request: Request, entry: int) -> EntryTold:
    with session(url_of(request)) as db:
        row = watch_lists.entry_of(db, entry)
    if row is None:
        raise Refused(404, f"There is no entry {entry}.")
    return EntryTold.of(row)


def _text(text: str | None) -> str | None:
    return None if text is None else text.replace("\0", "")
