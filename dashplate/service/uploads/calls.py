"""Uploads over HTTP: made, continued, asked for, given up."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi import Path as InPath

from dashplate.service.access import require
from dashplate.service.documents import Page
from dashplate.service.errors import CHECKSUM_MISMATCH, Refused, responses
from dashplate.service.jobs import Cursor, IdempotencyKey, Most
from dashplate.service.uploads import headers
from dashplate.service.uploads.documents import UploadTold
from dashplate.service.uploads.keeper import Keeper
from dashplate.service.uploads.receiving import Receiver
from db.access.scopes import Principal, Scope

router = APIRouter(tags=["uploads"])
Caller = Annotated[Principal, require(Scope.SUBMIT)]
UploadId = Annotated[str, InPath(pattern="^[0-9a-f]{32}$")]


def _piece(required: bool) -> dict[str, Any]:
    content = {headers.PIECE: {"schema": {"type": "string", "format": "binary"}}}
    return {"requestBody": {"required": required, "content": content}}


def _takes(*names: str) -> dict[str, Any]:
    """For OpenAPI alone: headers of the protocol. `headers` reads them, since tus has statuses of its own for them."""
    return {"parameters": [headers.described(name) for name in ("Tus-Resumable", *names)]}


@router.options("/v1/uploads", status_code=204, response_class=Response, responses=responses())
def upload_abilities(request: Request, caller: Caller) -> Response:
    """What is spoken here: tus 1.0.0 and its extensions."""
    told = {
        "Tus-Resumable": headers.VERSION,
        "Tus-Version": headers.VERSION,
        "Tus-Extension": headers.EXTENSIONS,
        "Tus-Max-Size": str(_keeper(request).most_bytes),
        "Tus-Checksum-Algorithm": headers.ALGORITHM,
    }
    return Response(status_code=204, headers=told)


@router.post(
    "/v1/uploads",
    status_code=201,
    response_class=Response,
    responses=responses(408, 409, 412, 423, 507),
    openapi_extra=_piece(required=False) | _takes("Upload-Length", "Upload-Metadata"),
)
async def begin_upload(request: Request, caller: Caller, idempotency_key: IdempotencyKey = None) -> Response:
    """Make an upload, its first bytes in the body perhaps. The same `Idempotency-Key` again names the same upload."""
    headers.check_version(request)
    keeper, receiver = _keeper(request), _receiver(request)
    wanted = headers.announced(request, keeper.most_bytes)
    row = await receiver.do(lambda: keeper.create(request, caller, wanted, idempotency_key))
    offset = await receiver.do(lambda: keeper.offset(row))
    if headers.is_piece(request) and not offset:
        offset = await receiver.receive(request, row, 0)
    row = await receiver.do(lambda: keeper.find(caller, row["id"]))
    return Response(status_code=201, headers={**headers.told(row, offset), "Location": f"/v1/uploads/{row['id']}"})


@router.head(
    "/v1/uploads/{upload}", response_class=Response, responses=responses(404, 410, 412), openapi_extra=_takes()
)
def upload_offset(request: Request, caller: Caller, upload: UploadId) -> Response:
    """How many bytes are there."""
    headers.check_version(request)
    row = _keeper(request).find(caller, upload)
    told = headers.told(row, _keeper(request).offset(row))
    return Response(
        headers={
            **told,
            "Upload-Length": str(row["size"]),
            "Upload-Metadata": headers.as_metadata(row["filename"]),
        }
    )


@router.patch(
    "/v1/uploads/{upload}",
    status_code=204,
    response_class=Response,
    responses=responses(404, 408, 409, 410, 412, 415, 423, CHECKSUM_MISMATCH, 507),
    openapi_extra=_piece(required=True) | _takes("Upload-Offset", "Upload-Checksum"),
)
async def continue_upload(request: Request, caller: Caller, upload: UploadId) -> Response:
    """Send bytes, from where HEAD says. What came in before a connection broke stays.

    A piece whose `Upload-Checksum` does not fit is answered with 460 and does not count.
    """
    headers.check_version(request)
    if not headers.is_piece(request):
        raise Refused(415, f"Send the bytes as `Content-Type: {headers.PIECE}`.")
    keeper, receiver = _keeper(request), _receiver(request)
    begin = headers.number(request, "upload-offset")
    row = await receiver.do(lambda: keeper.find(caller, upload))
    there = await receiver.do(lambda: keeper.offset(row))
    if begin != there:
        raise Refused(409, f"The upload is at {there} and not at {begin}. Go on there.", {"Upload-Offset": str(there)})
    end = await receiver.receive(request, row, begin)
    row = await receiver.do(lambda: keeper.find(caller, upload))
    return Response(status_code=204, headers=headers.told(row, end))


@router.delete(
    "/v1/uploads/{upload}",
    status_code=204,
    response_class=Response,
    responses=responses(404, 409, 412, 423),
    openapi_extra=_takes(),
)
def remove_upload(request: Request, caller: Caller, upload: UploadId) -> Response:
    """Remove an upload and its file; refused while a job that has not ended uses it."""
    headers.check_version(request)
    keeper = _keeper(request)
    keeper.delete(request, caller, keeper.find(caller, upload, expired=True))
    return Response(status_code=204, headers={"Tus-Resumable": headers.VERSION})


@router.get("/v1/uploads", responses=responses())
def list_uploads(request: Request, caller: Caller, cursor: Cursor = None, most: Most = 50) -> Page[UploadTold]:
    """The caller's uploads, newest first; all of them for a token that may do everything."""
    keeper = _keeper(request)
    rows = keeper.page(caller, int(cursor) if cursor else None, most)
    following = str(rows[-1]["number"]) if len(rows) == most else None
    return Page(items=[UploadTold.of(row, keeper.offset(row)) for row in rows], next=following)


@router.get("/v1/uploads/{upload}", responses=responses(404, 410))
def show_upload(request: Request, caller: Caller, upload: UploadId) -> UploadTold:
    """One of them."""
    row = _keeper(request).find(caller, upload)
    return UploadTold.of(row, _keeper(request).offset(row))


def _keeper(request: Request) -> Keeper:
    keeper: Keeper = request.app.state.keeper
    return keeper


def _receiver(request: Request) -> Receiver:
    receiver: Receiver = request.app.state.receiver
    return receiver
