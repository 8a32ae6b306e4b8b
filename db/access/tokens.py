"""Tokens of the HTTP service: made, found, listed and revoked.

A token is `dp_LOOKUP_SECRET`. The lookup finds its row; of the whole, only the SHA-256 is stored: the secret is 256
random bits, which nobody guesses from a hash, so a slow hash would protect nothing and cost every call.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Sequence

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.access.scopes import Principal, Scope
from db.models import TokenRow, UsageRow
from pipeline.errors import UsageError

_TOKEN = re.compile(r"dp_(?P<lookup>[0-9a-f]{12})_[A-Za-z0-9_-]{43}")


def create(db: Session, name: str, scopes: Collection[Scope], lifetime_s: int | None) -> str:
    """A new token, told this once. Raises UsageError where somebody of that name has one."""
    lookup = secrets.token_hex(6)
    token = f"dp_{lookup}_{secrets.token_urlsafe(32)}"
    row = TokenRow(name=name, lookup=lookup, digest=_digest(token), scopes=sorted(set(scopes)))
    if lifetime_s is not None:
        row.expires_at = func.now() + dt.timedelta(seconds=lifetime_s)
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError as error:
        raise UsageError(f"There is a token {name!r} already; give this one another name.") from error
    return token


def find(db: Session, token: str) -> Principal | None:
    """Who has this token; None for one that is unknown, revoked or past its end."""
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        return None
    row = db.execute(
        select(TokenRow.id, TokenRow.name, TokenRow.digest, TokenRow.scopes).where(
            TokenRow.lookup == parts["lookup"],
            TokenRow.revoked_at.is_(None),
            (TokenRow.expires_at.is_(None)) | (TokenRow.expires_at > func.now()),
        )
    ).one_or_none()
    if row is None or not hmac.compare_digest(row.digest, _digest(token)):
        return None
    # A newer version may know more scopes.
    return Principal(row.id, row.name, frozenset(scope for scope in Scope if scope in row.scopes))


def known(db: Session) -> Sequence[TokenRow]:
    """All tokens that were ever given, oldest first."""
    return db.scalars(select(TokenRow).order_by(TokenRow.id)).all()


def any_usable(db: Session) -> bool:
    """Whether anybody has a token that is valid now."""
    usable = select(TokenRow.id).where(
        TokenRow.revoked_at.is_(None), (TokenRow.expires_at.is_(None)) | (TokenRow.expires_at > func.now())
    )
    return db.scalar(usable.limit(1)) is not None


def revoke(db: Session, name: str) -> None:
    """End a token now. Raises UsageError where there is none of that name, or it has ended."""
    ended = update(TokenRow).where(TokenRow.name == name, TokenRow.revoked_at.is_(None))
    if db.execute(ended.values(revoked_at=func.now()).returning(TokenRow.id)).one_or_none() is None:
        raise UsageError(f"There is no token {name!r} in use; `dashplate token list` shows all.")


def count_photographs(db: Session, token_id: int, photographs: int = 1) -> int:
    """Count photographs that a token had read; returns how many those of this month are."""
    month = func.date_trunc("month", func.now()).cast(UsageRow.month.type)
    counted = insert(UsageRow).values(token_id=token_id, month=month, photographs=photographs)
    counted = counted.on_conflict_do_update(
        index_elements=["token_id", "month"], set_={"photographs": UsageRow.photographs + photographs}
    )
    return db.execute(counted.returning(UsageRow.photographs)).scalar_one()


def photographs_this_month(db: Session, token_id: int) -> int:
    """How many photographs a token had read since the month began, UTC."""
    month = func.date_trunc("month", func.now()).cast(UsageRow.month.type)
    counted = select(UsageRow.photographs).where(UsageRow.token_id == token_id, UsageRow.month == month)
    return db.scalar(counted) or 0


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
