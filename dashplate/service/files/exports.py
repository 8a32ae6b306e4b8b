"""`GET /v1/jobs/{job}/export`: a job's plates, sightings or labelled pictures, sent while they are read or as files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from tempfile import TemporaryFile
from typing import IO, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from dashplate.export import Form, Rows
from dashplate.export.job import JobExport, Wanted, then
from dashplate.service.access import Access, note, require, url_of
from dashplate.service.errors import Refused, responses
from dashplate.service.files.streams import Placed, Places
from dashplate.service.jobs import Number, row_of
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings import exported
from pipeline.errors import UsageError
from workers.result_store import store

router = APIRouter(tags=["plates and sightings"])

#: Characters of a text, and bytes of a file, that are sent at a time.
_PIECE, _FILE_PIECE = 64_000, 256_000


@router.get("/v1/jobs/{job}/export", response_class=StreamingResponse, responses=responses(404, 409))
async def export_job(
    request: Request,
    caller: Annotated[Principal, require(Scope.SEARCH)],
    job: Number,
    form: Annotated[Form, Query(alias="format", description="As `dashplate export` writes them.")] = Form.CSV,
    rows: Annotated[Rows, Query(description="What a row is.")] = Rows.PLATES,
    confirmed: Annotated[bool, Query(description="Label what more than one crop says, not only corrections.")] = False,
) -> StreamingResponse:
    """A job's unique plates or sightings as a file, or labelled pictures as a ZIP, as of the moment of the call.

    Maps hold the sightings that have a place. Parquet, XLSX and ZIP begin to be sent once they are whole.
    """
    places: Places = request.app.state.exports
    places.enter()
    held = ExitStack()
    held.callback(places.leave)
    begin = partial(_labelled, confirmed=confirmed) if form.is_labelled else _rows
    try:
        pieces = await run_in_threadpool(begin, held, request, caller, job, Wanted(form, rows))
    except BaseException:
        await run_in_threadpool(held.close)
        raise
    name = f'attachment; filename="job-{job}.{form.ending}"'
    return Placed(held, pieces, form.media_type, {"Content-Disposition": name})


def _rows(
    held: ExitStack, request: Request, caller: Principal, job: int, wanted: Wanted
) -> AsyncIterator[str] | AsyncIterator[bytes]:
    """What is sent, once the call is on record; what it takes lasts as long as `held`."""
    reading = held.enter_context(ExitStack())
    db = reading.enter_context(exported.snapshot(url_of(request)))
    # Where the store is, is its operator's business.
    made = JobExport(db, row_of(db, job), wanted, locate=str)
    _on_record(request, caller, f"job {job} as {wanted}", made.count())
    if wanted.form.is_text:
        return _pieces(request, made.pieces())

    def passing(found: Iterable[Any]) -> Iterator[Any]:
        return then(found, reading.close)

    file = held.enter_context(TemporaryFile())  # noqa: SIM115 - `held` closes it
    made.write(file, passing)
    file.seek(0)
    return _of_file(request, file)


def _labelled(
    held: ExitStack, request: Request, caller: Principal, job: int, wanted: Wanted, *, confirmed: bool
) -> AsyncIterator[bytes]:
    """The same of a ZIP of labelled pictures."""
    # They load what training does, which no other call needs.
    from dashplate.export.labelled.job import LabelledExport
    from dashplate.export.labelled.place import archive

    file = held.enter_context(TemporaryFile())  # noqa: SIM115 - `held` closes it
    with exported.snapshot(url_of(request)) as db:
        try:
            made = LabelledExport(db, row_of(db, job), wanted.form, store().get, confirmed=confirmed)
        except UsageError as error:
            raise Refused(409, str(error)) from None
        also = ", confirmed too" if confirmed else ""
        _on_record(request, caller, f"job {job} as {wanted.form}{also}", made.count())
        with archive(file) as place:
            made.write(place)
    file.seek(0)
    return _of_file(request, file)


def _on_record(request: Request, caller: Principal, what: str, count: int) -> None:
    # In a transaction of its own, which ends before the first plate is sent.
    with session(url_of(request)) as record:
        note(record, request, caller, "export", what, count)


async def _pieces(request: Request, text: Iterator[str]) -> AsyncIterator[str]:
    while piece := await run_in_threadpool(_next, request, text):
        yield piece


async def _of_file(request: Request, file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await run_in_threadpool(_read, request, file):
        yield piece


def _read(request: Request, file: IO[bytes]) -> bytes:
    _still_known(request)
    return file.read(_FILE_PIECE)


def _still_known(request: Request) -> None:
    """Raises Refused where the caller's token was revoked meanwhile."""
    access: Access = request.app.state.access
    access.known(request)


def _next(request: Request, text: Iterator[str]) -> str:
    _still_known(request)
    found, size = [], 0
    for part in text:
        found.append(part)
        size += len(part)
        if size >= _PIECE:
            break
    return "".join(found)
