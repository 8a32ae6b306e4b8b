"""Puts the service together: calls, errors, headers, and what they share."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Annotated

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from dashplate.service import compatible, errors, jobs, photos, sightings
from dashplate.service.access import Access, require
from dashplate.service.description import described
from dashplate.service.door import Door
from dashplate.service.photo_reader import PhotoReader
from dashplate.service.sightings import Followers
from db.access.tokens import Principal, Scope
from workers.settings import Settings


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
        # A redirect would be made of the Host header, which anybody may write.
        redirect_slashes=False,
        # Short names, which the description's links go by.
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.access, app.state.reader, app.state.followers = parts.access, parts.reader, Followers()
    app.state.database_url, app.state.roots = parts.settings.require_database(), parts.settings.roots
    errors.install(app)
    for group in (photos, jobs, sightings, compatible):
        app.include_router(group.router)

    @app.get("/healthz", include_in_schema=False)
    async def healthy() -> dict[str, bool]:
        """Whether the service answers; nothing else is told without a token."""
        return {"ok": True}

    @app.get("/v1/openapi.json", include_in_schema=False)
    def description(caller: Annotated[Principal, require(Scope.READ)]) -> JSONResponse:
        return JSONResponse(described(app))

    app.add_middleware(Door, access=parts.access)
    return app
