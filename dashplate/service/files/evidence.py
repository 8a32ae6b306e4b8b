"""`GET /v1/evidence`: a signed package of what is known of some plates and sightings."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack
from importlib import metadata
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from dashplate.evidence.case import Exhibit, originals
from dashplate.evidence.gathering import Case, gathered
from dashplate.evidence.models_used import models_used
from dashplate.evidence.package import Contents, write_package
from dashplate.evidence.page import Made
from dashplate.evidence.signing import Signer, short
from dashplate.footage.clips import NoSighting
from dashplate.service.access import note, require, url_of
from dashplate.service.errors import Refused, responses
from dashplate.service.files.making.cutter import Cutter
from dashplate.service.files.streams import Placed, Places
from db.access.scopes import Principal, Scope
from db.engine import session
from pipeline.errors import UsageError
from pipeline.video.clip import ClipRequest
from workers.result_store import store
from workers.settings import settings

router = APIRouter(tags=["plates and sightings"])

#: More than these take longer than a caller waits; the command packages more.
MOST_SIGHTINGS = 50
#: What is known of a plate and a case by names of this length at most.
_MOST_CHARS, _MOST_NUMBER = 200, 2**63 - 1
_PIECE_BYTES = 1 << 18
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}, "description": "OK"}
}

Plates = Annotated[list[Annotated[str, Query(max_length=_MOST_CHARS)]], Query(max_length=MOST_SIGHTINGS)]
Numbers = Annotated[list[Annotated[int, Query(ge=1, le=_MOST_NUMBER)]], Query(max_length=MOST_SIGHTINGS)]


@router.get("/v1/evidence", response_class=StreamingResponse, responses={**responses(404, 409), **_ZIP})
async def evidence(
    request: Request,
    caller: Annotated[Principal, require(Scope.SEARCH)],
    plate: Plates = [],  # noqa: B006
    sighting: Numbers = [],  # noqa: B006
    case: Annotated[str | None, Query(max_length=_MOST_CHARS)] = None,
    clips: bool = True,
) -> StreamingResponse:
    """Pictures, clips, hashes and readings of plates and sightings, as `dashplate evidence` packages them, signed."""
    places: Places = request.app.state.packages
    places.enter()
    held = ExitStack()
    held.callback(places.leave)
    try:
        wanted = Case(tuple(plate), tuple(sighting), case, clips)
        file = await run_in_threadpool(_packaged, held, request, caller, wanted, asyncio.get_running_loop())
    except BaseException:
        await run_in_threadpool(held.close)
        raise
    name = {"Content-Disposition": 'attachment; filename="evidence.zip"'}
    return Placed(held, _pieces(file), "application/zip", name)


def _packaged(
    held: ExitStack, request: Request, caller: Principal, case: Case, loop: asyncio.AbstractEventLoop
) -> BinaryIO:
    """The package as a file that goes when it is closed, once its call is on record."""
    signing: Signer | None = request.app.state.signer
    if signing is None:
        raise Refused(409, "This service has no key to sign with: its operator sets DASHPLATE_SIGNING_KEY.")
    exhibits = _noted(request, caller, case)
    originals(exhibits, lambda: None)
    cutter: Cutter = request.app.state.cutter

    def cut(wanted: ClipRequest) -> bytes:
        # Videos are decoded by processes of their own, which the loop looks after.
        return asyncio.run_coroutine_threadsafe(cutter.clip(wanted), loop).result().data

    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    who = f"token {caller.name}"
    made = Made(who, socket.gethostname(), now, metadata.version("dashplate"), short(signing.public))
    used = [models_used(settings().models, one.kept.options) for one in exhibits]
    file = tempfile.TemporaryFile()  # noqa: SIM115
    held.callback(file.close)
    write_package(file, Contents(exhibits, used, case.words, made), store(), cut, signing, lambda: None)
    file.seek(0)
    return file


def _noted(request: Request, caller: Principal, case: Case) -> list[Exhibit]:
    refused: Refused | None = None
    exhibits: list[Exhibit] = []
    with session(url_of(request)) as db:
        try:
            exhibits = gathered(db, case, MOST_SIGHTINGS)
        except (NoSighting, UsageError) as problem:
            # What can be no plate has no sighting either.
            refused = Refused(404, str(problem))
        note(db, request, caller, "evidence", case.words, len(exhibits))
    if refused is not None:
        raise refused
    return exhibits


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await run_in_threadpool(file.read, _PIECE_BYTES):
        yield piece
