"""`GET /v1/jobs/{job}/export`: a job's plates or sightings, sent while they are read where the form permits that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from dashplate.export import Form, Rows
from dashplate.export.job import JobExport, Wanted, then
from dashplate.service.access import note, require, url_of
from dashplate.service.errors import responses
from dashplate.service.files.streams import Placed, Places
from dashplate.service.jobs import Number, row_of
from db.access.tokens import Principal, Scope
from db.engine import session
from db.findings import exported

router = APIRouter(tags=["plates and sightings"])

#: Characters of a text, and bytes of a file, that are sent at a time.
_PIECE, _FILE_PIECE = 64_000, 256_000


@router.get("/v1/jobs/{job}/export", response_class=StreamingResponse, responses=responses(404))
async def export_job(
    request: Request,
    caller: Annotated[Principal, require(Scope.SEARCH)],
    job: Number,
    form: Annotated[Form, Query(alias="format", description="As `dashplate export` writes them.")] = Form.CSV,
    rows: Annotated[Rows, Query(description="What a row is.")] = Rows.PLATES,
) -> StreamingResponse:
    """A job's unique plates or sightings as a file, as of the moment of the call.

    Parquet and XLSX begin to be sent once they are whole.
    """
    places: Places = request.app.state.exports
    places.enter()
    held = ExitStack()
    held.callback(places.leave)
    try:
        pieces = await run_in_threadpool(_begun, held, request, caller, job, Wanted(form, rows))
    except BaseException:
        await run_in_threadpool(held.close)
        raise
    name = f'attachment; filename="job-{job}.{form.ending}"'
    return Placed(held, pieces, form.media_type, {"Content-Disposition": name})


def _begun(
    held: ExitStack, request: Request, caller: Principal, job: int, wanted: Wanted
) -> AsyncIterator[str] | AsyncIterator[bytes]:
    """What is sent, once the call is on record; what it takes lasts as long as `held`."""
    url = url_of(request)
    reading = held.enter_context(ExitStack())
    db = reading.enter_context(exported.snapshot(url))
    # Where the store is, is its operator's business.
    made = JobExport(db, row_of(db, job), wanted, locate=str)
    # In a transaction of its own, which ends before the first plate is sent.
    with session(url) as record:
        note(record, request, caller, "export", f"job {job} as {wanted}", made.count())
    if wanted.form.is_text:
        return _pieces(made.pieces())

    def passing(found: Iterable[Any]) -> Iterator[Any]:
        return then(found, reading.close)

    file = held.enter_context(TemporaryFile())  # noqa: SIM115 - `held` closes it
    made.write(file, passing)
    file.seek(0)
    return _of_file(file)


async def _pieces(text: Iterator[str]) -> AsyncIterator[str]:
    while piece := await run_in_threadpool(_next, text):
        yield piece


async def _of_file(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await run_in_threadpool(file.read, _FILE_PIECE):
        yield piece


def _next(text: Iterator[str]) -> str:
    found, size = [], 0
    for part in text:
        found.append(part)
        size += len(part)
        if size >= _PIECE:
            break
    return "".join(found)
