"""Jobs, their videos, and a page of any list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

from pydantic import BaseModel, Field

from dashplate.service.documents.readings import Share
from db.states import JobState, Priority, VideoState
from pipeline.records import MediaKind, RecordedFrom

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

T = TypeVar("T")

ToldBy = Annotated[
    RecordedFrom | None,
    Field(
        description="What says when: `given` (a person), `gps`, `embedded` (the camera's metadata), `sidecar` (a file"
        " beside the video), `filename`, `overlay` (the clock on screen), `container`; or `file`, when it was last"
        " written, less its length, which is later for a copy. Null where nothing does."
    ),
]

ClockZone = Annotated[str | None, Field(description="The zone of that clock, as `+02:00`; null where none is known.")]


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
