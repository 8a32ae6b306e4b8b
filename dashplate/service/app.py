"""Puts the service together: calls, errors, headers, and what they share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from dashplate.service import compatible, errors, jobs, photos, sightings
from dashplate.service.access import Access, require
from dashplate.service.photo_reader import PhotoReader
from db.access.tokens import Principal, Scope
from workers.settings import Settings

#: Nothing here is a page: nothing may be loaded, framed, guessed or kept.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service works with."""

    settings: Settings
    access: Access
    reader: PhotoReader


def create_app(parts: Parts) -> FastAPI:
    """The application."""
    # The pages that FastAPI makes of the description load scripts from elsewhere.
    app = FastAPI(
        title="Dashplate",
        version=metadata.version("dashplate"),
        description="Reads licence plates out of photographs and fleets of dashcam videos.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.access, app.state.reader = parts.access, parts.reader
    app.state.database_url, app.state.roots = parts.settings.require_database(), parts.settings.roots
    errors.install(app)
    for group in (photos, jobs, sightings, compatible):
        app.include_router(group.router)

    @app.get("/healthz", include_in_schema=False)
    def healthy() -> dict[str, bool]:
        """Whether the service answers; nothing else is told without a token."""
        return {"ok": True}

    @app.get("/v1/openapi.json", include_in_schema=False)
    def description(caller: Annotated[Principal, require(Scope.READ)]) -> JSONResponse:
        return JSONResponse(app.openapi())

    @app.middleware("http")
    async def strict(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        answer = await call(request)
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    return app


def described(settings: Settings) -> dict[str, Any]:
    """The OpenAPI description, for documents and tests."""
    access, reader = Access(settings.require_database()), PhotoReader(settings.models, 1)
    return create_app(Parts(settings, access, reader)).openapi()
