"""Applies retention (`db.keeping.retention`) from time to time: what was found goes when its time is over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.orm import Session

from db.engine import retrying
from db.findings.plate_hashing import PlateKey, PlateKeyError
from db.keeping.due import Place, due, due_by_job
from db.keeping.kept import some_watched_by_hash, undecided
from db.keeping.retention import SWEEPERS_CHUNK, PurgeCount, PurgeScope, purge, toll
from workers.hashed_jobs import own_key

log = logging.getLogger(__name__)

#: Videos that a round without the plate key looks at, some 10 ms.
_LOOKED_AT = 500
#: Where this process's last round without the key stopped looking.
_looked_up_to = Place()


def apply_retention(url: str) -> int:
    """Purge a chunk of the videos that their jobs' retention has caught up with; returns how many.

    For the sweeper, which comes again. Files are noted in `deletions` and removed by it too. Videos that only the plate
    key could decide about are passed over where this process has none; `dashplate status` counts them.
    """
    global _looked_up_to
    # Moved on once the round is stored: what is tried again looks at the same videos.
    gone, _looked_up_to = retrying(url, _purge_some)
    if gone.videos:
        log.info("Retention: what was found in %d videos is deleted, %d sightings.", gone.videos, gone.sightings)
    return gone.videos


def _purge_some(db: Session) -> tuple[PurgeCount, Place]:
    """What went, and where the round stopped looking."""
    wanted, last = PurgeScope(keep_watched=True, key=_key()), _looked_up_to
    if wanted.key is None and some_watched_by_hash(db):
        ids, last = _decided_ones(db)
    else:
        ids = [place.video for place in due_by_job(db)]
    return (purge(db, ids, wanted) if ids else PurgeCount()), last


def _key() -> PlateKey | None:
    try:
        return own_key()
    except PlateKeyError as error:
        log.warning("Retention goes on as without a key: %s", error)
        return None


def _decided_ones(db: Session) -> tuple[list[int], Place]:
    """Some videos that are due and do not wait for the key, from where the last round stopped, and where this one does.

    Those that wait stay due, a million of them perhaps: a round looks at a bounded number.
    """
    some = due_by_job(db, _LOOKED_AT, _looked_up_to)
    if len(some) < _LOOKED_AT:
        # The end; whoever is due now and was not then stands at the beginning of their job.
        some += due_by_job(db, _LOOKED_AT - len(some))
    waiting = undecided(db, [place.video for place in some])
    going = [place for place in dict.fromkeys(some) if place.video not in waiting][:SWEEPERS_CHUNK]
    # Where there is more than a chunk, the next round looks on behind it.
    last = going[-1] if len(going) == SWEEPERS_CHUNK else some[-1] if some else Place()
    return [place.video for place in going], last


def purge_all(url: str, wanted: PurgeScope) -> PurgeCount:
    """Purge everything that is due, chunk by chunk; returns what that removed."""
    wanted = replace(wanted, key=own_key())
    return _over_all(url, wanted, lambda db, ids: purge(db, ids, wanted))


def count_all(url: str, wanted: PurgeScope) -> PurgeCount:
    """What `purge_all` would remove."""
    wanted = replace(wanted, key=own_key())
    return _over_all(url, wanted, lambda db, ids: toll(db, ids, wanted))


def _over_all(url: str, wanted: PurgeScope, act: Callable[[Session, list[int]], PurgeCount]) -> PurgeCount:
    total, after = PurgeCount(), 0

    def some(db: Session) -> tuple[PurgeCount, int]:
        ids = due(db, wanted, after)
        return (act(db, ids), ids[-1]) if ids else (PurgeCount(), 0)

    while True:
        # Whoever aggregates or deletes elsewhere may meet us badly, and then one of us does the same again.
        gone, last = retrying(url, some)
        if not last:
            return total
        total, after = total + gone, last
