"""Who calls: tokens in the headers that clients send, scopes, and how often one may call."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from ipaddress import ip_address
from threading import Lock
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from dashplate.service.errors import Refused, too_many
from db.access import tokens
from db.access.tokens import Principal, Scope
from db.engine import session

#: A token that was found is not asked for again for so long: a revoked one opens the door that much longer.
_REMEMBERED_S = 5.0
#: Calls of one token, or of one address without: so many at once, then so many a second.
_BURST, _A_SECOND = 200, 50.0
#: Wrong tokens of one address.
_WRONG_BURST, _WRONG_A_SECOND = 20, 0.2
#: Addresses and tokens that are counted; the oldest is forgotten.
_MOST_COUNTED = 10_000
#: Whoever calls without a token where that is allowed.
ANYBODY = Principal(None, "anybody on this machine", frozenset({Scope.READ}))
#: Names of this machine that a browser on it may have been told to call.
_OWN_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

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
        """Whether there is something left for this key."""
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
    """Finds out who calls, and whether they may."""

    def __init__(self, database_url: str, *, open_here: bool = False) -> None:
        """`open_here` lets callers without a token have photographs read; for a loopback address alone."""
        self._url = database_url
        self._open_here = open_here
        self._calls = Bucket(_BURST, _A_SECOND)
        self._wrong = Bucket(_WRONG_BURST, _WRONG_A_SECOND)
        self._known: dict[bytes, tuple[float, Principal]] = {}

    def principal(self, request: Request, scope: Scope) -> Principal:
        """Who calls. Raises Refused: 401 without a valid token, 403 without the scope, 429 where calls are too many."""
        token, address = token_of(request), _address(request)
        who = self._anybody(request) if token is None else self._found(token, address)
        if who is None:
            raise Refused(401, "Send a token: `dashplate token add` makes one.", {"WWW-Authenticate": "Bearer"})
        if not who.may(scope):
            raise Refused(403, f"This needs a token with the scope {scope}.")
        if not self._calls.take(who.name if who.token_id is not None else address):
            raise too_many("Too many calls with this token. Try again in a second.")
        return who

    def _found(self, token: str, address: str) -> Principal | None:
        # By a hash: a dictionary of tokens would tell by its time how much of one is right.
        digest = hashlib.sha256(token.encode()).digest()
        kept_until, who = self._known.get(digest, (0.0, ANYBODY))
        if time.monotonic() < kept_until:
            return who
        self._known.pop(digest, None)
        with session(self._url) as db:
            found = tokens.find(db, token)
        if found is None:
            if not self._wrong.take(address):
                raise too_many("Too many wrong tokens from this address. Try again in a minute.", 60)
            return None
        if len(self._known) > _MOST_COUNTED:
            self._known.clear()
        self._known[digest] = (time.monotonic() + _REMEMBERED_S, found)
        return found

    def _anybody(self, request: Request) -> Principal | None:
        if not self._open_here:
            return None
        # A page of another site in this machine's browser must not call, be it through a name that leads here.
        host = request.headers.get("host", "").rpartition(":")
        named = host[0] if host[1] and host[2].isdigit() else request.headers.get("host", "")
        origin = request.headers.get("origin", "")
        own_page = origin in ("", f"http://{request.headers.get('host', '')}")
        return ANYBODY if named in _OWN_NAMES and own_page and _is_loopback(_address(request)) else None


def token_of(request: Request) -> str | None:
    """The token in `Authorization: Bearer`, `Authorization: Token` or `X-API-Key`."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() in ("bearer", "token") and value.strip():
        return value.strip()
    return request.headers.get("x-api-key")


def require(scope: Scope) -> Any:
    """A dependency: the Principal of a call that needs the scope."""

    def check(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None,
        key: Annotated[str | None, Security(_api_key)] = None,
    ) -> Principal:
        access: Access = request.app.state.access
        return access.principal(request, scope)

    return Depends(check)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
