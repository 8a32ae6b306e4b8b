"""Plates and sightings over HTTP, with their pictures and as they come in; every call is put on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from dashplate.service.access import Access, note, require, url_of
from dashplate.service.documents import JobTold, Page, SightingTold
from dashplate.service.errors import Refused, responses
from dashplate.service.files.ranges import described, ranged
from dashplate.service.files.streams import Placed, Places
from dashplate.service.jobs import Cursor, Most, Number, row_of
from db.access.scopes import Principal, Scope
from db.engine import is_transient, session
from db.findings import pages
from workers.result_store import store

router = APIRouter(tags=["plates and sightings"])
Caller = Annotated[Principal, require(Scope.SEARCH)]

#: How often a followed job is looked at, seconds; and how often a line is sent at least, so that proxies keep it up.
_LOOK_EVERY_S, _BREATH_S = 0.5, 15.0
#: Nobody follows longer at a time; sightings that are sent at a look; by how many numbers one may come in late.
_LONGEST_S, _A_LOOK, _LATE = 6 * 3600.0, 200, 1000


@router.get("/v1/jobs/{job}/sightings", responses=responses(404))
def list_sightings(
    request: Request, caller: Caller, job: Number, cursor: Cursor = None, most: Most = 100
) -> Page[SightingTold]:
    """A job's sightings, as they came in."""
    with session(url_of(request)) as db:
        row_of(db, job)
        rows, following = pages.sightings(db, job, int(cursor or 0), most)
        note(db, request, caller, "sightings", f"job {job}", len(rows))
    return Page(items=[SightingTold.of(row) for row in rows], next=None if following is None else str(following))


@router.get("/v1/sightings/{sighting}", responses=responses(404))
def show_sighting(request: Request, caller: Caller, sighting: Number) -> SightingTold:
    """One of them."""
    return SightingTold.of(_noted(request, caller, sighting, "sighting"))


@router.get("/v1/sightings/{sighting}/crop", response_class=Response, responses=described("image/png"))
def crop(request: Request, caller: Caller, sighting: Number) -> Response:
    """The picture of the plate that was read, PNG."""
    return _picture(request, _noted(request, caller, sighting, "crop")["crop"], "image/png")


@router.get("/v1/sightings/{sighting}/frame", response_class=Response, responses=described("image/jpeg"))
def frame(request: Request, caller: Caller, sighting: Number) -> Response:
    """The whole frame that it was read from, JPEG."""
    return _picture(request, _noted(request, caller, sighting, "frame")["frame"], "image/jpeg")


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
    followers: Places = request.app.state.followers
    followers.enter()
    held = ExitStack()
    held.callback(followers.leave)
    events = Following(request, url, job, int(last)).events()
    return Placed(held, events, "text/event-stream", {"X-Accel-Buffering": "no"})


class Following:
    """One who follows a job."""

    def __init__(self, request: Request, url: str, job: int, after: int) -> None:
        self._request = request
        self._access: Access = request.app.state.access
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
            finished = progress is not None and progress["finished_at"] is not None
            if len(rows) == _A_LOOK:
                if finished:
                    # Nothing comes in late any more: up to there all is sent.
                    self._from = rows[-1]["sighting"]
                continue
            if finished:
                yield "event: end\ndata: {}\n\n"
                return
            if loop.time() - breath > _BREATH_S:
                yield ": still there\n\n"
                breath = loop.time()
            await asyncio.sleep(_LOOK_EVERY_S)

    def _news(self) -> tuple[RowMapping | None, list[RowMapping]]:
        # A token may be revoked meanwhile.
        self._access.known(self._request)
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


def _picture(request: Request, name: str | None, kind: str) -> Response:
    if name is None:
        raise Refused(404, "No picture of it was kept.")
    return ranged(request, store().get(name), kind)
