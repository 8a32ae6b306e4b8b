"""Endpoints and deliveries over HTTP: who is told, what became of it, and what is sent again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath
from pydantic import BaseModel, Field

from dashplate.delivery.receivers import Carrier, carrier_of, check_receiver, wanted_events
from dashplate.delivery.signing import WebhookKey, webhook_key
from dashplate.service.access import note, require, url_of
from dashplate.service.documents import Page
from dashplate.service.errors import Refused, responses
from dashplate.service.jobs import Cursor, Most, Number
from dashplate.service.telling.documents import DeliveryTold, EndpointMade, EndpointTold, Resent, SecretTold
from db.access.scopes import Principal, Scope
from db.engine import session
from db.states import DeliveryState, EndpointFormat, EventKind
from db.telling import deliveries, endpoints
from pipeline.errors import UsageError

router = APIRouter(tags=["endpoints"])
Operator = Annotated[Principal, require(Scope.ADMIN)]
_NAME = r"^[^\x00-\x1f/\\]{1,60}$"
Name = Annotated[str, InPath(pattern=_NAME)]
_Label = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00]*$")]


class NewEndpoint(BaseModel, extra="forbid"):
    """Somebody to be told."""

    name: Annotated[str, Field(pattern=_NAME)]
    address: Annotated[
        str,
        Field(
            max_length=2_000,
            description="Where it is told; `${DASHPLATE_TELL_…}` stands for a variable of the sender.",
            examples=["https://example.org/hooks/plates"],
            json_schema_extra={"format": "receiver"},
        ),
    ]
    format: EndpointFormat | None = Field(None, description="In whose words; null: as fits the address.")
    events: list[EventKind] = Field([], max_length=len(EventKind), description="What it is told of; empty: all.")
    labels: list[_Label] = Field([], max_length=100, description="Of hits, those of these lists; empty: all.")


@router.post("/v1/endpoints", status_code=201, responses=responses(409))
def add_endpoint(request: Request, caller: Operator, wanted: NewEndpoint) -> EndpointMade:
    """Tell somebody from now on. The answer holds the secret that signatures are checked with."""
    key = _key(request) if carrier_of(wanted.address) is Carrier.WEBHOOK else None
    with _refusing(422):
        check_receiver(wanted.address)
    # Each is well: they do not go together.
    with _refusing(409):
        format = check_receiver(wanted.address, wanted.format)
        events = wanted_events(format, wanted.events)
    with session(url_of(request)) as db:
        with _refusing(409):
            row = endpoints.add(db, wanted.name, wanted.address, format, events, wanted.labels)
        note(db, request, caller, "endpoint", f"add {wanted.name}: {wanted.address}", None)
        told = EndpointTold.of(row)
        return EndpointMade(**told.model_dump(), secret=key.secret(row.name, row.secret) if key else None)


@router.get("/v1/endpoints", responses=responses())
def list_endpoints(request: Request, caller: Operator) -> list[EndpointTold]:
    """Everybody who is told."""
    with session(url_of(request)) as db:
        return [EndpointTold.of(row) for row in endpoints.known(db)]


@router.delete("/v1/endpoints/{name}", status_code=204, response_class=Response, responses=responses(404))
def remove_endpoint(request: Request, caller: Operator, name: Name) -> Response:
    """Tell somebody no more; what they were still owed goes too."""
    with session(url_of(request)) as db:
        with _refusing(404):
            endpoints.remove(db, name)
        note(db, request, caller, "endpoint", f"remove {name}", None)
    return Response(status_code=204)


@router.post("/v1/endpoints/{name}/enable", responses=responses(404))
def enable_endpoint(request: Request, caller: Operator, name: Name) -> EndpointTold:
    """Go on with one that was switched off because it answered 410."""
    with session(url_of(request)) as db:
        with _refusing(404):
            endpoints.enable(db, name)
        note(db, request, caller, "endpoint", f"enable {name}", None)
        return EndpointTold.of(endpoints.named(db, name))


@router.post("/v1/endpoints/{name}/rotate", responses=responses(404, 409))
def rotate_secret(
    request: Request,
    caller: Operator,
    name: Name,
    overlap_s: Annotated[
        int, Query(ge=0, le=2_592_000, description="The secret before signs too for so long.")
    ] = 86_400,
) -> SecretTold:
    """Give one a new secret."""
    key = _key(request)
    with session(url_of(request)) as db:
        with _refusing(404):
            row = endpoints.rotate(db, name, overlap_s)
        note(db, request, caller, "endpoint", f"new secret of {name}", None)
        return SecretTold(secret=key.secret(row.name, row.secret))


@router.get("/v1/deliveries", responses=responses())
def list_deliveries(
    request: Request,
    caller: Operator,
    endpoint: Annotated[str | None, Query(pattern=_NAME)] = None,
    state: DeliveryState | None = None,
    cursor: Cursor = None,
    most: Most = 50,
) -> Page[DeliveryTold]:
    """What endpoints were told, are owed, and could not be told; the newest first."""
    before = int(cursor) if cursor else 2**63 - 1
    with session(url_of(request)) as db:
        rows = deliveries.listed(db, endpoint, state, before, most)
    return Page.of([DeliveryTold.of(row) for row in rows], most, lambda one: one.id)


@router.post("/v1/deliveries/{delivery}/resend", responses=responses(404))
def resend(request: Request, caller: Operator, delivery: Number) -> Resent:
    """Tell a delivery again, under the id that it had."""
    with session(url_of(request)) as db:
        if not deliveries.resend(db, delivery):
            raise Refused(404, f"There is no delivery {delivery}.")
        note(db, request, caller, "endpoint", f"resend {delivery}", None)
    return Resent(deliveries=1)


@router.post("/v1/deliveries/resend", responses=responses())
def resend_dead(
    request: Request, caller: Operator, endpoint: Annotated[str | None, Query(pattern=_NAME)] = None
) -> Resent:
    """Tell all again that were given up, of one endpoint or of all."""
    with session(url_of(request)) as db:
        sent = deliveries.resend_dead(db, endpoint)
        note(db, request, caller, "endpoint", f"resend {sent}", None)
    return Resent(deliveries=sent)


def _key(request: Request) -> WebhookKey:
    with _refusing(409):
        return webhook_key(request.app.state.settings)


@contextmanager
def _refusing(status: int) -> Iterator[None]:
    """What cannot be meant is answered with that status."""
    try:
        yield
    except UsageError as error:
        raise Refused(status, str(error)) from error
