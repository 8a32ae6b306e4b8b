"""Submits files as a job, and follows a job until it has ended."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy import RowMapping

from db import report
from db.engine import session
from db.outbox import post_probes
from db.submit import NewVideo, add_videos, create_job
from pipeline.errors import DashplateError, Inaccessible, ServiceUnavailable, UsageError
from pipeline.formats import load_formats
from pipeline.inputs import find_media, fingerprint
from pipeline.look import SAMPLE_FPS
from pipeline.recognizers import engine_named
from pipeline.recognizers.engines import require_files
from workers.dispatch import pump
from workers.settings import settings

#: How often a followed job is looked at.
POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class JobOptions:
    """What travels with a job and is stored with it."""

    countries: tuple[str, ...] = ()
    sample_fps: float = SAMPLE_FPS
    #: Look for plates in a clock, logo or speed on screen too.
    keep_overlays: bool = False
    #: A PaddleOCR model name or the path of a model folder, and what runs it; None leaves it to the workers' settings.
    reader: str | None = None
    reader_engine: str | None = None

    @property
    def folders(self) -> list[Path]:
        """Folders that workers must be allowed to read for it, beside those of the videos."""
        return [Path(self.reader)] if self.reader and Path(self.reader).is_absolute() else []

    def as_json(self) -> dict[str, Any]:
        return {
            "countries": list(self.countries),
            "sample_fps": self.sample_fps,
            "keep_overlays": self.keep_overlays,
            "reader": self.reader,
            "reader_engine": self.reader_engine,
        }


def job_options(
    country: str | None, keep_overlays: bool = False, reader: str | None = None, engine: str | None = None
) -> JobOptions:
    """The options as a user types them; raises UsageError for one that cannot be meant."""
    if engine is not None:
        engine_named(engine)
    return JobOptions(parse_countries(country), SAMPLE_FPS, keep_overlays, reader and _reader(reader, engine), engine)


def _reader(value: str, engine: str | None) -> str:
    """A folder by its whole path, so that it means the same to a worker; a model's name as it is.

    Raises UsageError for a file or a folder that is not there, ModelError for one that is no model.
    """
    # os.path: pathlib raises for a home that does not exist.
    path = Path(os.path.expanduser(value))
    if path.is_dir():
        require_files(path, engine_named(engine or settings().reader_engine))
        return str(path.resolve())
    if len(path.parts) > 1 or path.exists():
        raise UsageError(f"The reader {value} is no folder. Name a PaddleOCR model's folder, or a model by its name.")
    return value


def parse_countries(value: str | None) -> tuple[str, ...]:
    """`GB,fr` as codes; raises UsageError for a country without a format file."""
    codes = tuple(part.strip().upper() for part in (value or "").split(",") if part.strip())
    load_formats(codes or None)
    return codes


def submit(url: str, paths: Sequence[Path], name: str | None, options: JobOptions, job_id: int | None = None) -> int:
    """Register files in a new job, or in `job_id`, and send them on their way; returns the job's id."""
    files = find_media(paths)
    with session(url) as db:
        if job_id is None:
            job_id = create_job(db, name or _name_of(files), options.as_json())
        elif not report.jobs(db, job_id):
            raise UsageError(f"There is no job {job_id}; `dashplate status` lists them.")
        elif options != JobOptions():
            raise UsageError(f"Job {job_id} keeps the options that it was made with; leave them out to add to it.")
        add_videos(db, job_id, (_new_video(path) for path in files))
        post_probes(db, job_id)
    try:
        pump()
    except BrokerError as error:
        sentence = f"Redis does not answer. Job {job_id} is registered and goes out once it does."
        raise ServiceUnavailable(sentence) from error
    return job_id


def follow(
    url: str,
    job_id: int,
    on_change: Callable[[RowMapping, Sequence[RowMapping]], None],
    healthy: Callable[[], None] | None = None,
) -> RowMapping:
    """Wait for a job's end, calling `on_change(progress, fresh readings)` at each look; returns its last progress."""
    seen = 0
    while True:
        with session(url) as db:
            fresh = report.fresh_readings(db, job_id, seen)
            progress = progress_of(db, job_id)
        seen = fresh[-1]["id"] if fresh else seen
        on_change(progress, fresh)
        if progress["finished_at"] is not None:
            return progress
        if healthy is not None:
            healthy()
        time.sleep(POLL_S)


def progress_of(db: Any, job_id: int) -> RowMapping:
    """A job's `job_progress` row; raises UsageError where there is none."""
    rows = report.jobs(db, job_id)
    if not rows:
        raise UsageError(f"There is no job {job_id}; `dashplate status` lists them.")
    return rows[0]


def _new_video(path: Path) -> NewVideo:
    """A file that cannot be opened is registered all the same: its state will say so."""
    resolved = Path(os.path.expanduser(path)).resolve()
    try:
        return NewVideo(_storable(resolved), fingerprint(resolved))
    except (Inaccessible, OSError):
        return NewVideo(_storable(resolved), f"path:{_storable(resolved)}")


def _storable(path: Path) -> str:
    """The path as text; bytes that are no UTF-8, as old memory cards have them in names, are spelled out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _name_of(files: Sequence[Path]) -> str:
    if not files:
        raise DashplateError("There is nothing to submit.")
    first = _storable(Path(files[0].name))
    return first if len(files) == 1 else f"{first} and {len(files) - 1} more"
