"""What tells this database from all others."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import text

from db.engine import session

_IDENTITY = text("SELECT system_identifier || '/' || current_database() FROM pg_control_system()")


@lru_cache(maxsize=8)
def identity(url: str) -> str:
    """The number that PostgreSQL gave its servers' data when they were made, and the database's name.

    The same from every machine and on replicas; another after a dump is restored elsewhere.
    """
    with session(url) as db:
        return str(db.scalar(_IDENTITY))
