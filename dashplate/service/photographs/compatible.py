"""Calls that other programs' clients already send: they are pointed here unchanged.

The service that Dashplate succeeds (`POST /`), Plate Recognizer's Snapshot API, and CodeProject.AI's plate reader. What
they send and expect is written down in `docs/service.md`.
"""

from __future__ import annotations

import base64
import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from dashplate.service.access import require, url_of
from dashplate.service.errors import responses, status_of
from dashplate.service.photographs.calls import answer_to, body, picture_form, reader_of
from dashplate.service.photographs.forms import MOST_TEXT, admitted, fetch
from db.access import tokens
from db.access.tokens import Principal, Scope
from db.engine import session
from output.photos import as_codeproject_prediction
from pipeline.errors import DashplateError
from pipeline.formats import known_countries

router = APIRouter(tags=["other programs' clients"])
Caller = Annotated[Principal, require(Scope.READ)]

#: Plate Recognizer's clients ask how many calls they have left: there is no such limit here.
_MOST_CALLS = 100_000_000


_TEXT = {"type": "string", "maxLength": MOST_TEXT}
_SNAPSHOT = body(
    picture_form(
        "upload",
        {"upload_url": {"type": "string", "format": "uri"}, "regions": _TEXT, "camera_id": _TEXT, "timestamp": _TEXT},
        anyOf=[{"required": ["upload"]}, {"required": ["upload_url"]}],
    )
)


class NotRead(BaseModel):
    """How CodeProject.AI's clients are told that there is no answer."""

    success: Literal[False]
    error: str
    code: int


def _alpr() -> dict[str, Any]:
    told = responses(408, 415)
    for status in {*told} - {401, 403, 422}:
        told[status]["content"]["application/json"] = {"schema": NotRead.model_json_schema()}
    # A form without a picture is answered with 200, as one whose picture cannot be read.
    form = picture_form("upload", {"min_confidence": {"description": "From 0 to 1; what is no number is 0."}})
    return {"responses": told, "openapi_extra": body(form)}


_ALPR = _alpr()


@router.post("/", responses=responses(408, 415), openapi_extra=body(picture_form("file", required=["file"])))
async def succeeded(request: Request, caller: Caller) -> dict[str, Any]:
    """As the service that Dashplate succeeds: boxes as x, y, width and height, and the picture with them drawn."""
    async with admitted(request, reader_of(request), "file") as form:
        answer = await answer_to(request, caller, form, "file", drawn=True)
    photo = _photo(answer.photo)
    return {
        "detections": [
            {
                "bb_confidence": plate["detection_confidence"],
                "bounding_box": [box[0], box[1], round(box[2] - box[0], 1), round(box[3] - box[1], 1)],
                "ocr_pred": plate.get("text", ""),
            }
            for plate in (*photo["plates"], *photo["unread"])
            for box in [plate["box"]]
        ],
        "output_image": base64.b64encode(answer.drawn).decode(),
    }


@router.post("/v1/plate-reader", status_code=201, responses=responses(408, 415), openapi_extra=_SNAPSHOT)
@router.post("/v1/plate-reader/", status_code=201, include_in_schema=False)
async def snapshot(request: Request, caller: Caller) -> dict[str, Any]:
    """As Plate Recognizer's Snapshot: fields `upload`, `regions`, `camera_id`, `timestamp`; others change nothing."""
    async with admitted(request, reader_of(request), "upload") as form:
        regions = [part for value in form.fields.get("regions", []) for part in value.split(",")]
        camera, moment = form.text("camera_id") or None, form.text("timestamp")
        if form.picture is None and (url := form.text("upload_url")):
            await fetch(form, url, request.app.state.roots)
        answer = await answer_to(request, caller, form, "upload", _countries(regions))
    photo = _photo(answer.photo)
    return {
        "processing_time": photo["ms"],
        "version": 1,
        "filename": photo["image"],
        "timestamp": moment or dt.datetime.now(dt.UTC).isoformat().replace("+00:00", "Z"),
        "camera_id": camera,
        "results": [_snapshot_result(plate) for plate in photo["plates"]],
        "usage": {"calls": request.state.photographs, "max_calls": _MOST_CALLS},
    }


@router.get("/v1/statistics", responses=responses())
@router.get("/v1/statistics/", include_in_schema=False)
def statistics(request: Request, caller: Caller) -> dict[str, Any]:
    """As Plate Recognizer's: photographs that this token had read this month."""
    now = dt.datetime.now(dt.UTC)
    next_month = (now.replace(day=1) + dt.timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    usage = {
        "calls": _calls(request, caller),
        "month": now.month,
        "year": now.year,
        "resets_on": next_month.isoformat(),
    }
    return {"total_calls": _MOST_CALLS, "usage": usage}


@router.post("/v1/vision/alpr", **_ALPR)
@router.post("/v1/image/alpr", operation_id="codeproject_image", **_ALPR)
async def codeproject(request: Request, caller: Caller) -> JSONResponse:
    """As CodeProject.AI: what cannot be read is told in `error`, with status 200, as its clients expect."""
    began = dt.datetime.now(dt.UTC)
    try:
        async with admitted(request, reader_of(request), "upload") as form:
            answer = await answer_to(request, caller, form, "upload")
            least = _share(form.text("min_confidence"))
    except DashplateError as error:
        status, detail, headers = status_of(error)
        return JSONResponse(
            {"success": False, "error": detail, "code": status}, 200 if status == 422 else status, headers=headers
        )
    photo = _photo(answer.photo)
    plates = [plate for plate in photo["plates"] if plate["confidence"] >= least]
    now = dt.datetime.now(dt.UTC)
    return JSONResponse(
        {
            "success": True,
            "message": _found([plate["text"] for plate in plates]),
            "count": len(plates),
            "predictions": [as_codeproject_prediction(p["text"], p["confidence"], p["box"]) for p in plates],
            "processMs": round(photo["ms"]),
            "inferenceMs": round(photo["ms"]),
            "analysisRoundTripMs": round((now - began).total_seconds() * 1000),
            "moduleId": "ALPR",
            "moduleName": "License Plate Reader",
            "code": 200,
            "command": "alpr",
            "executionProvider": "CPU",
            "inferenceDevice": "CPU",
            "canUseGPU": False,
            "timestampUTC": now.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        }
    )


def _photo(photo: dict[str, Any] | None) -> dict[str, Any]:
    assert photo is not None
    return photo


def _snapshot_result(plate: dict[str, Any]) -> dict[str, Any]:
    x1, y1, x2, y2 = (round(v) for v in plate["box"])
    box = {"xmin": x1, "ymin": y1, "xmax": x2, "ymax": y2}
    texts = [{"text": plate["text"], "confidence": plate["confidence"]}, *plate["alternatives"]]
    return {
        "box": box,
        "plate": plate["text"].lower(),
        "score": round(plate["confidence"], 3),
        "dscore": round(plate["detection_confidence"], 3),
        # Clients read these without asking whether they are there.
        "region": {"code": (plate["country"] or "").lower(), "score": round(plate["country_confidence"] or 0.0, 3)},
        "candidates": [{"score": round(t["confidence"], 3), "plate": t["text"].lower()} for t in texts],
        "vehicle": {"score": 0.0, "type": "Unknown", "box": box},
    }


def _found(texts: list[str]) -> str:
    if not texts:
        return "No plates found"
    return f"Found Plate: {texts[0]}" if len(texts) == 1 else f"Found Plates: {', '.join(texts)}"


def _countries(regions: list[str]) -> tuple[str, ...]:
    """Countries of regions such as `gb` and `us-ca`; those whose formats nobody knows are left out."""
    named = {region.strip().upper().partition("-")[0] for region in regions}
    return tuple(sorted(named & set(known_countries())))


def _share(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text or 0.0)))
    except ValueError:
        return 0.0


def _calls(request: Request, caller: Principal) -> int:
    if caller.token_id is None:
        return 0
    with session(url_of(request)) as db:
        return tokens.photographs_this_month(db, caller.token_id)
