"""Watches a folder or an address: takes in each file that arrives, once it has stopped growing."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from dashplate import jobs, show
from dashplate.bring_up import database
from db.engine import retrying
from db.jobs.open_lock import OpenLock
from db.jobs.submit import add_videos
from output import terminal
from pipeline.errors import DashplateError, Inaccessible, UsageError
from pipeline.job_options import JobOptions
from pipeline.sources.expand import check_allowed, expand
from pipeline.sources.object_versions import version
from pipeline.sources.remote import describe
from pipeline.sources.source import Remote, Source, shown, source_of
from workers.settings import settings


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what."""

    #: A file that has not changed for so many seconds is complete.
    settle_s: float
    #: Between two looks, seconds.
    every_s: float
    #: Stop when nothing has come for so many seconds; None goes on until a signal comes.
    until_idle_s: float | None


#: Ctrl-C, `kill` and the system, a terminal that goes.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Arrivals:
    """Tells which files are new and complete; knows nothing of jobs."""

    def __init__(self, settle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._settle_s = settle_s
        self._clock = clock
        #: What each file looked like, and since when.
        self._waiting: dict[Source, tuple[Hashable, float]] = {}
        self._taken: dict[Source, Hashable] = {}

    def look(self, sources: Iterable[Source]) -> list[Source]:
        """The files that have looked the same for long enough since earlier calls, each once for each look of it.

        One that has changed after it was taken is taken again once it rests: it is another file now. On the web a new
        version needs a new name.
        """
        now = self._clock()
        there: dict[Source, tuple[Hashable, float]] = {}
        for source in sources:
            if source in self._taken and isinstance(source, Remote) and source.details is None:
                # A listing on the web says names alone: every file would have to be asked for, again and again.
                continue
            looks = signature(source)
            if looks is None or self._taken.get(source) == looks:
                continue
            before = self._waiting.get(source)
            there[source] = before if before is not None and before[0] == looks else (looks, now)
        rested = [source for source, (_, since) in there.items() if now - since >= self._settle_s]
        for source in rested:
            self._taken[source] = there.pop(source)[0]
        self._waiting = there
        return rested

    @property
    def waiting(self) -> int:
        """Files that are there and still have to rest."""
        return len(self._waiting)


def signature(source: Source) -> Hashable | None:
    """What changes when a file grows: its size and time, or what its store says of it; None where it is gone."""
    try:
        if isinstance(source, Remote):
            details = describe(source) if source.details is None else source.details
            return details.get("size"), version(details)
        status = os.stat(source)
    except (DashplateError, OSError):
        return None
    return status.st_size, status.st_mtime_ns


def watch_folder(
    where: str, options: JobOptions, about: jobs.Submission, job: int | None, patience: Patience, data: Path | None
) -> None:
    """Keep a job open and add what arrives below `where`, until a signal comes or nothing more does.

    Prints the job's id on standard output, and what arrives on standard error. Raises UsageError where there is nothing
    to watch.
    """
    if options.clock is not None:
        raise UsageError("A clock says when one recording began, and a folder holds many. Leave --clock out.")
    folder = source_of(where)
    if isinstance(folder, Path):
        folder = Path(os.path.abspath(folder.expanduser()))
        if not os.path.isdir(folder):
            raise UsageError(f"{shown(folder)} is no folder; name one that is there.")
    try:
        check_allowed(folder, settings().roots)
    except Inaccessible as problem:
        # It would be waited for in vain.
        raise UsageError(str(problem)) from problem
    with database(data) as config, _until_signal() as stop, ExitStack() as held:
        url = config.require_database()
        job_id = jobs.job_for(url, folder, options, about, job)
        holder = held.enter_context(OpenLock(url, job_id))
        print(job_id, flush=True)
        arrivals = Arrivals(patience.settle_s)
        taken, last, there = 0, time.monotonic(), True
        while not stop.is_set():
            # Days pass, and with them restarts of the database; while it is away, files still come to rest.
            with suppress(SQLAlchemyError):
                holder.keep(deadline_s=0.0)
            listed = _listing(folder)
            if listed is None and there:
                _say(f"{shown(folder)} cannot be looked at now; waiting for it.")
            there = listed is not None
            fresh = arrivals.look(listed or ())
            if fresh:
                taken += _take_in(url, job_id, fresh)
            # A share that is away for an hour does not mean that nothing more comes.
            if fresh or arrivals.waiting or not there:
                last = time.monotonic()
            elif patience.until_idle_s is not None and time.monotonic() - last >= patience.until_idle_s:
                break
            stop.wait(patience.every_s)
        closed = holder.leave()
    then = " and is closed; it finishes by itself." if closed else "; another command still adds to it and closes it."
    _say(f"Job {job_id} took in {show.many(taken, 'file')}{then}")


def _listing(folder: Source) -> Sequence[Source] | None:
    """What lies below the folder now; None while it cannot be asked."""
    try:
        found = list(expand([folder] if isinstance(folder, Path) else [folder.url], settings().roots))
    except UsageError:
        return []
    except (DashplateError, OSError):
        return None
    # What cannot be looked into is given on as it is, for a `submit` to say so.
    return None if found == [folder] else found


def _take_in(url: str, job_id: int, sources: Sequence[Source]) -> int:
    """Register files and send them on; returns how many were new to the job."""
    new = 0
    for chunk in jobs.chunks(jobs.new_videos(sources)):
        new += retrying(url, partial(add_videos, job_id=job_id, videos=chunk))
    if new == len(sources):
        said = [f"took in {shown(source)}" for source in sources]
    else:
        said = [f"took in {new:,} of {show.many(len(sources), 'file')}; the same are in the job already"]
    for line in said:
        _say(line)
    try:
        jobs.send(job_id)
    except DashplateError as away:
        _say(str(away))
    return new


def _say(line: str) -> None:
    terminal.complain(line)


@contextmanager
def _until_signal() -> Iterator[threading.Event]:
    """An event that signals which ask for an end set, so that the job is closed in an orderly way."""
    stop = threading.Event()

    def leave(number: int, frame: FrameType | None) -> None:
        stop.set()

    before: dict[int, Any] = {number: signal.getsignal(number) for number in _ENDING}
    for number, handler in before.items():
        # What is ignored, under `nohup`, stays so.
        if handler is not signal.SIG_IGN:
            signal.signal(number, leave)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
