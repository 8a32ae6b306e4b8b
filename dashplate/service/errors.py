"""What the service answers when it cannot: RFC 9457 problem documents, each with a sentence for whoever called."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPMethod, HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from db.engine import is_transient, why_unreachable
from pipeline.errors import DashplateError, MediaError, ServiceUnavailable
from store import DamagedFile, MissingFile, StoreError

log = logging.getLogger(__name__)
#: Seconds after which a caller may try again what was refused for want of room or of a server.
RETRY_AFTER_S = 1
#: What tus names a piece of an upload that is not what its checksum says.
CHECKSUM_MISMATCH = 460
_TYPE = "application/problem+json"


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = "about:blank"
    title: str = Field(examples=["Too Many Requests"])
    status: int = Field(examples=[429])
    #: A sentence that says what happened and what to do.
    detail: str = Field(examples=["64 photographs wait already. Try again in a second."])
    #: Of a request that is not as described: where, and what is wrong.
    errors: list[dict[str, Any]] | None = None


class Refused(DashplateError):
    """A request that is answered with a problem."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})


def too_many(detail: str, after_s: int = RETRY_AFTER_S) -> Refused:
    """The caller may try again."""
    return Refused(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": str(after_s)})


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: the problems that a call may answer with, besides those of every call."""
    content = {_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    return {
        status: {"content": dict(content), "description": _phrase(status)}
        for status in sorted({*statuses, 400, 401, 403, 413, 422, 429, 503})
    }


def problem(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, Any]] | None = None,
) -> JSONResponse:
    """The answer."""
    told = Problem(title=_phrase(status), status=status, detail=detail)
    content = told.model_dump(exclude_none=True)
    if errors is not None:
        content["errors"] = list(errors)
    return JSONResponse(content, status, headers=dict(headers or {}), media_type=_TYPE)


def answer(
    request: Request,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, Any]] | None = None,
) -> Response:
    """The same as a page, where a person asked for one in a browser."""
    page = getattr(request.app.state, "error_page", None)
    if page is None or "text/html" not in request.headers.get("accept", ""):
        return problem(status, detail, headers, errors)
    shown: Response = page(request, status, detail, headers)
    return shown


def _phrase(status: int) -> str:
    # tus has a status of its own.
    return "Checksum Mismatch" if status == CHECKSUM_MISMATCH else HTTPStatus(status).phrase


def status_of(error: Exception) -> tuple[int, str, dict[str, str]]:
    """Status, sentence and headers for an error; what nobody foresaw tells nothing of itself."""
    match error:
        case Refused():
            return error.status, str(error), error.headers
        case ServiceUnavailable():
            return 503, str(error), {"Retry-After": str(RETRY_AFTER_S)}
        case MissingFile() | DamagedFile():
            return 404, "The picture is gone from the result store, or damaged.", {}
        case StoreError():
            return 503, "The result store does not answer. Try again later.", {"Retry-After": str(RETRY_AFTER_S)}
        case MediaError():
            return 422, str(error), {}
        case DashplateError():
            return 400, str(error), {}
        case DataError():
            return 422, "The request holds something that the database cannot hold.", {}
        case SQLAlchemyError() if is_transient(error):
            return 503, why_unreachable(error), {"Retry-After": str(RETRY_AFTER_S)}
    log.error("A call failed.", exc_info=error)
    return 500, "Something went wrong here; the service's log tells what.", {}


def _methods(app: FastAPI, request: Request) -> list[str]:
    """What an address takes: several calls may share it, and each knows only its own method."""
    tried = ((method.value, {**request.scope, "method": method.value}) for method in HTTPMethod)
    return [method for method, scope in tried if any(route.matches(scope)[0] is Match.FULL for route in app.routes)]


def install(app: FastAPI) -> None:
    """Have every error answered with a problem."""

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        # Not what was sent: it may be a plate, a token or half a video.
        found = [{"where": ".".join(map(str, one["loc"])), "problem": one["msg"]} for one in error.errors()]
        return answer(request, 422, "The request is not as the description asks for.", errors=found)

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = ", ".join(_methods(app, request))
            return problem(405, f"This address takes {allowed}.", {"Allow": allowed})
        return answer(request, error.status_code, _said_by(error), error.headers)

    def failed(request: Request, error: Exception) -> Response:
        return answer(request, *status_of(error))

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, refused)

    def gone(request: Request, error: Exception) -> Response:
        # Nobody hears it.
        return Response(status_code=400)

    app.add_exception_handler(ClientDisconnect, gone)
    for kind in (DashplateError, SQLAlchemyError, OSError, ValueError):
        app.add_exception_handler(kind, failed)


def _said_by(error: HTTPException) -> str:
    """The sentence of an error that the framework raises; of an address without a call it knows two words."""
    return "There is no such call." if error.detail == _phrase(404) else str(error.detail)
