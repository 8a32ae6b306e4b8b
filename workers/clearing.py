"""Clears the result store: files that rows no longer name, and what attempts that were overtaken left there."""

from __future__ import annotations

import logging

from db import files
from db.engine import patiently
from pipeline.errors import DashplateError
from workers.resources import store
from workers.store import StoreTrouble, video_folders

log = logging.getLogger(__name__)


def clear_deletions(url: str) -> int:
    """Remove files whose rows are gone, some at a time; returns how many names were worked off.

    What cannot be removed now stays noted and is tried again with the next sweep.
    """
    owed = patiently(url, files.owed_deletions)
    cleared: list[int] = []
    for number, name in owed:
        try:
            store().remove(name)
        except StoreTrouble as trouble:
            log.warning("%s could not be removed yet: %s", name, trouble)
            break
        except DashplateError as problem:
            # No name that this store could have given: waiting would not help, and would hold up the others.
            log.error("%s is not removed: %s", name, problem)
        cleared.append(number)
    if cleared:
        patiently(url, lambda db: files.deleted(db, cleared))
    return len(cleared)


def sweep_video(url: str, job_id: int, video_id: int) -> int:
    """Remove what lies in a video's folders and no row names; returns how many files. For a video that has ended.

    A store in trouble keeps them: `dashplate verify JOB --sweep` finds them again.
    """
    named = patiently(url, lambda db: files.names_of(db, video_id))
    removed = 0
    try:
        for folder in video_folders(job_id, video_id):
            for file in list(store().files(folder)):
                if file.name not in named:
                    store().remove(file.name)
                    removed += 1
    except StoreTrouble as trouble:
        log.warning("The folders of video %d could not be swept: %s", video_id, trouble)
    return removed
