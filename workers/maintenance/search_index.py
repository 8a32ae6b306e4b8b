"""Makes sightings searchable soon after they were stored: storing them does not wait for it."""

from __future__ import annotations

from db.engine import session
from db.findings.search import index_some
from workers.settings import settings

#: Notes of one transaction. While it lasts, another that stores the same rare plates may have to wait.
_NOTES = 20


def index_new() -> None:
    """Index all that was stored since; next to nothing to ask where there is nothing."""
    url = settings().require_database()
    taken = 1
    while taken:
        with session(url) as db:
            taken = index_some(db, _NOTES)
