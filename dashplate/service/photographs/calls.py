"""`POST /v1/read`: a photograph in, its plates out, read at once by the process that has the models loaded."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request
from sqlalchemy import text
from starlette.requests import ClientDisconnect

from dashplate.service.access import require, url_of
from dashplate.service.documents import PhotoRead
from dashplate.service.errors import Refused, responses
from dashplate.service.photographs.forms import Form, admitted
from dashplate.service.photographs.process import Answer, Question
from dashplate.service.photographs.reader import PhotoReader
from db.access import tokens
from db.access.scopes import Principal, Scope
from db.engine import session
from pipeline.formats import known_countries, parse_countries

router = APIRouter(tags=["photographs"])
T = TypeVar("T")

_PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff")
_FILE = {"type": "string", "format": "binary"}
_COUNTRY = "|".join(f"[{code[0]}{code[0].lower()}][{code[1]}{code[1].lower()}]" for code in known_countries())
#: For OpenAPI: codes of countries with formats, by commas. Another one is answered with a sentence that names them.
COUNTRIES = {"pattern": rf"^\s*({_COUNTRY})?\s*(,\s*({_COUNTRY})?\s*)*$"}


def picture_form(field: str, more: Mapping[str, Any] | None = None, **rules: Any) -> dict[str, Any]:
    """For OpenAPI: a form with a picture in `field`; read as it comes, not collected first."""
    schema = {"type": "object", "properties": {field: _FILE, **(more or {})}, **rules}
    return {"multipart/form-data": {"schema": schema, "encoding": {field: {"contentType": ", ".join(_PICTURE_TYPES)}}}}


def body(content: Mapping[str, Any]) -> dict[str, Any]:
    """For OpenAPI: a call that takes this."""
    return {"requestBody": {"required": True, "content": dict(content)}}


_FORM_OR_PICTURE = body(
    picture_form("upload", required=["upload"]) | {kind: {"schema": _FILE} for kind in _PICTURE_TYPES}
)


@router.post("/v1/read", responses=responses(408, 415), openapi_extra=_FORM_OR_PICTURE)
async def read_photograph(
    request: Request,
    caller: Annotated[Principal, require(Scope.READ)],
    country: Annotated[
        str | None,
        Query(
            description="Countries to expect, such as `GB,FR`; else all.", max_length=200, json_schema_extra=COUNTRIES
        ),
    ] = None,
    drawn: Annotated[bool, Query(description="Send the picture back, too, with boxes and texts drawn.")] = False,
) -> PhotoRead:
    """Find and read the plates of a photograph: JPEG, PNG, WebP, BMP or TIFF of at most 50 MB and 100 megapixels."""
    countries = parse_countries(country)
    async with admitted(request, reader_of(request), "upload") as form:
        answer = await answer_to(request, caller, form, "upload", countries, drawn=drawn)
    assert answer.photo is not None
    picture = base64.b64encode(answer.drawn).decode() if drawn else None
    return PhotoRead(**answer.photo, drawn=picture)


def reader_of(request: Request) -> PhotoReader:
    """The service's reader of photographs."""
    reader: PhotoReader = request.app.state.reader
    return reader


async def answer_to(
    request: Request, caller: Principal, form: Form, field: str, countries: tuple[str, ...] = (), *, drawn: bool = False
) -> Answer:
    """What the form's picture shows, counted for its caller: `request.state.photographs` says how many this month.

    Raises Refused, 422, where it cannot be read.
    """
    if form.picture is None or not form.picture.size:
        raise Refused(422, f"Send a picture in the form field `{field}`.")
    reading = reader_of(request).read(Question(form.name, countries, drawn), form.picture)
    answer = await unless_hung_up(request, asyncio.wrap_future(reading))
    if answer.photo is None:
        raise Refused(422, answer.problem or f"{form.name} could not be read.")
    request.state.photographs = 0
    if caller.token_id is not None:
        request.state.photographs = await asyncio.to_thread(_count, url_of(request), caller.token_id)
    return answer


async def unless_hung_up(request: Request, work: Awaitable[T]) -> T:
    """What the work gives; cancelled where the caller hangs up first, with ClientDisconnect raised."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_hung_up(request))
    both: set[asyncio.Future[Any]] = {working, leaving}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _count(url: str, token_id: int) -> int:
    with session(url) as db:
        # Nobody waits for a disk: where PostgreSQL ends hard, half a second's photographs are not counted.
        db.execute(text("SET LOCAL synchronous_commit TO off"))
        return tokens.count_photographs(db, token_id)
