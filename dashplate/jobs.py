"""Submits files as a job, and follows a job until it has ended."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from db.engine import session
from db.findings import queries
from db.jobs import submit as submit_rows
from db.jobs import uploads
from db.jobs.open_lock import OpenLock, close_unless_held
from db.jobs.submit import NewVideo, add_videos, create_job, rename_job
from db.states import JobState, Priority
from pipeline.alerts import Alerts
from pipeline.camera.clock import clock_options
from pipeline.errors import DashplateError, ServiceUnavailable, UsageError
from pipeline.formats import parse_countries
from pipeline.job_options import JobOptions
from pipeline.reading.recognizers import engine_named
from pipeline.reading.recognizers.engines import require_files
from pipeline.sources.expand import fingerprints, stored
from pipeline.sources.source import Source, shown, source_of
from workers.dispatch import pump
from workers.hashed_jobs import submitted
from workers.settings import settings
from workers.telemetry import traces

#: How often a followed job is looked at.
POLL_S = 0.25
#: Files registered in one transaction: enough to be quick, few enough that the first are soon on their way.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Submission:
    """What is said of a job as a whole when it is made."""

    name: str | None = None
    #: The same key again goes on with the same job.
    key: str | None = None
    priority: Priority = Priority.NORMAL
    #: Delete what was found this many seconds after each video's end.
    retain_s: int | None = None


def job_options(
    country: str | None,
    keep_overlays: bool = False,
    reader: str | None = None,
    engine: str | None = None,
    evidence: bool = True,
    hashed: bool = False,
    alerts: Alerts = Alerts.RECENT,
    clock: str | None = None,
    timezone: str | None = None,
    clock_offset_s: float | None = None,
) -> JobOptions:
    """The options as a user types them; raises UsageError for one that cannot be meant."""
    if engine is not None:
        engine_named(engine)
    clock_options(clock, timezone, clock_offset_s)
    # A picture of a plate can be read.
    evidence = evidence and not hashed
    named = reader and _reader(reader, engine)
    return JobOptions(
        parse_countries(country), keep_overlays=keep_overlays, reader=named, reader_engine=engine,
        evidence=evidence, hashed=hashed, alerts=alerts, clock=clock, timezone=timezone, clock_offset_s=clock_offset_s,
    )  # fmt: skip


def _reader(value: str, engine: str | None) -> str:
    """A folder by its whole path, so that it means the same to a worker; a model's name as it is.

    Raises UsageError for a file or a folder that is not there, ModelError for one that is no model.
    """
    # os.path: pathlib raises for a home that does not exist, and for what no file can be called.
    path = Path(os.path.expanduser(value))
    if os.path.isdir(path):
        require_files(path, engine_named(engine or settings().reader_engine))
        return str(path.resolve())
    if len(path.parts) > 1 or os.path.exists(path):
        raise UsageError(f"The reader {value} is no folder. Name a PaddleOCR model's folder, or a model by its name.")
    return value


def submit(
    url: str,
    sources: Iterable[Source],
    options: JobOptions,
    about: Submission = Submission(),
    job_id: int | None = None,
    on_job: Callable[[int], None] = lambda job_id: None,
) -> int:
    """Register files in a new job, or in `job_id`, and send them on their way; returns the job's id.

    `on_job` hears the id before the files are registered. Interrupted, the job stays open, and submitting the same
    again to it, or under the same key, goes on: a file that is already in it is left alone.
    """
    coming, is_new, begun_ns, added = iter(sources), job_id is None, traces.now_ns(), 0
    # Before there is a job: words that mean nothing shall not leave an empty one.
    first = next(coming, None)
    if first is None:
        raise DashplateError("There is nothing to submit.")
    if options.clock is not None and (second := next(coming, None)) is not None:
        raise _many_clocks(second)
    job_id = job_for(url, first, options, about, job_id)
    with OpenLock(url, job_id) as holder:
        on_job(job_id)
        for number, chunk in enumerate(chunks(new_videos(chain([first], coming)))):
            holder.keep()
            with session(url) as db:
                added += add_videos(db, job_id, chunk)
            if number == 0:
                # A Redis that is away shall not keep the rest from being registered; the last `send` tells of it.
                with suppress(ServiceUnavailable):
                    send(job_id)
        name = None
        if is_new and about.name is None:
            with session(url) as db:
                # The same file under two names is one.
                name = _name_of(first, progress_of(db, job_id)["videos"])
        holder.leave(name)
    if begun_ns:
        with session(url) as db:
            count = progress_of(db, job_id)["videos"]
        traces.job_submitted(url, job_id, begun_ns, files=added, first=added == count)
    send(job_id)
    return job_id


def submit_at_once(
    url: str, sources: Iterable[Source], options: JobOptions, about: Submission, wanted: Sequence[str] = ()
) -> int:
    """Register files in a new job, or in the one of the same key, all or none; returns the job's id.

    For a caller who cannot be told of a job that is half there: where this breaks off, nothing is registered. All files
    are looked at before, so that the transaction is short. Raises like `submit`, and UsageError where an upload among
    the sources (`wanted`, by id) has gone meanwhile or is another job's; where Redis is away, the job goes out later.
    """
    begun_ns, videos = traces.now_ns(), list(new_videos(sources))
    if not videos:
        raise DashplateError("There is nothing to submit.")
    if options.clock is not None and len(videos) > 1:
        raise _many_clocks(source_of(videos[1].path))
    first = source_of(videos[0].path)
    with session(url) as db:
        held = uploads.hold(db, wanted)
        job_id = create_job(
            db, about.name or shown(first), submitted(options), key=about.key, priority=about.priority,
            retain_s=about.retain_s,
        )  # fmt: skip
        takes_files(db, job_id)
        _check_free(job_id, wanted, held)
        added = add_videos(db, job_id, videos)
        count = progress_of(db, job_id)["videos"]
        if about.name is None and added == count:
            rename_job(db, job_id, _name_of(first, count))
        # One whose files are all known by now, or that an interrupted command left open under this key.
        close_unless_held(db, job_id)
    traces.job_submitted(url, job_id, begun_ns, files=added, first=added == count)
    with suppress(ServiceUnavailable):
        send(job_id)
    return job_id


def _many_clocks(second: Source) -> UsageError:
    return UsageError(
        f"A clock says when one recording began, and {shown(second)} is a second one. Submit them one by one, or say by"
        " how much the camera's clock is off, with --clock-offset."
    )


def _check_free(job_id: int, wanted: Sequence[str], held: Mapping[str, RowMapping]) -> None:
    """Raises UsageError for an upload that is not there, or another job's."""
    for upload in wanted:
        if upload not in held:
            raise UsageError(f"Upload {upload} was deleted meanwhile. Upload it again.")
        other = held[upload]["job"]
        if other not in (None, job_id):
            raise UsageError(f"Upload {upload} belongs to job {other} already; `rerun` does that again.")


def job_for(url: str, first: Source, options: JobOptions, about: Submission, job_id: int | None) -> int:
    """A new open job, the one of the same key, or `job_id`; returns its id, for a `OpenLock` to keep open.

    Raises UsageError for one that is cancelled or not there, and for options given to one that has its own.
    """
    with session(url) as db:
        if job_id is None:
            job_id = create_job(
                db,
                about.name or shown(first),
                submitted(options),
                key=about.key,
                priority=about.priority,
                retain_s=about.retain_s,
                is_open=True,
            )
        else:
            keeps_its_options(job_id, options, about)
        takes_files(db, job_id)
    return job_id


def keeps_its_options(job_id: int, options: JobOptions, about: Submission) -> None:
    """Raises UsageError for options given to a job that has its own."""
    if options != JobOptions() or about != Submission():
        raise UsageError(f"Job {job_id} keeps the options that it was made with; leave them out to add to it.")


def takes_files(db: Session, job_id: int) -> None:
    """Raises UsageError for a job that is cancelled or not there."""
    submit_rows.takes_files(job_id, JobState(progress_of(db, job_id)["state"]))


def send(job_id: int) -> None:
    """Put what is due on the queues. Raises ServiceUnavailable where Redis is away or full: the job goes out later."""
    try:
        pump()
    except (BrokerError, RedisError) as error:
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        sentence = f"Redis takes no messages ({reason}). Job {job_id} is registered and goes out once it does."
        raise ServiceUnavailable(sentence) from error


def follow(
    url: str,
    job_id: int,
    on_change: Callable[[RowMapping, Sequence[RowMapping]], None],
    healthy: Callable[[], None] | None = None,
    since: int | None = None,
) -> RowMapping:
    """Wait for a job's end, calling `on_change(progress, fresh readings)` at each look; returns its last progress.

    Readings are fresh that came in after the one numbered `since`, or after this call. A cancelled job ends too.
    """
    with session(url) as db:
        seen = queries.newest_reading(db) if since is None else since
    while True:
        with session(url) as db:
            newest = queries.newest_reading(db)
            fresh = queries.fresh_readings(db, job_id, seen, newest)
            progress = progress_of(db, job_id)
        # Past other jobs' readings too: beside a fleet, theirs would be read again at each look.
        seen = newest
        on_change(progress, fresh)
        if progress["finished_at"] is not None:
            return progress
        if healthy is not None:
            healthy()
        time.sleep(POLL_S)


def progress_of(db: Session, job_id: int) -> RowMapping:
    """How far a job is; raises UsageError where there is none."""
    progress = queries.progress(db, job_id)
    if progress is None:
        raise UsageError(f"There is no job {job_id}; `dashplate status` lists them.")
    return progress


def chunks(videos: Iterable[NewVideo]) -> Iterator[list[NewVideo]]:
    """What is registered in one transaction each."""
    iterator = iter(videos)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def new_videos(sources: Iterable[Source]) -> Iterator[NewVideo]:
    """What is registered; a file that cannot be opened too: its state will say so."""
    for found in fingerprints(absolute(sources)):
        yield NewVideo(stored(found.source), found.fingerprint, found.former)


def absolute(sources: Iterable[Source]) -> Iterator[Source]:
    """The same, paths as workers in other folders mean them."""
    for source in sources:
        yield Path(os.path.abspath(os.path.expanduser(source))) if isinstance(source, Path) else source


def _name_of(first: Source, count: int) -> str:
    return shown(first) if count == 1 else f"{shown(first)} and {count - 1} more"
