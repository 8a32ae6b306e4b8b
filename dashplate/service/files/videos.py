"""`GET /v1/videos/{video}/clip` and `/file`: seconds of an original video, and the file itself, for a browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from functools import partial
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from dashplate.footage.clips import media_type, original_of, piece_of
from dashplate.service.access import Access, require
from dashplate.service.errors import Refused
from dashplate.service.files.making.cutter import Cutter
from dashplate.service.files.making.trouble import trouble_of
from dashplate.service.files.making.video_roots import LONGEST_LOOK_S, hanging, refused
from dashplate.service.files.on_record import on_record
from dashplate.service.files.ranges import described, ranged, span_of
from dashplate.service.files.streams import Placed, Places
from dashplate.service.jobs import Number
from dashplate.service.photographs.calls import unless_hung_up
from dashplate.service.threads import beside
from dashplate.typed.durations import MOST_PIECE_S
from db.access.scopes import Principal, Scope
from db.findings.footage import Footage
from pipeline.errors import Away, Inaccessible, Unreadable
from pipeline.sources.fingerprints import check_same
from pipeline.sources.roots import NotAllowed
from pipeline.sources.source import Source, shown
from pipeline.video.container import open_source
from workers.allowed import allowed

router = APIRouter(tags=["plates and sightings"])
Caller = Annotated[Principal, require(Scope.SEARCH)]

#: Bytes that are read and sent at a time.
_PIECE_BYTES = 512_000
#: Where the first frame of a clip is in its video, seconds.
FIRST_SECOND = "X-First-Second"


@router.get("/v1/videos/{video}/clip", response_class=Response, responses=described("video/mp4", 409))
async def video_clip(
    request: Request,
    caller: Caller,
    video: Number,
    since: Annotated[float, Query(alias="from", ge=0, le=1e6, allow_inf_nan=False)],
    until: Annotated[float, Query(alias="to", ge=0, le=1e6, allow_inf_nan=False)],
) -> Response:
    """A video between two of its seconds, 20 s at most: MP4, H.264 without sound, also in ranges.

    `X-First-Second` says where in the video its first frame is. Of photographs and hashed plates there is none.
    """
    if not 0 < until - since <= MOST_PIECE_S:
        raise Refused(409, f"`to` is after `from`, and by {MOST_PIECE_S:.0f} s at most.")
    wanted = await run_in_threadpool(
        on_record, request, caller, "clip", f"video {video}", lambda db: piece_of(db, video, since, until)
    )
    cutter: Cutter = request.app.state.cutter
    clip = await unless_hung_up(request, cutter.clip(wanted))
    answer = ranged(request, clip.data, "video/mp4")
    answer.headers[FIRST_SECOND] = f"{clip.first_s:.6f}"
    return answer


@router.get("/v1/videos/{video}/file", response_class=StreamingResponse, responses=described("video/mp4", 409))
async def video_file(request: Request, caller: Caller, video: Number) -> StreamingResponse:
    """The original, where browsers play it as it is (H.264 in MP4, for the most part), also in ranges.

    It is sent while it is read. Of others there are clips.
    """
    wanted = await run_in_threadpool(
        on_record, request, caller, "file", f"video {video}", lambda db: original_of(db, video)
    )
    kind = media_type(wanted.media)
    if kind is None:
        raise Refused(409, f"{shown(wanted.media.path)} is of a kind that browsers do not show. Ask for clips of it.")
    places: Places = request.app.state.originals
    places.enter()
    held = ExitStack()
    held.callback(places.leave)
    try:
        file, size = await _opened(wanted)
        held.callback(file.close)
        span = span_of(request, size)
        file.seek(span.start)
    except BaseException:
        await run_in_threadpool(held.close)
        raise
    headers = {**span.headers, "Content-Length": str(span.end - span.start)}
    answer = Placed(held, _pieces(request, file, span.end - span.start), kind, headers)
    answer.status_code = span.status
    return answer


async def _opened(wanted: Footage) -> tuple[BinaryIO, int]:
    """The file and its size. Raises Refused: 404 where it is gone, 409 where it may not be shown, 503 while away."""
    try:
        async with asyncio.timeout(LONGEST_LOOK_S):
            return await beside(partial(_open, wanted))
    except TimeoutError:
        raise hanging() from None
    except (Away, NotAllowed, Unreadable, Inaccessible) as problem:
        raise refused(trouble_of(problem), str(problem)) from None
    except OSError:
        raise Refused(404, f"{shown(wanted.media.path)} cannot be read.") from None


def _open(wanted: Footage) -> tuple[BinaryIO, int]:
    source: Source = allowed(wanted.media.path)
    check_same(source, wanted.content, wanted.fingerprint)
    file = open_source(source)
    return file, file.seek(0, 2)


async def _pieces(request: Request, file: BinaryIO, left: int) -> AsyncIterator[bytes]:
    while left > 0 and (piece := await beside(partial(_read, request, file, min(left, _PIECE_BYTES)))):
        left -= len(piece)
        yield piece


def _read(request: Request, file: BinaryIO, size: int) -> bytes:
    access: Access = request.app.state.access
    # The caller's token may be revoked meanwhile.
    access.known(request)
    return file.read(size)
