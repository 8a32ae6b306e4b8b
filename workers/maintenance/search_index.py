"""Makes sightings searchable soon after they were stored: storing them does not wait for it."""

from __future__ import annotations

import time

from db.engine import session
from db.findings.search import index_if_it_can, index_some, is_complete
from workers.settings import settings

#: Another that makes sightings searchable is waited for.
_LOOK_AGAIN_S = 0.1


def index_new() -> None:
    """Index what was stored since, as far as no other does; next to nothing to ask where there is nothing."""
    url = settings().require_database()
    taken = 1
    while taken:
        with session(url) as db:
            taken = index_some(db)


def index_all(url: str) -> bool:
    """Index all that was stored, and forget all that was deleted; False where that fails.

    What another does at the time is waited for.
    """
    while True:
        with session(url) as db:
            if is_complete(db):
                return True
        taken = index_if_it_can(url)
        if taken is None:
            return False
        if not taken:
            time.sleep(_LOOK_AGAIN_S)
