"""Puts the service together: calls, errors, headers, and what they share."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Annotated

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from dashplate.evidence.signing import signer
from dashplate.service import errors, jobs
from dashplate.service.access import Access, require
from dashplate.service.description import described
from dashplate.service.door import Door
from dashplate.service.files import annotated, clips, evidence, exports, videos
from dashplate.service.files.making.annotator import Annotator
from dashplate.service.files.making.cutter import Cutter
from dashplate.service.files.streams import Places
from dashplate.service.findings import areas, corrections, drives, search, sightings
from dashplate.service.measured import Calls, text_of
from dashplate.service.photographs import calls as photographs
from dashplate.service.photographs import compatible
from dashplate.service.photographs.reader import PhotoReader
from dashplate.service.telling import endpoints, watch_lists
from dashplate.service.uploads import calls as uploads
from dashplate.service.uploads.clearing import clearing
from dashplate.service.uploads.keeper import Keeper
from dashplate.service.uploads.receiving import Receiver
from db.access.scopes import Principal, Scope
from workers.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service works with."""

    settings: Settings
    access: Access
    reader: PhotoReader
    cutter: Cutter
    annotator: Annotator


def create_app(parts: Parts) -> FastAPI:
    """The application."""
    keeper = Keeper(parts.settings)
    app = FastAPI(
        title="Dashplate",
        version=metadata.version("dashplate"),
        description="Reads licence plates out of photographs and fleets of dashcam videos.",
        # The pages that FastAPI makes of the description load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # A redirect would be made of the Host header, which anybody may write.
        redirect_slashes=False,
        lifespan=lambda app: clearing(keeper),
        # Short names, which the description's links go by.
        generate_unique_id_function=lambda route: route.name,
    )
    _share(app, parts, keeper)
    errors.install(app)
    for router in _ROUTERS:
        app.include_router(router)
    calls = Calls(parts.reader)
    _add_own_calls(app, calls)
    app.add_middleware(Door, access=parts.access, calls=calls, most_upload_bytes=keeper.most_bytes)
    return app


#: In the order in which the description names the calls.
_ROUTERS = (
    photographs.router, uploads.router, jobs.router, sightings.router, corrections.router, search.router,
    clips.router, videos.router, exports.router, evidence.router, annotated.router, endpoints.router,
    compatible.router, watch_lists.changes, watch_lists.shown, areas.router, drives.router,
)  # fmt: skip


def _share(app: FastAPI, parts: Parts, keeper: Keeper) -> None:
    """What calls find in `request.app.state`."""
    app.state.keeper, app.state.receiver = keeper, Receiver(keeper)
    app.state.access, app.state.reader = parts.access, parts.reader
    app.state.cutter, app.state.annotator = parts.cutter, parts.annotator
    # Who follows asks the database twice a second; an export keeps a transaction open.
    app.state.followers = Places(32, "As many follow jobs as may. Try again in some seconds.")
    app.state.exports = Places(4, "As many exports are being sent as may. Try again in some seconds.")
    # A player asks for one range after the other, and leaves the one before.
    app.state.originals = Places(16, "As many videos are being sent as may. Try again in some seconds.")
    # Each reads its videos from end to end, and is written to the disk before it is sent.
    app.state.packages = Places(2, "As many packages are being made as may. Try again in some seconds.")
    app.state.signer, app.state.settings = signer(None), parts.settings
    app.state.database_url, app.state.roots = parts.settings.require_database(), parts.settings.roots


def _add_own_calls(app: FastAPI, calls: Calls) -> None:
    """What is told of the service itself; the description leaves it out."""

    @app.get("/healthz", include_in_schema=False)
    async def healthy() -> dict[str, bool]:
        """Whether the service answers; nothing else is told without a token."""
        return {"ok": True}

    @app.get("/v1/openapi.json", include_in_schema=False)
    def description(caller: Annotated[Principal, require(Scope.READ)]) -> JSONResponse:
        return JSONResponse(described(app))

    @app.get("/metrics", include_in_schema=False)
    async def metrics(caller: Annotated[Principal, require(Scope.READ)]) -> Response:
        """Figures for Prometheus: see docs/monitoring.md."""
        return text_of(calls.registry)
