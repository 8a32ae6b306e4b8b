"""Endpoints: who is told, how that goes, and what could not be told."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Path as InPath
from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from dashplate.delivery.receivers import carrier_of
from dashplate.service.access import note, require, url_of
from dashplate.service.errors import Refused
from dashplate.web.page import is_part, pages_for, render
from dashplate.web.texts import t
from db.access.scopes import Principal, Scope
from db.engine import session
from db.models import Endpoint
from db.states import DeliveryState, EndpointFormat, EventKind
from db.telling import endpoints as told
from db.web.telling import endpoints
from pipeline.errors import DashplateError, UsageError

router = pages_for(Scope.ADMIN)
Operator = Annotated[Principal, require(Scope.ADMIN)]
Name = Annotated[str, InPath(max_length=60)]
AT_ONCE = 50


@router.get("/endpoints")
def show(request: Request, caller: Operator) -> Response:
    """Everybody who is told."""
    with session(url_of(request)) as db:
        rows = endpoints.endpoints(db)
    return render(
        request, caller, "endpoints/page.html", rows=rows, most=endpoints.MOST, carrier_of=carrier_of,
        kinds=list(EventKind), formats=list(EndpointFormat), dead=sum(row["dead"] for row in rows),
    )  # fmt: skip


@router.get("/endpoints/deliveries")
def deliveries(
    request: Request,
    caller: Operator,
    state: DeliveryState = DeliveryState.DEAD,
    endpoint: Annotated[str, Query(max_length=60)] = "",
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """What was told, waits or is dead; or for htmx what is behind that."""
    name = endpoint.replace("\0", "") or None
    with session(url_of(request)) as db:
        rows = endpoints.deliveries(db, state, name, before, AT_ONCE)
        names = [row.name for row in told.known(db)]
    shown: dict[str, Any] = {
        "rows": rows, "state": state, "endpoint": name,
        # After the last of these it is dead.
        "most_tries": 1 + len(request.app.state.settings.delivery_delays_s),
        # Those that wait come in the order in which they are due: the first are what one looks for.
        "more": len(rows) == AT_ONCE and state is not DeliveryState.PENDING,
    }  # fmt: skip
    if is_part(request):
        return render(request, caller, "endpoints/deliveries_rows.html", **shown)
    return render(request, caller, "endpoints/deliveries.html", names=names, states=list(DeliveryState), **shown)


@router.post("/endpoints/{name}/pause")
def pause(request: Request, caller: Operator, name: Name) -> Response:
    """Tell it nothing until somebody goes on with it."""
    with session(url_of(request)) as db:
        row = _named(db, name)
        told.disable(db, row.id, t("endpoints.paused_by", name=caller.name))
        note(db, request, caller, "endpoint", f"pause {name}", None)
    return Response(status_code=204)


@router.post("/endpoints/{name}/test")
def test(request: Request, caller: Operator, name: Name) -> Response:
    """Send it one message now, and say what it answers."""
    from dashplate.delivery.sender import test_once

    with session(url_of(request)) as db:
        row = _named(db, name)
        note(db, request, caller, "endpoint", f"test {name}", None)
        db.expunge(row)
    try:
        answer = asyncio.run(test_once(request.app.state.settings, row))
    except DashplateError as error:
        return JSONResponse({"took": False, "said": str(error)})
    said = answer.problem or t("endpoints.took", name=name, status=answer.status or "–")
    return JSONResponse({"took": answer.problem is None, "said": said})


def _named(db: Session, name: str) -> Endpoint:
    """The endpoint of that name; raises Refused, 404, where there is none."""
    try:
        return told.named(db, name)
    except UsageError as error:
        raise Refused(404, str(error)) from error
