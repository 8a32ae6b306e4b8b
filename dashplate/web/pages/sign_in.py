"""The way in and out: a token, once, for a session in a cookie."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from dashplate.service.access import COOKIE, Access, address_of, require, session_of, url_of
from dashplate.service.errors import Refused
from dashplate.web.page import pages_for, render
from dashplate.web.texts import t
from db.access import sessions
from db.access.scopes import Principal
from db.engine import session

router = APIRouter(tags=["open"], include_in_schema=False)
leaving = pages_for(None)


@router.get("/login")
def show(request: Request, next: str = "/") -> Response:
    """The form."""
    return _form(request, next, None)


@router.post("/login")
def enter(
    request: Request,
    token: Annotated[str, Form(max_length=200)] = "",
    next: Annotated[str, Form(max_length=4000)] = "/",
) -> Response:
    """Take a token; go on to where the person was going."""
    if not _own(request):
        raise Refused(403, "This form was sent from another site.")
    access: Access = request.app.state.access
    who = access.holder(token.strip(), address_of(request))
    if who is None or who.token_id is None:
        return _form(request, next, t("sign_in.wrong"), 403)
    with session(url_of(request)) as db:
        secret = sessions.begin(db, who.token_id)
    answer = RedirectResponse(_inside(next), 303)
    answer.set_cookie(
        COOKIE, secret, max_age=int(sessions.LIFETIME.total_seconds()), httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return answer


@leaving.post("/logout")
def leave(request: Request, caller: Annotated[Principal, require(None)]) -> Response:
    """End the session."""
    secret = session_of(request) or ""
    with session(url_of(request)) as db:
        sessions.end(db, secret)
    access: Access = request.app.state.access
    access.forget(secret)
    # htmx follows this header as a whole page.
    answer = Response(status_code=204, headers={"HX-Redirect": "/login"})
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer


router.include_router(leaving)


def _form(request: Request, wanted: str, wrong: str | None, status: int = 200) -> Response:
    return render(request, None, "sign_in.html", status=status, wanted=_inside(wanted), wrong=wrong)


def _inside(address: str) -> str:
    """An address of this service; its first page in place of any other."""
    inside = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if inside else "/"


def _own(request: Request) -> bool:
    """Whether a form comes from a page of this service: browsers say so themselves, each in one of two ways."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")
