"""Puts on record who asked for which plates, before they are answered."""

from __future__ import annotations

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dashplate.service.errors import Refused
from db.access.tokens import Principal
from db.keeping import audit


def note(db: Session, request: Request, caller: Principal, action: str, query: str, rows: int | None) -> None:
    """Record a question, in the transaction that ends before its answer is sent.

    Raises Refused, 503, where that fails: what cannot be recorded is not answered.
    """
    host = request.client.host if request.client else "?"
    try:
        audit.record(db, f"token {caller.name}", host, action, query, rows)
        db.flush()
    except SQLAlchemyError as error:
        raise Refused(503, "This could not be put on record, so it is not answered. Try again later.") from error
