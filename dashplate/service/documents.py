"""What the service tells of photographs, jobs, videos and sightings: the shapes of its JSON.

The service answers with these and the client reads into them, so this module imports neither FastAPI nor SQLAlchemy.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

from pydantic import BaseModel, Field

from db.states import JobState, Priority, VideoState
from pipeline.formats import load_formats
from pipeline.formats.confusions import unsure_between
from pipeline.records import MediaKind, RecordedFrom

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

T = TypeVar("T")

Box = Annotated[
    list[float],
    Field(
        min_length=4, max_length=4, description="x1, y1, x2, y2 in pixels of the picture.", examples=[[10, 20, 110, 45]]
    ),
]
Share = Annotated[float, Field(ge=0, le=1)]
ToldBy = Annotated[
    RecordedFrom | None,
    Field(
        description="What says when: `given` (a person), `gps`, `embedded` (the camera's metadata), `sidecar` (a file"
        " beside the video), `filename`, `overlay` (the clock on screen), `container`; or `file`, when it was last"
        " written, less its length, which is later for a copy. Null where nothing does."
    ),
]

ClockZone = Annotated[str | None, Field(description="The zone of that clock, as `+02:00`; null where none is known.")]


class CharacterRead(BaseModel):
    char: str = Field(description="A character of the text, or `·` for a letter of a script that is not read.")
    confidence: Share


class TextRead(BaseModel):
    text: str
    confidence: Share


class RegionTold(BaseModel):
    name: str = Field(examples=["California"])
    confidence: Share


# A service of before tells none.
Regions = Annotated[
    list[RegionTold],
    Field(description="The country's states or provinces that may have issued it, by its form, the likeliest first."),
]


class LookAlikeRead(BaseModel):
    """What a plate may say in one place instead."""

    place: int = Field(description="Among `characters`, from 1.")
    char: str
    confidence: Share = Field(description="Of the whole text with it.")


UnsureBetween = Annotated[
    LookAlikeRead | None,
    Field(description="How the likeliest runner-up differs, where that is in one look-alike and it holds .05 or more."),
]


class PlateRead(BaseModel):
    """A plate that was found and read."""

    text: str = Field(examples=["GV5679"])
    shown: str = Field(
        description="The text, `?` for what is less than half sure, `·` for foreign letters.", examples=["GV56?9"]
    )
    country: str | None = Field(description="The country that text and looks of the plate tell.", examples=["HK"])
    country_confidence: Share | None = Field(None, description="That it is of that country, if the text is right.")
    regions: Regions = []
    confidence: Share
    box: Box
    detection_confidence: Share
    characters: list[CharacterRead]
    alternatives: list[TextRead] = Field(description="Runner-up texts, the likeliest first.")
    unsure_between: UnsureBetween = None


class PlateUnread(BaseModel):
    """A plate that was found and shows nothing legible."""

    box: Box
    detection_confidence: Share


class PhotoRead(BaseModel):
    """What a photograph shows."""

    image: str = Field(description="The file's name, as it was sent.", examples=["car.jpg"])
    width: int
    height: int
    plates: list[PlateRead]
    unread: list[PlateUnread]
    ms: float = Field(description="Milliseconds of finding and reading.")
    drawn: str | None = Field(None, description="The picture with boxes and texts, JPEG in base64, where asked for.")


class Page(BaseModel, Generic[T]):
    """Some of many."""

    items: list[T]
    next: str | None = Field(description="The `cursor` of the next page; null where there is none.")

    @classmethod
    def of(cls, items: list[T], most: int, number: Callable[[T], int]) -> Page[T]:
        """A page of at most so many; a full one is followed by another, which begins behind its last item's number."""
        return cls(items=items, next=str(number(items[-1])) if len(items) == most else None)


class JobTold(BaseModel):
    """A submission, and how far it is."""

    job: int
    name: str
    state: JobState
    priority: Priority
    created_at: dt.datetime
    finished_at: dt.datetime | None
    videos: int
    videos_ended: int
    videos_with_problem: int
    segments: int
    segments_done: int
    segments_quarantined: int = Field(description="Given up; `retry` tries them again.")
    footage_s: float
    footage_done_s: float
    pace: float | None = Field(description="Seconds of footage done a second, of late; null once it has ended.")

    @classmethod
    def of(cls, row: RowMapping) -> JobTold:
        return cls.model_validate({**row, "pace": None if row["finished_at"] else row["pace"]})


class OtherClock(BaseModel):
    """What another clock says of when a recording began."""

    at: dt.datetime = Field(description="Without an offset where that clock knows no zone.")
    recorded_from: RecordedFrom
    error_s: float


class VideoTold(BaseModel):
    """A file of a job."""

    id: int
    job: int
    path: str
    kind: MediaKind | None
    state: VideoState
    problem: str | None = Field(description="A sentence about what is wrong with it.")
    width: int | None
    height: int | None
    duration_s: float | None
    segments: int
    segments_done: int
    segments_quarantined: int
    finished_at: dt.datetime | None
    # A service of before recording times tells none; so with sightings.
    recorded_at: dt.datetime | None = Field(
        None, description="When its recording began; the camera's local time written as UTC where `clock_zone` is null."
    )
    recorded_from: ToldBy = None
    clock_zone: ClockZone = None
    clock_error_s: float | None = Field(None, description="How far off it may be, zone aside.")
    clock_others: list[OtherClock] | None = Field(None, description="What other clocks say of it, the best first.")
    drive: int | None = Field(None, description="The drive that it is part of.")
    camera: str | None = Field(None, description="Which of a vehicle's cameras: front, rear, interior.")

    @classmethod
    def of(cls, row: RowMapping) -> VideoTold:
        others = row["clock_others"] and [{**one, "recorded_from": one["from"]} for one in row["clock_others"]]
        return cls.model_validate({**row, "clock_others": others})


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


class MakingState(StrEnum):
    """How far something is that is made when it is asked for."""

    WAITING = "waiting"
    MAKING = "making"
    MADE = "made"
    FAILED = "failed"


class AnnotatedTold(BaseModel):
    """A video with boxes and readings, and how far it is."""

    video: int
    state: MakingState
    share: Share = Field(description="How much of it is done.")
    size: int | None = Field(description="Bytes; null until it is made.")
    problem: str | None = Field(description="A sentence about why it could not be made.")


class Again(BaseModel):
    """What is tried again."""

    videos: int
    segments: int
