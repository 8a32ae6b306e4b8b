"""`POST /v1/read`: a photograph in, its plates out, read at once by the process that has the models loaded."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import text
from starlette.requests import ClientDisconnect

from dashplate.service.access import require, url_of
from dashplate.service.errors import Refused, responses
from dashplate.service.forms import Form, admitted
from dashplate.service.photo_process import Answer, Question
from dashplate.service.photo_reader import PhotoReader
from db.access import tokens
from db.access.tokens import Principal, Scope
from db.engine import session
from pipeline.formats import known_countries, parse_countries

router = APIRouter(tags=["photographs"])

Box = Annotated[
    list[float],
    Field(
        min_length=4, max_length=4, description="x1, y1, x2, y2 in pixels of the picture.", examples=[[10, 20, 110, 45]]
    ),
]
Share = Annotated[float, Field(ge=0, le=1)]


class CharacterRead(BaseModel):
    char: str
    confidence: Share


class TextRead(BaseModel):
    text: str
    confidence: Share


class PlateRead(BaseModel):
    """A plate that was found and read."""

    text: str = Field(examples=["GV5679"])
    shown: str = Field(description="The text with `?` where a character is less than half sure.", examples=["GV56?9"])
    country: str | None = Field(description="The only country whose format fits.", examples=["HK"])
    confidence: Share
    box: Box
    detection_confidence: Share
    characters: list[CharacterRead]
    alternatives: list[TextRead] = Field(description="Runner-up texts, the likeliest first.")


class PlateUnread(BaseModel):
    """A plate that was found and shows nothing legible."""

    box: Box
    detection_confidence: Share


class PhotoRead(BaseModel):
    """What a photograph shows."""

    image: str = Field(description="The file's name, as it was sent.", examples=["car.jpg"])
    width: int
    height: int
    plates: list[PlateRead]
    unread: list[PlateUnread]
    ms: float = Field(description="Milliseconds of finding and reading.")
    drawn: str | None = Field(None, description="The picture with boxes and texts, JPEG in base64, where asked for.")


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
    reading = asyncio.wrap_future(reader_of(request).read(Question(form.name, countries, drawn), form.picture))
    leaving = asyncio.ensure_future(_hung_up(request))
    both: set[asyncio.Future[Any]] = {reading, leaving}
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    leaving.cancel()
    if not reading.done():
        reading.cancel()
        raise ClientDisconnect
    answer = reading.result()
    if answer.photo is None:
        raise Refused(422, answer.problem or f"{form.name} could not be read.")
    request.state.photographs = 0
    if caller.token_id is not None:
        request.state.photographs = await asyncio.to_thread(_count, url_of(request), caller.token_id)
    return answer


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _count(url: str, token_id: int) -> int:
    with session(url) as db:
        # Nobody waits for a disk: where PostgreSQL ends hard, half a second's photographs are not counted.
        db.execute(text("SET LOCAL synchronous_commit TO off"))
        return tokens.count_photographs(db, token_id)
