"""Sessions of people who signed in on the pages with a token: made, found and ended.

The cookie holds 256 random bits; only their SHA-256 is stored. A session ends with its token, by itself, or when its
person signs out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from db.access.scopes import Principal, Scope
from db.models import SessionRow, TokenRow

#: A session ends so long after its person signed in.
LIFETIME = dt.timedelta(days=7)


def begin(db: Session, token_id: int) -> str:
    """A new session of a token's; returns its secret, told this once."""
    db.execute(delete(SessionRow).where(SessionRow.expires_at < func.now()))
    secret = secrets.token_urlsafe(32)
    db.add(SessionRow(digest=_digest(secret), token_id=token_id, expires_at=func.now() + LIFETIME))
    return secret


def find(db: Session, secret: str) -> Principal | None:
    """Whose session it is; None for one that is unknown or over, and where its token is."""
    row = db.execute(
        select(TokenRow.id, TokenRow.name, TokenRow.scopes)
        .join(SessionRow, SessionRow.token_id == TokenRow.id)
        .where(
            SessionRow.digest == _digest(secret),
            SessionRow.expires_at > func.now(),
            TokenRow.revoked_at.is_(None),
            (TokenRow.expires_at.is_(None)) | (TokenRow.expires_at > func.now()),
        )
    ).one_or_none()
    return None if row is None else Principal(row.id, row.name, frozenset(s for s in Scope if s in row.scopes))


def end(db: Session, secret: str) -> None:
    """End it now."""
    db.execute(delete(SessionRow).where(SessionRow.digest == _digest(secret)))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
