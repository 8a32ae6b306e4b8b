"""Clears the result store: files that rows no longer name, and what attempts that were overtaken left there.

Nothing is removed because a note says so alone. The folder is listed first; then, in one transaction, the rows are
asked whether the video has ended and what they name; and only what was listed and is not named goes. What is written
later, by somebody who does the video again, was not in the list.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Collection, Sequence

from db.engine import retrying
from db.findings import stored_files
from pipeline.errors import DashplateError
from store import Store, StoreError, attempt_folder, video_folders
from workers.result_store import store
from workers.steps.stage_engine import stage_engine

log = logging.getLogger(__name__)

#: One call works for no longer than this, and no further once so many notes failed: then it is the store itself.
ROUND_S = 10.0
MAX_FAILED = 3
_OF_VIDEO = re.compile(r"(?:crops|frames)/([0-9]+)/([0-9]+)/")
#: What one attempt at a segment wrote: it goes in one piece where none of it is named. Older stores have a folder for
#: the segment, and one for the attempt in it.
_OF_ATTEMPT = re.compile(r"crops/[0-9]+/[0-9]+/[0-9]+[-/][0-9]+/")


def clear_deletions(url: str) -> int:
    """Work off some of what is owed; returns how many files, folders and notes that were, 0 when nothing moves.

    What cannot be removed now stays noted and comes last from then on.
    """
    return _work_off(url, retrying(url, stored_files.owed_deletions))


def clear_video(url: str, job_id: int, video_id: int) -> int:
    """The same for one video that has just ended: the sweeper may end with the job."""
    return clear_named(url, video_folders(job_id, video_id))


def clear_named(url: str, names: Sequence[str]) -> int:
    """The same for what is owed of these names."""
    return _work_off(url, retrying(url, lambda db: stored_files.owed_by_name(db, names)))


class _Unfinished(Exception):
    """The round is over before all of a note's files were removed."""


class _Round:
    """One call's work: what it removed, and until when it may go on."""

    def __init__(self, url: str) -> None:
        self.removed = 0
        self._url = url
        # A store of its own kind comes with the module that does the work, which a sweeper has not loaded otherwise.
        stage_engine()
        # Made here: a store that cannot even be made is no reason to forget a note.
        self._store: Store = store()
        self._until = time.monotonic() + ROUND_S

    @property
    def over(self) -> bool:
        return time.monotonic() > self._until

    def clear(self, name: str) -> None:
        """Remove what a note stands for. Raises StoreError where some is left, _Unfinished where time is up."""
        listed = [file.name for file in self._store.files(name)] if name.endswith("/") else [name]
        failure: StoreError | None = None
        going = self._unnamed(name, listed)
        # However long the listing took: who removes nothing gets nowhere.
        until = max(self._until, time.monotonic() + ROUND_S / 2)
        for one, seen in going.items():
            if time.monotonic() > until:
                if not seen:
                    break
                raise _Unfinished
            try:
                self._store.remove(one)
                self.removed += 1
            except StoreError as error:
                # One file that cannot be removed does not keep the others.
                failure = error
        if failure is not None:
            raise failure

    def _unnamed(self, note: str, listed: Sequence[str]) -> dict[str, bool]:
        """Files and folders that go, and whether they were listed: others are looked for while there is time."""
        video = _OF_VIDEO.match(note)
        if video is None:
            return dict.fromkeys(listed, True)
        job_id, video_id = int(video[1]), int(video[2])
        lost, named = retrying(
            self._url, lambda db: (stored_files.lost_attempts(db, video_id), stored_files.names_of_ended(db, video_id))
        )
        if named is None:
            # It is being done again: its end owes the same note anew.
            return {}
        tried = [
            attempt_folder(job_id, video_id, index, attempt) for index, last in lost for attempt in range(1, last + 1)
        ]
        return _going(listed, [folder for folder in tried if folder.startswith(note)], named)


def _work_off(url: str, owed: Sequence[tuple[int, str]]) -> int:
    if not owed:
        return 0
    cleared: list[int] = []
    failed: list[int] = []
    going = _Round(url)
    for number, name in owed:
        if going.over or len(failed) == MAX_FAILED:
            break
        try:
            going.clear(name)
        except StoreError as error:
            log.warning("%s could not be removed yet: %s", name, error)
            failed.append(number)
            continue
        except _Unfinished:
            break
        except DashplateError as problem:
            # No name that this store could have given: waiting would not help.
            log.error("%s is not removed: %s", name, problem)
        cleared.append(number)
    if cleared:
        retrying(url, lambda db: stored_files.deleted(db, cleared))
    if failed:
        retrying(url, lambda db: stored_files.put_off(db, failed))
    return going.removed + len(cleared)


def _going(listed: Sequence[str], tried: Sequence[str], named: Collection[str]) -> dict[str, bool]:
    """What was listed and is not named, then what was tried; an attempt of which nothing is named as its folder."""
    kept = {_folder(name) for name in named}
    going: dict[str, bool] = {}
    for name in listed:
        if name not in named:
            folder = _folder(name)
            whole = folder not in kept and _OF_ATTEMPT.fullmatch(folder)
            going[folder if whole else name] = True
    for folder in tried:
        if folder not in kept:
            going.setdefault(folder, False)
    return going


def _folder(name: str) -> str:
    return name[: name.rfind("/") + 1]
