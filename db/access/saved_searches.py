"""Searches that people saved on the pages, under names of their own: kept, listed and removed, each token's apart."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models import SavedSearch
from pipeline.errors import UsageError

#: Of one token.
MOST = 50


def save(db: Session, token_id: int, name: str, address: str) -> None:
    """Keep a page's address under a name; an earlier one of that name is replaced. Raises UsageError for too many."""
    added = insert(SavedSearch).values(token_id=token_id, name=name, address=address)
    db.execute(
        added.on_conflict_do_update(
            index_elements=["token_id", "name"], set_={"address": added.excluded.address, "created_at": func.now()}
        )
    )
    if (db.scalar(select(func.count()).where(SavedSearch.token_id == token_id)) or 0) > MOST:
        raise UsageError(f"You have saved {MOST} searches; remove one first.")


def of_token(db: Session, token_id: int) -> Sequence[SavedSearch]:
    """Those of a token, by name."""
    return db.scalars(select(SavedSearch).where(SavedSearch.token_id == token_id).order_by(SavedSearch.name)).all()


def remove(db: Session, token_id: int, number: int) -> bool:
    """Forget one; False where this token has none of that number."""
    gone = delete(SavedSearch).where(SavedSearch.token_id == token_id, SavedSearch.id == number)
    return db.scalar(gone.returning(SavedSearch.id)) is not None
