"""Joins videos soon after their end with what was recorded before, after and beside them."""

from __future__ import annotations

import logging

from db.engine import retrying
from db.where.joining import join_some
from workers.settings import settings

log = logging.getLogger(__name__)


def join_new() -> None:
    """Join what has ended since, as far as no other does; next to nothing to ask where there is nothing."""
    while retrying(settings().require_database(), join_some):
        pass


def join_around(url: str, video_id: int) -> None:
    """Join a video that has just ended, where no other does; what fails is left for the sweeper."""
    try:
        retrying(url, lambda db: join_some(db, video_id))
    except Exception as error:
        # Its words may hold a plate.
        log.warning("Video %d is not joined with its neighbours yet: %s.", video_id, type(error).__name__)
