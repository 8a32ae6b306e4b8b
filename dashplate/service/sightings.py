"""Plates and sightings over HTTP, with their pictures and exports; every call is put on record."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import RowMapping

from dashplate import export
from dashplate.jobs import progress_of
from dashplate.service.access import require
from dashplate.service.audited import note
from dashplate.service.documents import JobTold, Page, SightingTold
from dashplate.service.errors import Refused, responses, too_many
from dashplate.service.jobs import Cursor, Most, Number, must_be_there, url_of
from dashplate.service.photos import Share
from db.access.tokens import Principal, Scope
from db.engine import session
from db.findings import pages, queries
from db.findings.typed import is_whole, like, typed
from store import MissingFile
from workers.hashed_jobs import own_key
from workers.result_store import store

router = APIRouter(tags=["plates and sightings"])
Caller = Annotated[Principal, require(Scope.SEARCH)]

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
#: How often a followed job is looked at, seconds; and how often a line is sent at least, so that proxies keep it up.
_LOOK_EVERY_S, _BREATH_S = 0.5, 15.0
#: Followers at a time: each asks the database twice a second.
_MOST_FOLLOWERS = 32
_followers = asyncio.Semaphore(_MOST_FOLLOWERS)


class PlateTold(BaseModel):
    """A unique plate, over all jobs."""

    plate: str
    country: str | None
    sightings: int
    videos: int
    confidence: Share
    confirmed: bool


class Form(StrEnum):
    """How a job's unique plates are written."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


@router.get("/v1/plates", responses=responses(422))
def plates(
    request: Request,
    caller: Caller,
    pattern: Annotated[str, Query(min_length=1, max_length=100, description="A plate, or a pattern with `*` and `?`.")],
    most: Most = 50,
) -> list[PlateTold]:
    """Unique plates that a pattern fits, the most seen first; O finds 0, and I finds 1."""
    wanted = typed(pattern.replace("\0", ""))
    key = own_key()
    hashed = key.hashed(wanted) if key is not None and is_whole(wanted) else None
    with session(url_of(request)) as db:
        rows = queries.plates(db, like(wanted), most, hashed)
        # Where plates are to be unreadable, the record of searches must not give them away.
        note(db, request, caller, "plates", hashed or pattern, len(rows))
    return [PlateTold.model_validate({**row, "confidence": min(1.0, row["confidence"])}) for row in rows]


@router.get("/v1/jobs/{job}/sightings", responses=responses(404, 422))
def list_sightings(
    request: Request, caller: Caller, job: Number, cursor: Cursor = None, most: Most = 100
) -> Page[SightingTold]:
    """A job's sightings, as they came in."""
    with session(url_of(request)) as db:
        must_be_there(db, job)
        rows = pages.sightings(db, job, int(cursor or 0), most)
        note(db, request, caller, "sightings", f"job {job}", len(rows))
    items = [SightingTold.of(row) for row in rows]
    return Page(items=items, next=str(items[-1].id) if len(rows) == most else None)


@router.get("/v1/sightings/{sighting}", responses=responses(404, 422))
def show_sighting(request: Request, caller: Caller, sighting: Number) -> SightingTold:
    """One of them."""
    return SightingTold.of(_noted(request, caller, sighting, "sighting"))


@router.get("/v1/sightings/{sighting}/crop", response_class=Response, responses=responses(404, 416, 422))
def crop(request: Request, caller: Caller, sighting: Number) -> Response:
    """The picture of the plate that was read, PNG."""
    return _picture(request, _noted(request, caller, sighting, "crop")["crop"], "image/png")


@router.get("/v1/sightings/{sighting}/frame", response_class=Response, responses=responses(404, 416, 422))
def frame(request: Request, caller: Caller, sighting: Number) -> Response:
    """The whole frame that it was read from, JPEG."""
    return _picture(request, _noted(request, caller, sighting, "frame")["frame"], "image/jpeg")


@router.get("/v1/jobs/{job}/export", response_class=Response, responses=responses(404, 422))
def export_job(
    request: Request,
    caller: Caller,
    job: Number,
    form: Annotated[Form, Query(alias="format", description="As `dashplate export` writes them.")] = Form.CSV,
) -> Response:
    """A job's unique plates as a file."""
    with session(url_of(request)) as db:
        must_be_there(db, job)
        rows = export.unique_plates(queries.sightings(db, job), store().location)
        note(db, request, caller, "export", f"job {job} as {form}", len(rows))
        if form is Form.JSON:
            text = export.to_json(progress_of(db, job), queries.videos(db, job), rows)
        else:
            text = export.to_csv(rows) if form is Form.CSV else export.to_json_lines(rows)
    kinds = {Form.CSV: "text/csv; charset=utf-8", Form.JSON: "application/json", Form.JSONL: "application/x-ndjson"}
    name = f'attachment; filename="job-{job}.{form}"'
    return Response(text, media_type=kinds[form], headers={"Content-Disposition": name})


@router.get("/v1/jobs/{job}/events", response_class=StreamingResponse, responses=responses(404, 422))
async def follow(request: Request, caller: Caller, job: Number) -> StreamingResponse:
    """Server-sent events until the job's end: `progress` where it changed, `sighting` for each that comes in.

    With `Last-Event-ID`, sightings go on from the one of that number, some before it once more; else with the first.
    """
    url = url_of(request)
    last = request.headers.get("last-event-id", "0")
    if not (last.isascii() and last.isdigit() and len(last) <= 18):
        raise Refused(422, "`Last-Event-ID` is the number of a sighting.")

    def begin() -> None:
        with session(url) as db:
            must_be_there(db, job)
            note(db, request, caller, "events", f"job {job}", None)

    await asyncio.to_thread(begin)
    if _followers.locked():
        raise too_many("Too many follow jobs at the moment. Try again in a second.")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(request, url, job, int(last)), media_type="text/event-stream", headers=headers)


async def _events(request: Request, url: str, job: int, after: int) -> AsyncIterator[str]:
    said, breath, sent = "", asyncio.get_running_loop().time(), set[int]()
    async with _followers:
        while not await request.is_disconnected():
            progress, rows = await asyncio.to_thread(_news, url, job, after - _LATE, sent)
            for row in rows:
                sent.add(row["sighting"])
                after = max(after, row["sighting"])
                yield f"id: {after}\nevent: sighting\ndata: {SightingTold.of(row).model_dump_json()}\n\n"
            sent = {number for number in sent if number > after - _LATE}
            if progress is None:
                return
            told = JobTold.of(progress).model_dump_json()
            now = asyncio.get_running_loop().time()
            if told != said:
                yield f"event: progress\ndata: {told}\n\n"
                said, breath = told, now
            elif now - breath > _BREATH_S:
                yield ": still there\n\n"
                breath = now
            if len(rows) == _A_LOOK:
                continue
            if progress["finished_at"] is not None:
                return
            await asyncio.sleep(_LOOK_EVERY_S)


#: Sightings that are sent at a look, and by how many numbers one may come in late.
_A_LOOK, _LATE = 200, 1000


def _news(url: str, job: int, after: int, sent: set[int]) -> tuple[RowMapping | None, list[RowMapping]]:
    with session(url) as db:
        # First: what is there once it has finished is all there is.
        progress = queries.progress(db, job)
        fresh = [n for n in pages.numbers(db, job, max(0, after), _A_LOOK + _LATE) if n not in sent]
        return progress, list(pages.sightings_of(db, fresh[:_A_LOOK]))


def _noted(request: Request, caller: Principal, sighting: int, action: str) -> RowMapping:
    with session(url_of(request)) as db:
        row = pages.sighting(db, sighting)
        note(db, request, caller, action, f"sighting {sighting}", int(row is not None))
    if row is None:
        raise Refused(404, f"There is no sighting {sighting}.")
    return row


def _picture(request: Request, name: str | None, kind: str) -> Response:
    if name is None:
        raise Refused(404, "No picture of it was kept.")
    try:
        data = store().get(name)
    except MissingFile:
        raise Refused(404, "Its picture is gone.") from None
    return ranged(request, data, kind)


def ranged(request: Request, data: bytes, kind: str) -> Response:
    """The bytes, or the one range of them that the request asks for. Raises Refused, 416, for one beyond their end."""
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, max-age=3600"}
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or asked[0] == "bytes=-":
        return Response(data, media_type=kind, headers=headers)
    first, last = asked[1], asked[2]
    start = int(first) if first else max(0, len(data) - int(last))
    end = min(len(data), int(last) + 1) if first and last else len(data)
    if start >= end:
        raise Refused(416, "That range lies beyond the file's end.", {"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
    return Response(data[start:end], 206, media_type=kind, headers=headers)
