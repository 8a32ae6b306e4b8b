"""`/v1/videos/{video}/annotated`: a job's video with boxes and readings, made when it is asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from dashplate.footage.annotated import Annotation, annotation_of
from dashplate.service.access import note, require, url_of
from dashplate.service.documents import AnnotatedTold, MakingState
from dashplate.service.errors import Refused, responses
from dashplate.service.files.making.annotator import Annotator, Made
from dashplate.service.files.streams import Placed, Places
from dashplate.service.jobs import Number
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings.footage import watched_video
from pipeline.errors import DashplateError

router = APIRouter(tags=["plates and sightings"])
Caller = Annotated[Principal, require(Scope.SEARCH)]

_PIECE_BYTES = 1 << 18
_MP4: dict[int | str, dict[str, Any]] = {
    200: {"content": {"video/mp4": {"schema": {"type": "string", "format": "binary"}}}, "description": "OK"}
}


@router.post("/v1/videos/{video}/annotated", responses=responses(404, 409))
async def annotate(request: Request, caller: Caller, video: Number) -> AnnotatedTold:
    """Have a video made as `dashplate annotate` makes it, unless that is done; says how far it is.

    Asked again once it has failed and that was told, it is tried again. What is made is kept for an hour after it was
    last asked for.
    """
    annotator: Annotator = request.app.state.annotator
    # Whoever asks how far it is was put on record when it was begun.
    wanted = await run_in_threadpool(_noted, request, caller, video, "annotate", annotator.has)
    return _told(annotator.begin(wanted))


@router.get("/v1/videos/{video}/annotated", response_class=StreamingResponse, responses={**responses(404, 409), **_MP4})
async def annotated(request: Request, caller: Caller, video: Number) -> StreamingResponse:
    """The video with boxes and readings: MP4, H.264 without sound."""
    wanted = await run_in_threadpool(_noted, request, caller, video, "annotated", lambda _: False)
    annotator: Annotator = request.app.state.annotator
    made = annotator.find(wanted)
    if made is None:
        raise Refused(404, f"There is no annotated video of video {video} as it is now: have it made with POST.")
    if made.is_under_way:
        raise Refused(409, f"It is being made; {made.share:.0%} of it is done.", {"Retry-After": "5"})
    if made.refused is not None:
        raise made.refused
    places: Places = request.app.state.exports
    places.enter()
    held = ExitStack()
    held.callback(places.leave)
    file = held.enter_context(made.opened())
    headers = {
        "Content-Length": str(_size(made)),
        "Content-Disposition": f'attachment; filename="video-{video}-annotated.mp4"',
    }
    return Placed(held, _pieces(file), "video/mp4", headers)


def _noted(
    request: Request, caller: Principal, video: int, action: str, is_noted: Callable[[Annotation], bool]
) -> Annotation:
    """What is to be drawn, once the call is on record, or was before. Raises Refused."""
    wanted: Annotation | Refused
    with session(url_of(request)) as db:
        try:
            wanted = _annotation(db, video)
        except Refused as problem:
            wanted = problem
        except DashplateError as problem:
            wanted = Refused(409, str(problem))
        count = 0 if isinstance(wanted, Refused) else len(wanted.found)
        if isinstance(wanted, Refused) or not is_noted(wanted):
            note(db, request, caller, action, f"video {video}", count)
    if isinstance(wanted, Refused):
        raise wanted
    return wanted


def _annotation(db: Session, video: int) -> Annotation:
    found = watched_video(db, video)
    if found is None:
        raise Refused(404, f"There is no video {video}.")
    return annotation_of(db, found)


def _told(made: Made) -> AnnotatedTold:
    return AnnotatedTold(
        video=made.wanted.video,
        state=made.state,
        share=made.share,
        size=_size(made) if made.state is MakingState.MADE else None,
        problem=None if made.refused is None else str(made.refused),
    )


def _size(made: Made) -> int:
    return made.file.seek(0, 2)


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await run_in_threadpool(file.read, _PIECE_BYTES):
        yield piece
