"""Applies retention: what was found goes when its time is over, without anybody asking."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.orm import Session

from db.engine import patiently
from db.retention import Toll, Wanted, due, due_by_job, purge, toll
from db.sealing import KeyTrouble
from workers.private import own_key
from workers.store import video_folders

log = logging.getLogger(__name__)


def apply_retention(url: str) -> int:
    """Purge a chunk of the videos that their jobs' retention has caught up with; returns how many.

    For the sweeper, which comes again. Files are noted in `deletions` and removed by it too.
    """
    try:
        gone = patiently(url, _purge_some)
    except KeyTrouble as trouble:
        log.warning("Retention waits: %s", trouble)
        return 0
    if gone.videos:
        log.info("Retention: what was found in %d videos is deleted, %d sightings.", gone.videos, gone.sightings)
    return gone.videos


def _purge_some(db: Session) -> Toll:
    ids = due_by_job(db)
    return purge(db, ids, Wanted(keep_watched=True, key=own_key()), video_folders) if ids else Toll()


def purge_all(url: str, wanted: Wanted) -> Toll:
    """Purge everything that is due, chunk by chunk; returns what that removed."""
    wanted = replace(wanted, key=own_key())
    return _over_all(url, wanted, lambda db, ids: purge(db, ids, wanted, video_folders))


def count_all(url: str, wanted: Wanted) -> Toll:
    """What `purge_all` would remove."""
    wanted = replace(wanted, key=own_key())
    return _over_all(url, wanted, lambda db, ids: toll(db, ids, wanted))


def _over_all(url: str, wanted: Wanted, act: Callable[[Session, list[int]], Toll]) -> Toll:
    total, after = Toll(), 0

    def some(db: Session) -> tuple[Toll, int]:
        ids = due(db, wanted, after)
        return (act(db, ids), ids[-1]) if ids else (Toll(), 0)

    while True:
        # Whoever aggregates or deletes elsewhere may meet us badly, and then one of us does the same again.
        gone, last = patiently(url, some)
        if not last:
            return total
        total, after = total + gone, last
