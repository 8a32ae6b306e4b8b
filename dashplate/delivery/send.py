"""The command `send`: every sighting of a job to a program of others."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping, select

from dashplate import jobs
from dashplate.bring_up import database
from dashplate.commands.privacy import note
from dashplate.delivery.alpr_database import AlprDatabase, Delivered, NotDelivered, plate_read
from dashplate.delivery.pictures import picture_of
from dashplate.show import many
from db.engine import session
from db.findings import pages
from db.models import Job, Video
from output import terminal
from pipeline.errors import DashplateError, UsageError
from pipeline.job_options import JobOptions

#: Sightings that are asked for at a time; each page is put on record.
_PAGE = 200
#: Failures in a row after which the receiver counts as gone.
_MOST_FAILURES = 5


@dataclass(slots=True)
class Count:
    """What became of a job's sightings."""

    delivered: Counter[Delivered] = field(default_factory=Counter)
    failed: int = 0
    in_a_row: int = 0
    without_picture: int = 0
    #: Left out: a person says so.
    no_plate: int = 0


def send_job(job: int, to: str, key_file: Path | None, camera: str | None, data: Path | None) -> int:
    """Send every sighting of a job to an ALPR-Database, and say what became of them; 1 where any failed.

    Raises UsageError without a key, for an address that cannot be meant, and for a job that stores hashes.
    """
    with closing(AlprDatabase(to, _key(key_file))) as receiver, database(data) as config:
        url = config.require_database()
        with session(url) as db:
            progress = jobs.progress_of(db, job)
            if JobOptions.from_json(db.get_one(Job, job).options).hashed:
                raise UsageError(f"Job {job} stores its plates as keyed hashes; there is no plate to send.")
        count = Count()
        try:
            for read in _reads(url, job, receiver.address, camera or progress["name"], count):
                _deliver(receiver, read, count)
        finally:
            _tell(count)
    if progress["finished_at"] is None:
        terminal.complain(f"Job {job} has not ended. Send it again once it has; what is known is left as it is.")
    return int(count.failed > 0)


def _key(file: Path | None) -> str:
    """The receiver's key, from a file or the environment: arguments can be seen by all users of the machine."""
    if file is not None:
        try:
            return file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise UsageError(f"The API key cannot be read from {file}: {why}.") from None
    key = os.environ.get("DASHPLATE_SEND_KEY", "").strip()
    if not key:
        raise UsageError("Give ALPR-Database's API key: --api-key-file FILE, or the variable DASHPLATE_SEND_KEY.")
    return key


def _reads(url: str, job: int, to: str, camera: str, count: Count) -> Iterator[dict[str, Any]]:
    """The job's sightings as the receiver takes them, in the order in which they came in."""
    last: int | None = 0
    while last is not None:
        with session(url) as db:
            rows, last = pages.sightings(db, job, last, _PAGE)
            note(db, "send", f"job {job} to {to}", len(rows))
            ids = {row["video_id"] for row in rows}
            videos = db.execute(select(Video.id, Video.created_at).where(Video.id.in_(ids)))
            submitted = {video.id: video.created_at for video in videos}
        for row in rows:
            if row["corrected"] == "":
                count.no_plate += 1
                continue
            yield plate_read(row, camera, submitted[row["video_id"]], _picture(row, count))


def _picture(row: RowMapping, count: Count) -> bytes | None:
    jpeg = picture_of(row)
    count.without_picture += jpeg is None
    return jpeg


def _deliver(receiver: AlprDatabase, read: dict[str, Any], count: Count) -> None:
    """Raises DashplateError where nothing more is to be tried."""
    try:
        count.delivered[receiver.deliver(read)] += 1
        count.in_a_row = 0
    except NotDelivered as error:
        count.failed += 1
        count.in_a_row += 1
        terminal.complain(f"A sighting was not taken: {error}")
        if count.in_a_row >= _MOST_FAILURES:
            raise DashplateError(
                f"{_MOST_FAILURES} sightings in a row were not taken; the others were not tried. Send the job again"
                " later: what is known is left as it is."
            ) from error


def _tell(count: Count) -> None:
    new, known = count.delivered[Delivered.NEW], count.delivered[Delivered.KNOWN]
    print(f"{new} new, {known} known, {count.failed} failed.")
    if count.no_plate:
        terminal.say(f"{many(count.no_plate, 'sighting')} left out: a person says that it is no plate.")
    if count.without_picture:
        terminal.say(f"{count.without_picture} had no picture: none is kept, or it is gone from the result store.")
