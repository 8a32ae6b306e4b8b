"""Plates and sightings over HTTP, with their pictures and exports; every call is put on record."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from dashplate import export
from dashplate.service.access import note, require, url_of
from dashplate.service.documents import JobTold, Page, PlateTold, SightingTold
from dashplate.service.errors import Refused, responses, too_many
from dashplate.service.jobs import Cursor, Most, Number, row_of
from db.access.tokens import Principal, Scope
from db.engine import is_transient, session
from db.findings import pages, queries
from db.findings.typed import is_whole, like, typed
from workers.hashed_jobs import own_key
from workers.result_store import store

router = APIRouter(tags=["plates and sightings"])
Caller = Annotated[Principal, require(Scope.SEARCH)]

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
#: How often a followed job is looked at, seconds; and how often a line is sent at least, so that proxies keep it up.
_LOOK_EVERY_S, _BREATH_S = 0.5, 15.0
#: Nobody follows longer at a time; sightings that are sent at a look; by how many numbers one may come in late.
_LONGEST_S, _A_LOOK, _LATE = 6 * 3600.0, 200, 1000


def _pictures(kind: str) -> dict[int | str, dict[str, Any]]:
    content = {kind: {"schema": {"type": "string", "format": "binary"}}}
    here: dict[int | str, dict[str, Any]] = {
        200: {"content": content, "description": "OK"},
        206: {"content": content, "description": "A range of it"},
    }
    return {**responses(404, 416), **here}


class Form(StrEnum):
    """How a job's unique plates are written."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


@router.get("/v1/plates", responses=responses())
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


@router.get("/v1/jobs/{job}/sightings", responses=responses(404))
def list_sightings(
    request: Request, caller: Caller, job: Number, cursor: Cursor = None, most: Most = 100
) -> Page[SightingTold]:
    """A job's sightings, as they came in."""
    with session(url_of(request)) as db:
        row_of(db, job)
        rows = pages.sightings(db, job, int(cursor or 0), most)
        note(db, request, caller, "sightings", f"job {job}", len(rows))
    return Page.of([SightingTold.of(row) for row in rows], most, lambda last: last.id)


@router.get("/v1/sightings/{sighting}", responses=responses(404))
def show_sighting(request: Request, caller: Caller, sighting: Number) -> SightingTold:
    """One of them."""
    return SightingTold.of(_noted(request, caller, sighting, "sighting"))


@router.get("/v1/sightings/{sighting}/crop", response_class=Response, responses=_pictures("image/png"))
def crop(request: Request, caller: Caller, sighting: Number) -> Response:
    """The picture of the plate that was read, PNG."""
    return _picture(request, _noted(request, caller, sighting, "crop")["crop"], "image/png")


@router.get("/v1/sightings/{sighting}/frame", response_class=Response, responses=_pictures("image/jpeg"))
def frame(request: Request, caller: Caller, sighting: Number) -> Response:
    """The whole frame that it was read from, JPEG."""
    return _picture(request, _noted(request, caller, sighting, "frame")["frame"], "image/jpeg")


@router.get("/v1/jobs/{job}/export", response_class=Response, responses=responses(404))
def export_job(
    request: Request,
    caller: Caller,
    job: Number,
    form: Annotated[Form, Query(alias="format", description="As `dashplate export` writes them.")] = Form.CSV,
) -> Response:
    """A job's unique plates as a file."""
    with session(url_of(request)) as db:
        progress = row_of(db, job)
        rows = export.unique_plates(queries.sightings(db, job), _where)
        note(db, request, caller, "export", f"job {job} as {form}", len(rows))
        if form is Form.JSON:
            text = export.to_json(progress, queries.videos(db, job), rows)
        else:
            text = export.to_csv(rows) if form is Form.CSV else export.to_json_lines(rows)
    kinds = {Form.CSV: "text/csv; charset=utf-8", Form.JSON: "application/json", Form.JSONL: "application/x-ndjson"}
    name = f'attachment; filename="job-{job}.{form}"'
    return Response(text, media_type=kinds[form], headers={"Content-Disposition": name})


@router.get("/v1/jobs/{job}/events", response_class=StreamingResponse, responses=responses(404))
async def follow(request: Request, caller: Caller, job: Number) -> StreamingResponse:
    """Server-sent events until the job's end: `progress` where it changed, `sighting` for each that comes in, `end`.

    The `id` of an event is the highest number of a sighting so far. With it as `Last-Event-ID`, sightings go on from
    there, some once more; else with the first.
    """
    last = request.headers.get("last-event-id", "0")
    if not (last.isascii() and last.isdigit() and len(last) <= 18):
        raise Refused(422, "`Last-Event-ID` is the number of a sighting.")
    url = url_of(request)

    def begin() -> None:
        with session(url) as db:
            row_of(db, job)
            note(db, request, caller, "events", f"job {job}", None)

    await asyncio.to_thread(begin)
    followers: Followers = request.app.state.followers
    followers.enter()
    return _Followed(followers, Following(request, url, job, int(last)).events())


class Followers:
    """Counts those who follow a job: each asks the database twice a second."""

    def __init__(self, most: int = 32) -> None:
        self._most = most
        self._here = 0

    def enter(self) -> None:
        """Raises Refused, 429, where there are as many as may be."""
        if self._here >= self._most:
            raise too_many("As many follow jobs as may. Try again in some seconds.", 5)
        self._here += 1

    def leave(self) -> None:
        self._here -= 1


class _Followed(StreamingResponse):
    """Leaves the followers however it ends, begun or not."""

    def __init__(self, followers: Followers, events: AsyncIterator[str]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._followers = followers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._followers.leave()


class Following:
    """One who follows a job."""

    def __init__(self, request: Request, url: str, job: int, after: int) -> None:
        self._request = request
        self._url = url
        self._job = job
        #: Numbers are given before the commit: lower ones may come in after higher ones, so that all that were sent are
        #: remembered, and what a caller has missed before a break is looked for from a little earlier on.
        self._from = max(0, after - _LATE)
        self._sent: set[int] = set()
        self._after = after

    async def events(self) -> AsyncIterator[str]:
        """What is sent, until the job has ended, the caller has gone, or the token has ended."""
        loop = asyncio.get_running_loop()
        said, breath, until = "", loop.time(), loop.time() + _LONGEST_S
        while loop.time() < until and not await self._request.is_disconnected():
            try:
                progress, rows = await asyncio.to_thread(self._news)
            except SQLAlchemyError as error:
                if not is_transient(error):
                    raise
                progress, rows = None, []
            for row in rows:
                self._sent.add(row["sighting"])
                self._after = max(self._after, row["sighting"])
                yield f"id: {self._after}\nevent: sighting\ndata: {SightingTold.of(row).model_dump_json()}\n\n"
            if progress is not None and (told := JobTold.of(progress).model_dump_json()) != said:
                yield f"event: progress\ndata: {told}\n\n"
                said, breath = told, loop.time()
            if len(rows) == _A_LOOK:
                continue
            if progress is not None and progress["finished_at"] is not None:
                yield "event: end\ndata: {}\n\n"
                return
            if loop.time() - breath > _BREATH_S:
                # A token that was revoked meanwhile.
                await asyncio.to_thread(self._request.app.state.access.known, self._request)
                yield ": still there\n\n"
                breath = loop.time()
            await asyncio.sleep(_LOOK_EVERY_S)

    def _news(self) -> tuple[RowMapping | None, list[RowMapping]]:
        with session(self._url) as db:
            # First: what is there once it has finished is all there is.
            progress = row_of(db, self._job)
            # While it goes on, from a little before the last; at its end, all.
            begin = self._from if progress["finished_at"] else max(self._from, self._after - _LATE)
            fresh: list[int] = []
            while len(fresh) < _A_LOOK and (some := pages.numbers(db, self._job, begin, _A_LOOK + _LATE)):
                fresh += [number for number in some if number not in self._sent]
                begin = some[-1]
            return progress, list(pages.sightings_of(db, fresh[:_A_LOOK]))


def _noted(request: Request, caller: Principal, sighting: int, action: str) -> RowMapping:
    with session(url_of(request)) as db:
        row = pages.sighting(db, sighting)
        note(db, request, caller, action, f"sighting {sighting}", int(row is not None))
    if row is None:
        raise Refused(404, f"There is no sighting {sighting}.")
    return row


def _where(name: str) -> str:
    # Where the store is, is its operator's business.
    return name


def _picture(request: Request, name: str | None, kind: str) -> Response:
    if name is None:
        raise Refused(404, "No picture of it was kept.")
    return ranged(request, store().get(name), kind)


def ranged(request: Request, data: bytes, kind: str) -> Response:
    """The bytes, or the one range of them that the request asks for. Raises Refused, 416, for one beyond their end."""
    headers = {"Accept-Ranges": "bytes"}
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    first, last = (asked[1], asked[2]) if asked else ("", "")
    # What is no range is not heeded, and one that depends on a version cannot be told to be of this one.
    if not (first or last) or (first and last and int(first) > int(last)) or "if-range" in request.headers:
        return Response(data, media_type=kind, headers=headers)
    start = int(first) if first else max(0, len(data) - int(last))
    end = min(len(data), int(last) + 1) if first and last else len(data)
    if start >= end:
        raise Refused(416, "That range lies beyond the file's end.", {"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
    return Response(data[start:end], 206, media_type=kind, headers=headers)
