"""Drives as people look at them: what they hold, their way, and who passed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from db.findings import pages
from db.named_sql import statements
from db.where.area import Area, along
from db.where.tracks import track_of
from pipeline.camera.records import Track
from pipeline.camera.tracks.place import parts
from pipeline.errors import UsageError

_SQL = statements(Path(__file__).with_suffix(".sql"))
#: Clips of a drive that are looked at: a day and more of one-minute files of two cameras.
MOST_CLIPS = 4000
#: Sightings of one passing beside the one that is shown.
MOST_BESIDE = 50


@dataclass(frozen=True, slots=True)
class Passing:
    """A vehicle that passed once: its sightings by time, as rows of `plate_sightings`."""

    number: int
    #: When it was seen first, by the clock of its drive.
    began_at: dt.datetime
    sightings: tuple[RowMapping, ...]

    @property
    def best(self) -> RowMapping:
        """The surest sighting, which stands for it."""
        return max(self.sightings, key=lambda row: (row["confirmed"], row["confidence"], -row["sighting"]))


def drives(
    db: Session, most: int, before: tuple[dt.datetime, int] | None = None, job: int | None = None
) -> Sequence[RowMapping]:
    """Drives, the newest first, older than the one that began at a moment and has a number."""
    at, number = before or (None, None)
    return _rows(db, "drives", drive=None, job=job, before_at=at, before=number, most=most)


def drive(db: Session, number: int) -> RowMapping | None:
    """One of them."""
    found = _rows(db, "drives", drive=number, job=None, before_at=None, before=None, most=1)
    return found[0] if found else None


def clips(db: Session, number: int) -> Sequence[RowMapping]:
    """The videos of a drive in the order of recording."""
    return _rows(db, "clips", drive=number, most=MOST_CLIPS)


def passings(
    db: Session, number: int, most: int, after: tuple[dt.datetime, int] | None = None
) -> tuple[list[Passing], tuple[dt.datetime, int] | None]:
    """Passings of a drive by when they began, past the one that began at a moment and has a number; and past which the
    next page begins, None where there is none.

    A page may be short and not the last: between its numbers and its rows a video may be done again.
    """
    at, passing = after or (None, None)
    found = _rows(db, "passings", drive=number, after_at=at, after=passing, most=most)
    rows = pages.sightings_of(db, [sighting for one in found for sighting in one["sightings"]])
    row_of = {row["sighting"]: row for row in rows}
    told = (
        Passing(one["passing"], one["began_at"], tuple(row_of[s] for s in one["sightings"] if s in row_of))
        for one in found
    )
    following = (found[-1]["began_at"], found[-1]["passing"]) if len(found) == most else None
    return [one for one in told if one.sightings], following


def beside(db: Session, sighting: int) -> Sequence[RowMapping]:
    """The other sightings of a sighting's passing, of other clips and cameras."""
    found = db.execute(_SQL["beside"], {"sighting": sighting, "most": MOST_BESIDE}).scalars().all()
    return pages.sightings_of(db, found)


def located(db: Session, number: int, most: int) -> Sequence[RowMapping]:
    """The surest sighting of each passing that has a place."""
    return _rows(db, "located", drive=number, most=most)


def way(db: Session, number: int) -> list[Track]:
    """The tracks of a drive's clips, of one camera, since a vehicle's cameras record the same way."""
    found = db.execute(_SQL["way"], {"drive": number, "most": MOST_CLIPS}).scalars()
    return [track for track in (track_of(db, video) for video in found.all()) if track is not None]


def along_drive(db: Session, number: int, within_m: float) -> Area:
    """What lies within `within_m` of a drive's way; where no position is known it is taken for straight.

    Raises UsageError where there is no such drive, or nobody knows its way.
    """
    points = [(fix.lat, fix.lon) for track in way(db, number) for stretch in parts(track) for fix in stretch]
    if points:
        return along(points, within_m)
    if drive(db, number) is None:
        raise UsageError(f"There is no drive {number}. A drive whose videos are done again may have another number.")
    raise UsageError(f"No position is known of drive {number}.")


def _rows(db: Session, name: str, **values: Any) -> Sequence[RowMapping]:
    return db.execute(_SQL[name], values).mappings().all()
