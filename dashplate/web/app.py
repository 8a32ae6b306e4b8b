"""The service with its pages."""

from __future__ import annotations

from fastapi import FastAPI

from dashplate.service.app import Parts, create_app
from dashplate.web import pictures, static_files
from dashplate.web.page import error_page
from dashplate.web.pages import PAGES


def create_app_with_pages(parts: Parts) -> FastAPI:
    """The application that `dashplate serve` runs."""
    app = create_app(parts)
    app.state.error_page = error_page
    for module in (static_files, pictures, *PAGES):
        app.include_router(module.router)
    return app
