"""Questions of pages that may take long, and are ended where they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.engine import ran_out_of_time
from pipeline.errors import UsageError

_IN_TIME = text("SELECT set_config('statement_timeout', :ms, true)")


@contextmanager
def in_time(db: Session, most_s: float, sentence: str) -> Iterator[None]:
    """Each statement of the block may take so long; where one takes longer, UsageError with the sentence is raised.

    The block's own savepoint goes back with it, so that the transaction goes on.
    """
    try:
        with db.begin_nested():
            db.execute(_IN_TIME, {"ms": str(round(1000 * most_s))})
            yield
    except OperationalError as error:
        if not ran_out_of_time(error):
            raise
        raise UsageError(sentence) from None
