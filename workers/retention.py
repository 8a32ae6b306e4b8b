"""Applies retention: what was found goes when its time is over, without anybody asking."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy.orm import Session

from db.engine import session
from db.retention import Toll, Wanted, due, due_by_job, purge, toll
from workers.store import video_folders

log = logging.getLogger(__name__)

#: What a job's own retention removes.
BY_JOB = Wanted(keep_watched=True)


def apply_retention(url: str) -> int:
    """Purge a chunk of the videos that their jobs' retention has caught up with; returns how many.

    For the sweeper, which comes again. Files are noted in `deletions` and removed by it too.
    """
    with session(url) as db:
        ids = due_by_job(db)
        if not ids:
            return 0
        gone = purge(db, ids, BY_JOB, video_folders)
    log.info("Retention: what was found in %d videos is deleted, %d sightings.", gone.videos, gone.sightings)
    return gone.videos


def purge_all(url: str, wanted: Wanted) -> Toll:
    """Purge everything that is due, chunk by chunk; returns what that removed."""
    return _over_all(url, wanted, lambda db, ids: purge(db, ids, wanted, video_folders))


def count_all(url: str, wanted: Wanted) -> Toll:
    """What `purge_all` would remove."""
    return _over_all(url, wanted, lambda db, ids: toll(db, ids, wanted))


def _over_all(url: str, wanted: Wanted, act: Callable[[Session, list[int]], Toll]) -> Toll:
    total, after = Toll(), 0
    while True:
        with session(url) as db:
            ids = due(db, wanted, after)
            if not ids:
                return total
            total += act(db, ids)
        after = ids[-1]
