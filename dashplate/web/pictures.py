"""Pictures on pages: a page that showed a sighting, and was put on record, lets its browser fetch that sighting's
pictures, and no other's."""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from dashplate.service.access import PICTURES, require, session_of, url_of
from dashplate.service.errors import Refused
from dashplate.service.files.ranges import ranged
from dashplate.service.jobs import Number
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings import pages
from db.web.findings.sighting import crop_name
from workers.result_store import store

router = APIRouter(tags=["pages search"], include_in_schema=False)
#: A browser keeps a picture so long: who goes back to a page sees it at once, and one that was purged goes soon.
_KEPT_S = 600


class Kind(StrEnum):
    """What there are pictures of."""

    CROP = "crop"
    FRAME = "frame"


Shown = Annotated[str, Query(max_length=100)]
_MEDIA = {Kind.CROP: "image/png", Kind.FRAME: "image/jpeg"}


def picture(request: Request, sighting: int, kind: str) -> str:
    """The address of a picture, for a page that has put on record that it shows the sighting."""
    return f"{PICTURES}{sighting}/{Kind(kind)}?shown={_shown(request, sighting)}"


def crop_of(request: Request, sighting: int, crop: int) -> str:
    """The same for one of the crops that a sighting was read from."""
    return f"{PICTURES}{sighting}/crops/{crop}?shown={_shown(request, sighting)}"


@router.get(PICTURES + "{sighting}/{kind}")
def send(
    request: Request,
    caller: Annotated[Principal, require(Scope.SEARCH)],
    sighting: Number,
    kind: Kind,
    shown: Shown,
) -> Response:
    """The picture, where a page of this session showed its sighting."""
    _check(request, sighting, shown)
    with session(url_of(request)) as db:
        row = pages.sighting(db, sighting)
    return _sent(request, row[kind] if row is not None else None, _MEDIA[kind])


@router.get(PICTURES + "{sighting}/crops/{crop}")
def send_crop(
    request: Request, caller: Annotated[Principal, require(Scope.SEARCH)], sighting: Number, crop: Number, shown: Shown
) -> Response:
    """One of the crops that the sighting was read from."""
    _check(request, sighting, shown)
    with session(url_of(request)) as db:
        name = crop_name(db, sighting, crop)
    return _sent(request, name, _MEDIA[Kind.CROP])


def _check(request: Request, sighting: int, shown: str) -> None:
    if not hmac.compare_digest(shown.encode(), _shown(request, sighting).encode()):
        raise Refused(403, "Load the page again to see this picture.")


def _sent(request: Request, name: str | None, media: str) -> Response:
    if name is None:
        raise Refused(404, "No picture of it was kept.")
    answer = ranged(request, store().get(name), media)
    answer.headers["Cache-Control"] = f"private, max-age={_KEPT_S}"
    return answer


def _shown(request: Request, sighting: int) -> str:
    secret = (session_of(request) or "").encode(errors="replace")
    return hmac.new(secret, f"picture {sighting}".encode(), hashlib.sha256).hexdigest()[:32]
