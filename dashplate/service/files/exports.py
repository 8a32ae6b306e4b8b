"""`GET /v1/jobs/{job}/export`: a job's unique plates, sent while they are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from dashplate import export
from dashplate.export import Form
from dashplate.service.access import Access, note, require, url_of
from dashplate.service.errors import responses
from dashplate.service.files.streams import Placed, Places
from dashplate.service.jobs import Number, row_of
from db.access.tokens import Principal, Scope
from db.engine import session
from db.findings import exported

router = APIRouter(tags=["plates and sightings"])

#: Characters that are sent at a time.
_PIECE = 64_000
_KINDS = {Form.CSV: "text/csv; charset=utf-8", Form.JSON: "application/json", Form.JSONL: "application/x-ndjson"}


@router.get("/v1/jobs/{job}/export", response_class=StreamingResponse, responses=responses(404))
async def export_job(
    request: Request,
    caller: Annotated[Principal, require(Scope.SEARCH)],
    job: Number,
    form: Annotated[Form, Query(alias="format", description="As `dashplate export` writes them.")] = Form.CSV,
) -> StreamingResponse:
    """A job's unique plates as a file, as of the moment of the call."""
    places: Places = request.app.state.exports
    places.enter()
    held = ExitStack()
    held.callback(places.leave)
    try:
        text = await run_in_threadpool(_begun, held, request, caller, job, form)
    except BaseException:
        await run_in_threadpool(held.close)
        raise
    name = f'attachment; filename="job-{job}.{form}"'
    return Placed(held, _pieces(request, text), _KINDS[form], {"Content-Disposition": name})


def _begun(held: ExitStack, request: Request, caller: Principal, job: int, form: Form) -> Iterator[str]:
    """The export's text, once its call is on record; its transaction lasts as long as `held`."""
    db = held.enter_context(exported.snapshot(url_of(request)))
    progress = row_of(db, job)
    # In a transaction of its own, which ends before the first plate is sent.
    with session(url_of(request)) as record:
        note(record, request, caller, "export", f"job {job} as {form}", exported.count_plates(db, job))
    # Where the store is, is its operator's business.
    return export.job_text(db, progress, form, locate=str)


async def _pieces(request: Request, text: Iterator[str]) -> AsyncIterator[str]:
    while piece := await run_in_threadpool(_next, request, text):
        yield piece


def _next(request: Request, text: Iterator[str]) -> str:
    # A token may be revoked meanwhile.
    access: Access = request.app.state.access
    access.known(request)
    found, size = [], 0
    for part in text:
        found.append(part)
        size += len(part)
        if size >= _PIECE:
            break
    return "".join(found)
