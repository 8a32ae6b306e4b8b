"""Opens the database for Python programs and notebooks, as `dashplate sql` does for people."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from dashplate.bring_up import database as database_of
from dashplate.commands.privacy import note
from db.engine import engine_for, session, visit


@contextmanager
def database(data: str | os.PathLike[str] | None = None) -> Iterator[Engine]:
    """An SQLAlchemy engine on the database; see docs/sql.md for its views.

    It is that of `DASHPLATE_DATABASE_URL`, else of the data folder `data`, or of the usual one. An embedded server that
    does not run is started, and stopped when the block ends; the engine is of no use after it. That it was opened is
    put on record, what is asked then is not. Raises ServiceUnavailable where PostgreSQL cannot be reached.
    """
    with database_of(None if data is None else Path(data)) as config:
        url = config.require_database()
        with visit(url):
            with session(url) as db:
                note(db, "sql", "a Python session", None)
            yield engine_for(url)
