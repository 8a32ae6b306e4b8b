"""Sightings, what searches find of them, and unique plates."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from dashplate.service.documents.jobs import ClockZone, Page, ToldBy
from dashplate.service.documents.readings import (
    Box,
    CharacterRead,
    LookAlikeRead,
    Regions,
    RegionTold,
    Share,
    TextRead,
    UnsureBetween,
)
from pipeline.formats import load_formats
from pipeline.formats.confusions import unsure_between

if TYPE_CHECKING:
    from sqlalchemy import RowMapping


class SightingTold(BaseModel):
    """One vehicle passing once in one video."""

    id: int
    job: int
    video: int
    path: str
    plate: str
    read_as: str = Field(description="What this sighting was read as; `plate` may differ in O and 0, I and 1.")
    shown: str = Field(description="The text, `?` for what is less than half sure, `·` for foreign letters.")
    country: str | None
    regions: Regions = []
    confidence: Share
    confirmed: bool = Field(description="False marks a single read.")
    first_s: float
    last_s: float
    best_s: float = Field(description="When the frame was that it was read from; seconds from the video's first frame.")
    box: Box
    characters: list[CharacterRead]
    alternatives: list[TextRead]
    unsure_between: UnsureBetween = None
    # A service of before corrections tells none.
    corrected: str | None = Field(
        None, description="What a person reads there; empty where that is no plate, null where nobody has corrected it."
    )
    corrected_by: str | None = None
    corrected_at: dt.datetime | None = None
    recorded_at: dt.datetime | None = Field(
        None,
        description="When the frame was recorded that it was read from; the camera's local time written as UTC where"
        " `clock_zone` is null.",
    )
    recorded_from: ToldBy = None
    first_seen_at: dt.datetime | None = Field(
        None, description="By the video's clock; the camera's local time written as UTC where `clock_zone` is null."
    )
    last_seen_at: dt.datetime | None = None
    clock_zone: ClockZone = None
    clock_error_s: float | None = Field(None, description="How far off it may be, zone aside.")
    lat: float | None = Field(None, description="Where the camera was, by its track, WGS 84.")
    lon: float | None = None
    bearing_deg: float | None = Field(None, description="Which way it moved, clockwise from north.")
    speed_mps: float | None = None
    place_error_m: float | None = Field(None, description="How far off the place may be.")
    movement: str | None = Field(None, description="How the vehicle moved against the camera's.")
    passing: int | None = Field(
        None, description="Equal for sightings of one passing, over clips and cameras; known soon after the end."
    )
    drive: int | None = Field(None, description="The drive of its video; known soon after the end.")
    camera: str | None = Field(None, description="Which of a vehicle's cameras: front, rear, interior.")
    country_confidence: Share | None = Field(None, description="That it is of that country, if the text is right.")
    place: str | None = Field(None, description="The named place that it was in.")
    crop: str | None = Field(description="Where its picture is.", examples=["/v1/sightings/7/crop"])
    frame: str | None = Field(description="Where the whole frame is.", examples=["/v1/sightings/7/frame"])

    @classmethod
    def of(cls, row: RowMapping) -> SightingTold:
        at = f"/v1/sightings/{row['sighting']}"
        characters = [CharacterRead(char=c["char"], confidence=min(1.0, c["confidence"])) for c in row["characters"]]
        runners_up = _runners_up(row["alternatives"])
        unsure = unsure_between(characters, runners_up)
        regions = load_formats().regions(row["read_as"], row["country"])
        return cls(
            id=row["sighting"],
            job=row["job"],
            video=row["video_id"],
            path=row["video"],
            plate=row["plate"],
            read_as=row["read_as"],
            shown=row["shown"],
            country=row["country"],
            regions=[RegionTold(name=name, confidence=min(1.0, share)) for name, share in regions.items()],
            confidence=min(1.0, row["confidence"]),
            confirmed=row["confirmed"],
            first_s=row["first_s"],
            last_s=row["last_s"],
            best_s=row["best_s"],
            box=[row["x1"], row["y1"], row["x2"], row["y2"]],
            characters=characters,
            alternatives=runners_up,
            unsure_between=unsure and LookAlikeRead.model_validate(unsure._asdict()),
            corrected=row["corrected"],
            corrected_by=row["corrected_by"],
            corrected_at=row["corrected_at"],
            recorded_at=row["recorded_at"],
            recorded_from=row["recorded_from"],
            **{name: row[name] for name in _WHEN_AND_WHERE},
            crop=f"{at}/crop" if row["crop"] else None,
            frame=f"{at}/frame" if row["frame"] else None,
        )


#: Columns of `plate_sightings` that are told as they are.
_WHEN_AND_WHERE = (
    "first_seen_at", "last_seen_at", "clock_zone", "clock_error_s", "lat", "lon", "bearing_deg", "speed_mps",
    "place_error_m", "movement", "passing", "drive", "camera", "country_confidence", "place",
)  # fmt: skip


def _runners_up(stored: object) -> list[TextRead]:
    """Runners-up as they are stored; whoever loads rows with SQL may have stored what is none."""
    entries = [one for one in stored if isinstance(one, dict)] if isinstance(stored, list) else []
    return [
        TextRead(text=one["text"], confidence=min(1.0, one["confidence"]))
        for one in entries
        if isinstance(one.get("text"), str)
        and isinstance(one.get("confidence"), int | float)
        and one["confidence"] >= 0
    ]


class FoundSighting(SightingTold):
    """A sighting that may be the plate that was searched for."""

    said: str = Field(description="The text of it that fits.")
    winner: bool = Field(description="Whether it was read as that; else that is one of its runners-up.")
    share: Share = Field(description="How sure the text that fits is.")
    distance: float = Field(description="How unlike it is: 0.3 for each look-alike, 1 for any other character.")

    @classmethod
    def found(cls, row: RowMapping, said: str) -> FoundSighting:
        fits = {"said": said, "winner": row["winner"], "share": min(1.0, row["share"]), "distance": row["distance"]}
        return cls(**SightingTold.of(row).model_dump(), **fits)


class FoundPage(Page[FoundSighting]):
    """What was found, a page of it."""

    complete: bool = Field(description="False while something that was just stored is not searchable yet.")


class PlateTold(BaseModel):
    """A unique plate, over all jobs."""

    plate: str
    country: str | None
    sightings: int
    videos: int
    confidence: Share
    confirmed: bool
    corrected: list[str] | None = Field(
        None,
        description="What people read in its sightings; an empty text where that is no plate, null where nobody did.",
    )
