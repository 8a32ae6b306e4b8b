"""Who may come in: tokens and who is signed in with them; made and revoked by operators."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from dashplate.service.access import note, require, url_of
from dashplate.service.errors import Refused
from dashplate.service.jobs import Number
from dashplate.web.page import pages_for, render
from db.access import tokens
from db.access.scopes import Principal, Scope
from db.engine import session
from db.models import TokenRow
from db.web.operating import tokens as shown
from pipeline.errors import UsageError

router = pages_for(Scope.ADMIN)
Operator = Annotated[Principal, require(Scope.ADMIN)]
#: Days that the form offers; none is for ever.
LIFETIMES = (7, 30, 90, 365)
_DAY_S = 86_400


class NewToken(BaseModel, extra="forbid"):
    """Somebody who is let in."""

    #: No controls, and something to see.
    name: Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    days: Annotated[int, Field(ge=1, le=3650)] | None = None


class Made(BaseModel):
    """A token, told this once."""

    name: str
    token: str


class Ending(BaseModel, extra="forbid"):
    """A token that is to end."""

    own: bool = Field(False, description="Also where it is the token that one is signed in with.")


@router.get("/tokens")
def show(request: Request, caller: Operator) -> Response:
    """Everybody who has a token."""
    with session(url_of(request)) as db:
        known = shown.known(db)
        last = not shown.others_allow_everything(db, caller.token_id or 0)
    return render(
        request, caller, "tokens/page.html", scopes=list(Scope), lifetimes=LIFETIMES, last_admin=last,
        usable=[row for row in known if row["usable"]], ended=[row for row in known if not row["usable"]],
        most=shown.MOST if len(known) == shown.MOST else None,
    )  # fmt: skip


@router.post("/tokens", status_code=201)
def add(request: Request, caller: Operator, wanted: NewToken) -> Made:
    """Make a token; it stands in this answer and nowhere else."""
    name = wanted.name.strip()
    with session(url_of(request)) as db:
        try:
            made = tokens.create(db, name, wanted.scopes, wanted.days and wanted.days * _DAY_S)
        except UsageError as error:
            raise Refused(409, str(error)) from error
        note(db, request, caller, "token", f"add {name}: {', '.join(sorted(set(wanted.scopes)))}", None)
    return Made(name=name, token=made)


@router.post("/tokens/{token}/revoke", status_code=204, response_class=Response)
def revoke(request: Request, caller: Operator, token: Number, ending: Ending) -> Response:
    """End a token, and who is signed in with it; one's own has to be meant."""
    with session(url_of(request)) as db:
        row = db.get(TokenRow, token)
        if row is None:
            raise Refused(404, f"There is no token {token}.")
        if row.id == caller.token_id and not ending.own:
            raise Refused(409, "You are signed in with this token: say that you mean it.")
        try:
            tokens.revoke(db, row.name)
        except UsageError as error:
            raise Refused(409, str(error)) from error
        note(db, request, caller, "token", f"revoke {row.name}", None)
    return Response(status_code=204)
