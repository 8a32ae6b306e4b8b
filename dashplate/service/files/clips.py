"""`GET /v1/sightings/{sighting}/clip`: a few seconds of the original video around a sighting, for a browser."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from dashplate.footage.clips import clip_of
from dashplate.service.access import require
from dashplate.service.files.making.cutter import Cutter
from dashplate.service.files.on_record import on_record
from dashplate.service.files.ranges import described, ranged
from dashplate.service.jobs import Number
from dashplate.service.photographs.calls import unless_hung_up
from dashplate.typed.durations import CLIP_S, MOST_CLIP_S
from db.access.scopes import Principal, Scope

router = APIRouter(tags=["plates and sightings"])

Seconds = Annotated[float, Query(ge=0, le=MOST_CLIP_S, allow_inf_nan=False)]


@router.get("/v1/sightings/{sighting}/clip", response_class=Response, responses=described("video/mp4", 409))
async def clip(
    request: Request,
    caller: Annotated[Principal, require(Scope.SEARCH)],
    sighting: Number,
    before: Seconds = CLIP_S,
    after: Seconds = CLIP_S,
) -> Response:
    """The seconds before and after the frame that was read: MP4, H.264 without sound, also in ranges.

    It is cut out of the original when it is asked for; of photographs and hashed plates there is none.
    """
    wanted = await run_in_threadpool(
        on_record, request, caller, "clip", f"sighting {sighting}", lambda db: clip_of(db, sighting, before, after)
    )
    cutter: Cutter = request.app.state.cutter
    return ranged(request, (await unless_hung_up(request, cutter.clip(wanted))).data, "video/mp4")
