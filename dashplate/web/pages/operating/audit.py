"""The record of who asked for what, for operators; that they looked is on record too."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel, Field

from dashplate.service.access import note, require, url_of
from dashplate.web.page import is_part, pages_for, render
from db.access.scopes import Principal, Scope
from db.engine import session
from db.keeping import audit

router = pages_for(Scope.ADMIN)
#: Entries of a page: some 60 KB.
_MOST = 100
_Text = Annotated[str, Field(max_length=200), AfterValidator(lambda text: text.replace("\0", "").strip())]


class Filters(BaseModel, extra="forbid"):
    """What the form sends; an empty field narrows nothing."""

    who: _Text = ""
    action: _Text = ""
    words: _Text = ""
    since: Annotated[str, Field(pattern=r"^(|[0-9]{4}-[0-9]{2}-[0-9]{2})$")] = ""
    until: Annotated[str, Field(pattern=r"^(|[0-9]{4}-[0-9]{2}-[0-9]{2})$")] = ""
    behind: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None

    def wanted(self) -> audit.Wanted:
        return audit.Wanted(self.who, self.action, self.words, _day(self.since), _day(self.until, 1))

    def given(self) -> dict[str, Any]:
        """What narrows."""
        return self.model_dump(exclude={"behind"}, exclude_defaults=True)


@router.get("/audit")
def show(
    request: Request, caller: Annotated[Principal, require(Scope.ADMIN)], asked: Annotated[Filters, Query()]
) -> Response:
    """A page of it, the newest first; as a part, what stands behind an entry."""
    with session(url_of(request)) as db:
        found = audit.newest(db, asked.wanted(), _MOST, asked.behind)
        actions = () if is_part(request) else audit.recent_actions(db)
        note(db, request, caller, "audit", _words(asked), len(found.rows))
    template = "audit/entries.html" if is_part(request) else "audit/page.html"
    return render(
        request, caller, template, entries=found.rows, last=found.last, asked=asked, given=asked.given(),
        actions=actions, most_chars=audit.SHOWN_CHARS,
    )  # fmt: skip


def _words(asked: Filters) -> str:
    told = ", ".join(f"{name} {value}" for name, value in asked.given().items()) or "all"
    return f"{told}, before entry {asked.behind}" if asked.behind else told


def _day(text: str, later: int = 0) -> dt.datetime | None:
    """The begin in UTC of a day, or of one some days later; None for none, and for a day that no calendar has."""
    try:
        return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) + dt.timedelta(days=later) if text else None
    except (ValueError, OverflowError):
        return None
