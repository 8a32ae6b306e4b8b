"""Matches new entries of watch lists with the sightings that were there before them."""

from __future__ import annotations

from db.engine import session
from db.telling.watch_lists import match_existing, unmatched
from workers.settings import settings

#: Entries that are looked for at a time.
_ENTRIES = 200


def match_new() -> None:
    """Match all that are new; next to nothing to ask where there are none."""
    url = settings().require_database()
    while True:
        with session(url) as db:
            waiting = unmatched(db, _ENTRIES)
        if not waiting:
            return
        for entry in waiting:
            with session(url) as db:
                match_existing(db, entry)
