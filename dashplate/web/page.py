"""Puts a page together: template, texts, who looks at it, and headers that let it load nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dashplate.service.access import page_secret, session_of
from dashplate.web import charts
from dashplate.web.navigation import entries
from dashplate.web.pictures import crop_of, picture
from dashplate.web.shown import FILTERS, plain
from dashplate.web.static_files import static
from dashplate.web.texts import LANGUAGE, t
from db.access.scopes import Principal, Scope
from pipeline.records import UNSURE_BELOW
from workers.settings import Settings

#: Scripts, styles and pictures of this service alone, none of them written into the page; `blob:` is a file of the
#: reader's own, which the browser looks into before it is sent.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{tiles}; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

#: Statuses that the page of errors has words for.
_EXPLAINED = frozenset({403, 404, 409, 422, 429, 503})
_PHRASES = frozenset(status.phrase for status in HTTPStatus)


def pages_for(*scopes: Scope | None) -> APIRouter:
    """A router of pages that need all these scopes, or are everybody's; their calls say so too, by `require`."""
    return APIRouter(tags=[f"pages {' and '.join(scope or 'any' for scope in scopes)}"], include_in_schema=False)


def render(
    request: Request,
    caller: Principal | None,
    template: str,
    *,
    status: int = 200,
    has_map: bool = False,
    **values: Any,
) -> HTMLResponse:
    """A page, or a part of one that htmx puts in its place; one with a map may show a tile server's pictures."""
    secret = session_of(request)
    settings: Settings = request.app.state.settings
    about = {
        "request": request,
        "caller": caller,
        "navigation": entries(caller, request.url.path) if caller else (),
        "page_secret": page_secret(secret) if secret else "",
        "picture": partial(picture, request),
        "crop_of": partial(crop_of, request),
        "signs": request.app.state.signer is not None,
        "tiles": settings.tile_url,
        "tiles_from": settings.tile_attribution,
        "may": lambda scope: caller is not None and caller.may(Scope(scope)),
    }
    html = environment().get_template(template).render(**about, **values)
    said = policy(settings.tile_url if has_map else None)
    return HTMLResponse(html, status, {"Content-Security-Policy": said, "Vary": "HX-Request, Cookie"})


def policy(tile_url: str | None) -> str:
    """What a page may load: nothing from elsewhere but pictures of this tile server."""
    if tile_url is None:
        return _POLICY.format(tiles="")
    asked = urlsplit(tile_url)
    return _POLICY.format(tiles=f" {asked.scheme}://{asked.netloc}")


def is_part(request: Request) -> bool:
    """Whether htmx asks for a part of a page."""
    return request.headers.get("hx-request") == "true"


def error_page(request: Request, status: int, detail: str, headers: Mapping[str, str] | None) -> Response:
    """What a browser shows of a problem; the way in, where nobody is signed in."""
    if status == 401:
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(asked)}" if request.method == "GET" else "/login", 303)
    caller = getattr(request.state, "caller", None)
    again = request.url.path + (f"?{request.url.query}" if request.url.query else "") if request.method == "GET" else ""
    shown = render(
        request, caller, "error.html", status=status, number=status, again=again,
        # A sentence, where there is one that the page does not say itself.
        detail="" if detail in _PHRASES or status == 500 else detail,
        lacking=getattr(request.state, "lacking", None), kind=status if status in _EXPLAINED else 500,
    )  # fmt: skip
    shown.headers.update(headers or {})
    return shown


@cache
def environment() -> Environment:
    """Jinja, escaping everything; a name that is missing is an error."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= FILTERS
    made.globals |= {
        "t": t,
        "static": static,
        "language": LANGUAGE,
        "unsure_below": UNSURE_BELOW,
        "bars": charts.bars,
        "bar": charts.bar,
        "calendar": charts.calendar,
    }
    return made
