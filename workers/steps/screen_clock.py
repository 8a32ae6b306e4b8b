"""Reads a video's clock on screen, once a video, by whichever read worker first has a plate of it.

Control workers hold no models, so the probe cannot; and a video without plates has no use for its clock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from celery.exceptions import SoftTimeLimitExceeded

from db.engine import retrying_single
from db.where.clocks import clock_of, leave_screen, store_clock, take_screen
from pipeline.camera.on_screen.on_the_road import is_wanted
from pipeline.errors import Inaccessible
from pipeline.job_options import JobOptions
from pipeline.records import MediaInfo, MediaKind
from pipeline.sources.source import shown
from workers.steps.stage_engine import stage_engine

log = logging.getLogger(__name__)


def look_at_screen(url: str, video_id: int, media: MediaInfo, options: JobOptions, check: Callable[[], None]) -> None:
    """Store what the clock on screen says, where it is wanted and nobody looked yet.

    `check` raises MediaError where the file is not the one that was opened. Plates are kept whatever happens here:
    nothing is raised, and time that runs out ends the look alone. It is taken before it begins, so that a worker which
    dies over it does so once: its segment is read again, and the video keeps the clock that it had.
    """
    if media.kind is not MediaKind.VIDEO:
        return
    try:
        _look(url, video_id, media, options, check)
    except SoftTimeLimitExceeded:
        log.warning("The clock on screen of %s is not read: it took too long.", shown(media.path))
    except Exception:
        log.warning("The clock on screen of %s cannot be read.", shown(media.path), exc_info=True)


def _look(url: str, video_id: int, media: MediaInfo, options: JobOptions, check: Callable[[], None]) -> None:
    row = retrying_single(url, lambda db: take_screen(db, video_id))
    if row is None or not is_wanted(media.kind, row["recorded_from"]):
        return
    before = clock_of(row)
    try:
        check()
        clock = stage_engine().screen_clock(replace(media, make=row["make"], model=row["model"]), before, options)
    except Inaccessible as problem:
        # Away, or not to be opened on this machine; another segment may be read where it can be.
        log.info("The clock on screen is not read: %s", problem)
        retrying_single(url, lambda db: leave_screen(db, video_id))
        return
    if clock is not None and clock != before:
        retrying_single(url, lambda db: store_clock(db, video_id, clock))
