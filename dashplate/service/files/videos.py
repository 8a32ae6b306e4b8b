"""`GET /v1/videos/{video}/clip` and `/file`: seconds of an original video, and the file itself, for a browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from functools import partial
from typing import Annotated, BinaryIO, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from dashplate.clips import NoClip, NoVideo, media_type, original_of, piece_of
from dashplate.durations import MOST_PIECE_S
from dashplate.service.access import Access, note, require, url_of
from dashplate.service.errors import Refused
from dashplate.service.files.cutter import Cutter
from dashplate.service.files.ranges import described, ranged, span_of
from dashplate.service.files.streams import Placed, Places
from dashplate.service.files.trouble import trouble_of
from dashplate.service.files.video_roots import LONGEST_LOOK_S, hanging, refused
from dashplate.service.jobs import Number
from dashplate.service.photographs.calls import unless_hung_up
from dashplate.service.threads import beside
from db.access.tokens import Principal, Scope
from db.engine import session
from db.findings.footage import Footage
from pipeline.errors import Away, Inaccessible, Unreadable
from pipeline.sources.fingerprints import check_same
from pipeline.sources.roots import NotAllowed
from pipeline.sources.source import Source, shown
from pipeline.video.container import open_source
from workers.allowed import allowed

router = APIRouter(tags=["plates and sightings"])
T = TypeVar("T")
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
        _noted, request, caller, video, "clip", partial(piece_of, from_s=since, to_s=until)
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
    wanted = await run_in_threadpool(_noted, request, caller, video, "file", original_of)
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


def _noted(request: Request, caller: Principal, video: int, action: str, ask: Callable[[Session, int], T]) -> T:
    """What is asked of a video, once that is on record."""
    refused: Refused | None = None
    with session(url_of(request)) as db:
        try:
            found = ask(db, video)
        except (NoVideo, NoClip) as problem:
            refused = Refused(404 if isinstance(problem, NoVideo) else 409, str(problem))
        note(db, request, caller, action, f"video {video}", int(refused is None))
    if refused is not None:
        raise refused
    return found


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
