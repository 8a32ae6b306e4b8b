"""Who calls: tokens in the headers that clients send, sessions in the cookies of browsers, scopes, how often one may
call, and the record of who asked."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from threading import Lock
from typing import Annotated, Any, TypeAlias

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dashplate.service.errors import Refused, too_many
from db.access import sessions, tokens
from db.access.scopes import Principal, Scope
from db.engine import session
from db.keeping import audit

#: A token that was found is not asked for again for so long: a revoked one opens the door that much longer.
_REMEMBERED_S = 5.0
#: Calls of one token, or of one address without a right one: so many at once, then so many a second. No limit is needed
#: against guessing: a token holds 256 random bits.
CALLS_AT_ONCE, CALLS_A_SECOND = 200, 50.0
#: Addresses and tokens that are counted; the oldest is forgotten.
_MOST_COUNTED = 10_000
#: Whoever calls without a token where that is allowed.
ANYBODY = Principal(None, "anybody on this machine", frozenset({Scope.READ}))
#: Where a browser keeps its session, and sends what a page of this service alone knows; see `page_secret`.
COOKIE, PAGE_HEADER = "dashplate_session", "x-csrf-token"
#: The pictures of a page do not count as calls: the page did.
PICTURES = "/pictures/"
#: What changes nothing.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: What proxies add.
_PROXIES = frozenset({"forwarded", "via", "x-forwarded-for", "x-real-ip"})

#: Finds whom a secret belongs to.
Find: TypeAlias = Callable[[Session, str], Principal | None]

# For the description; what is read is in `token_of`. Plate Recognizer's clients send `Authorization: Token …`.
_bearer = HTTPBearer(auto_error=False, description="A token of `dashplate token add`.")
_api_key = APIKeyHeader(name="X-API-Key", auto_error=False)


@dataclass
class Bucket:
    """A token bucket: full at first, filled evenly."""

    size: float
    a_second: float
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, key: str) -> bool:
        """Take one for this key; False where nothing is left."""
        now = time.monotonic()
        with self._lock:
            left, since = self._left.pop(key, (self.size, now))
            left = min(self.size, left + (now - since) * self.a_second)
            # The latest last, so that the first is the one to be forgotten.
            self._left[key] = (max(0.0, left - 1.0), now)
            if len(self._left) > _MOST_COUNTED:
                self._left.pop(next(iter(self._left)))
        return left >= 1.0


class Access:
    """Finds out who calls, and whether they call too often."""

    def __init__(
        self,
        database_url: str,
        *,
        open_here: bool = False,
        at_once: int = CALLS_AT_ONCE,
        a_second: float = CALLS_A_SECOND,
    ) -> None:
        """`open_here` lets callers without a token have photographs read; for a loopback address alone."""
        self._url = database_url
        self._open_here = open_here
        self._calls = Bucket(at_once, a_second)
        #: By how they are looked up: what opens as a session does not open as a token.
        self._known: dict[tuple[Find, bytes], tuple[float, Principal | None]] = {}

    def enter(self, request: Request) -> Principal:
        """Who calls. Raises Refused: 401 without a valid token, 429 where calls are too many."""
        who = self.known(request)
        if request.scope["path"].startswith(PICTURES):
            return who
        if not self._calls.take(f"token {who.token_id}" if who.token_id is not None else address_of(request)):
            raise too_many("Too many calls with this token. Try again in a second.")
        return who

    def known(self, request: Request) -> Principal:
        """The same, without counting the call."""
        token, secret, address = token_of(request), session_of(request), address_of(request)
        if token is not None:
            who = self.holder(token, address)
        elif secret is not None:
            who = self._signed_in(request, secret, address)
        else:
            who = self._anybody(request)
        if who is None:
            raise Refused(401, "Send a token: `dashplate token add` makes one.", {"WWW-Authenticate": "Bearer"})
        return who

    def holder(self, token: str, address: str) -> Principal | None:
        """Who has this token. Raises Refused, 429, where too many wrong ones come from the address."""
        return self._found(token, address, tokens.find)

    def _signed_in(self, request: Request, secret: str, address: str) -> Principal | None:
        who = self._found(secret, address, sessions.find)
        # A page of another site can have a browser send its cookie, and not this.
        said = request.headers.get(PAGE_HEADER, "")
        changes = request.method not in _SAFE
        if who is not None and changes and not hmac.compare_digest(said.encode(), page_secret(secret).encode()):
            raise Refused(403, "This page does not belong to this session any more. Load it again.")
        return who

    def forget(self, secret: str) -> None:
        """Let a session that has just ended open nothing from now on, here at least."""
        self._known.pop((sessions.find, _hash(secret)), None)

    def _found(self, secret: str, address: str, find: Find) -> Principal | None:
        kept_until, who = self._known.get((find, _hash(secret)), (0.0, None))
        if time.monotonic() >= kept_until:
            with session(self._url) as db:
                who = find(db, secret)
            if len(self._known) > _MOST_COUNTED:
                self._known.clear()
            self._known[find, _hash(secret)] = (time.monotonic() + _REMEMBERED_S, who)
        # A right one opens however many wrong ones come from its address: all clients of a proxy share one.
        if who is None and not self._calls.take(address):
            raise too_many("Too many wrong tokens from this address. Try again in a second.")
        return who

    def _anybody(self, request: Request) -> Principal | None:
        """Whoever calls from this machine, where the operator lets such in.

        Not a page of another site in a browser here, be it through a name that leads here; nor whom a proxy lets in.
        """
        host = request.headers.get("host", "").lower()
        named = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        own_name = named == "localhost" or _is_loopback(named.strip("[]"))
        own_page = request.headers.get("origin", f"http://{host}").lower() == f"http://{host}"
        direct = _PROXIES.isdisjoint(request.headers.keys())
        here = self._open_here and own_name and own_page and direct and _is_loopback(address_of(request))
        return ANYBODY if here else None


def token_of(request: Request) -> str | None:
    """The token in `Authorization: Bearer`, `Authorization: Token` or `X-API-Key`."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() in ("bearer", "token") and value.strip():
        return value.strip()
    return request.headers.get("x-api-key")


def session_of(request: Request) -> str | None:
    """The secret of a browser's session."""
    return request.cookies.get(COOKIE)


def page_secret(secret: str) -> str:
    """What every page of a session holds, so that its calls are known to come from a page of this service."""
    return hmac.new(secret.encode(errors="replace"), b"page", hashlib.sha256).hexdigest()


def require(scope: Scope | None) -> Any:
    """A dependency: who calls, where that needs the scope, or any at all. `door` has let them in."""

    # No function that waits: FastAPI would give it a thread.
    async def check(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None,
        key: Annotated[str | None, Security(_api_key)] = None,
    ) -> Principal:
        caller: Principal = request.state.caller
        if scope is not None and not caller.may(scope):
            # For the page that says it.
            request.state.lacking = scope
            raise Refused(403, f"This needs a token with the scope {scope}.")
        return caller

    return Depends(check)


def url_of(request: Request) -> str:
    """The database of the service."""
    url: str = request.app.state.database_url
    return url


def note(db: Session, request: Request, caller: Principal, action: str, query: str, rows: int | None) -> None:
    """Record who asked for which plates, in the transaction that ends before the answer is sent.

    Raises Refused, 503, where that fails: what cannot be recorded is not answered.
    """
    try:
        audit.record(db, f"token {caller.name}", address_of(request) or "?", action, query, rows)
        db.flush()
    except SQLAlchemyError as error:
        raise Refused(503, "This could not be put on record, so it is not answered. Try again later.") from error


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def _hash(secret: str) -> bytes:
    # A dictionary of secrets would tell by its time how much of one is right.
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
