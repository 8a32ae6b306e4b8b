"""Places, drives and who passed on them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from dashplate.service.documents.jobs import ClockZone
from dashplate.service.documents.sightings import SightingTold
from db.states import VideoState

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from db.web.where.drives import Passing


class PlaceTold(BaseModel):
    """A circle that a person named."""

    name: str
    lat: float
    lon: float
    radius_m: float


class HeatCell(BaseModel):
    """How many sightings a cell of a map's grid holds."""

    lat: float = Field(description="Its southern side.")
    lon: float = Field(description="Its western side.")
    size: float = Field(description="Its sides, degrees.")
    sightings: int


class ConvoyTold(BaseModel):
    """A plate that keeps turning up."""

    plate: str
    drives: int
    days_seen: int
    passings: int
    first_seen_at: dt.datetime
    last_seen_at: dt.datetime
    apart_m: float = Field(description="How far apart the outermost places are where it was seen.")
    confirmed: bool


class DriveTold(BaseModel):
    """Videos of one vehicle's cameras that follow each other without a long pause."""

    drive: int = Field(description="Its number; a drive whose videos are done again may have another.")
    job: int
    began_at: dt.datetime = Field(
        description="By its videos' clock; local time written as UTC where `clock_zone` is null."
    )
    ended_at: dt.datetime
    clock_zone: ClockZone = None
    cameras: list[str] = Field(description="Such as front and rear, where their files' names tell.")
    clips: int = Field(description="Its videos.")
    length_m: float | None = Field(description="Of its way, as far as it is known; null where nothing is.")
    passings: int = Field(description="Vehicles that passed, each time they did.")

    @classmethod
    def of(cls, row: RowMapping) -> DriveTold:
        return cls.model_validate({**row, "drive": row["id"], "cameras": row["cameras"] or []})


class ClipTold(BaseModel):
    """A video of a drive."""

    video: int
    path: str
    camera: str | None
    state: VideoState
    began_at: dt.datetime = Field(description="By the clock of the drive.")
    duration_s: float | None
    sightings: int


class PassingTold(BaseModel):
    """A vehicle that passed once, over clips and cameras."""

    passing: int
    plate: str = Field(description="Of its surest sighting, which stands first.")
    country: str | None
    began_at: dt.datetime = Field(description="When it was seen first, by the clock of the drive.")
    confirmed: bool
    sightings: list[SightingTold]

    @classmethod
    def of(cls, passing: Passing) -> PassingTold:
        best = passing.best
        rows = sorted(passing.sightings, key=lambda row: row["sighting"] != best["sighting"])
        return cls(
            passing=passing.number,
            plate=best["plate"],
            country=best["country"],
            began_at=passing.began_at,
            confirmed=len(rows) > 1 or best["confirmed"],
            sightings=[SightingTold.of(row) for row in rows],
        )
