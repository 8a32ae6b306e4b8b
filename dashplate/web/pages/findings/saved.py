"""Searches saved under names: kept and removed; the gallery and the search page show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from fastapi import Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from dashplate.service.access import require, url_of
from dashplate.service.errors import Refused
from dashplate.service.jobs import Number
from dashplate.web.page import pages_for, render
from db.access import saved_searches
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings.typed import typed
from db.models import SavedSearch
from workers.hashed_jobs import hashed_plate

router = pages_for(Scope.SEARCH)
Caller = Annotated[Principal, require(Scope.SEARCH)]
#: Pages whose address says what was asked for.
_PAGES = frozenset({"/sightings", "/search", "/plates", "/map"})


def saved_of(db: Session, caller: Principal) -> Sequence[SavedSearch]:
    """What the caller has saved."""
    return saved_searches.of_token(db, caller.token_id) if caller.token_id is not None else []


@router.post("/saved")
def save(
    request: Request,
    caller: Caller,
    name: Annotated[str, Form(min_length=1, max_length=60, pattern=r"^[^\x00]*\S[^\x00]*$")],
    address: Annotated[str, Form(max_length=2000)],
) -> Response:
    """Keep an address under a name."""
    asked = urlsplit(address)
    if asked.netloc or asked.path not in _PAGES or not asked.query or not address.isprintable():
        raise Refused(422, "Only what the gallery or the search was narrowed by can be saved.")
    if any(hashed_plate(typed(plate)) for plate in parse_qs(asked.query).get("plate", [])):
        raise Refused(409, "Plates are stored as hashes here, so no search for a whole plate is stored in clear.")
    with session(url_of(request)) as db:
        saved_searches.save(db, caller.token_id or 0, name.strip(), address)
        return render(request, caller, "parts/saved.html", saved=saved_of(db, caller))


@router.delete("/saved/{number}")
def remove(request: Request, caller: Caller, number: Number) -> Response:
    """Forget one."""
    with session(url_of(request)) as db:
        if not saved_searches.remove(db, caller.token_id or 0, number):
            raise Refused(404, "You have saved no such search.")
        return render(request, caller, "parts/saved.html", saved=saved_of(db, caller))
