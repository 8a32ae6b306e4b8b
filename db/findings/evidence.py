"""What is stored of a sighting, all of it: for those who have to show how it came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from db.named_sql import statements
from pipeline.formats.confusions import folded
from pipeline.job_options import JobOptions

_SQL = statements(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True)
class TrackletKept:
    """A tracklet of a sighting: its row and its reading, and the rows of its crops, best first."""

    row: RowMapping
    crops: Sequence[RowMapping]


@dataclass(frozen=True, slots=True)
class SightingKept:
    """A sighting: its row with video, job and frame, and its tracklets, as far as no redo has replaced them."""

    row: RowMapping
    options: JobOptions
    tracklets: tuple[TrackletKept, ...]


def of_plate(db: Session, plate: str, most: int) -> list[int]:
    """Numbers of the sightings of a plate as `typed` spells it, oldest first; O finds 0, and I finds 1.

    The machine or a person reads it there.
    """
    return list(db.execute(_SQL["of_plate"], {"key": folded(plate), "most": most}).scalars())


def kept(db: Session, sighting: int) -> SightingKept | None:
    """All that is stored of a sighting; None where there is none of that number."""
    row = db.execute(_SQL["sighting"], {"sighting": sighting}).mappings().one_or_none()
    if row is None:
        return None
    tracklets = db.execute(_SQL["readings"], {"sighting": sighting}).mappings().all()
    return SightingKept(row, JobOptions.from_json(row["options"]), tuple(_with_crops(db, one) for one in tracklets))


def _with_crops(db: Session, tracklet: RowMapping) -> TrackletKept:
    return TrackletKept(tracklet, db.execute(_SQL["crops"], {"tracklet": tracklet["id"]}).mappings().all())
