"""What is asked of footage, once that is on record: also where it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fastapi import Request
from sqlalchemy.orm import Session

from dashplate.footage.clips import NoClip, NoSighting, NoVideo
from dashplate.service.access import note, url_of
from dashplate.service.errors import Refused
from db.access.scopes import Principal
from db.engine import session

T = TypeVar("T")


def on_record(request: Request, caller: Principal, action: str, what: str, ask: Callable[[Session], T]) -> T:
    """The answer to `ask`. Raises Refused: 404 where there is no such sighting or video, 409 where none is shown."""
    found: T | Refused
    with session(url_of(request)) as db:
        try:
            found = ask(db)
        except (NoSighting, NoVideo, NoClip) as problem:
            found = Refused(409 if isinstance(problem, NoClip) else 404, str(problem))
        note(db, request, caller, action, what, int(not isinstance(found, Refused)))
    if isinstance(found, Refused):
        raise found
    return found
