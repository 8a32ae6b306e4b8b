"""What is labelled: a frame with the plates that are known in it, each with its crop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import TypeAlias

from sqlalchemy import RowMapping

from pipeline.formats.confusions import folded
from pipeline.records import Box
from pipeline.video.image_size import picture_size
from store import DamagedFile, MissingFile

#: Gives a file of the result store by its name; raises MissingFile and DamagedFile.
Fetch: TypeAlias = Callable[[str], bytes]
#: One plate in so many is for measuring: what is trained on its other passings says nothing of it.
_FOLD = 5


@dataclass(frozen=True, slots=True)
class Picture:
    """A file of the result store."""

    data: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Label:
    """A sighting whose text is known: a person read it, or more than one crop says so."""

    sighting: int
    #: Empty where a person says that it is no plate.
    text: str
    country: str
    #: A person read it.
    corrected: bool
    #: What the machine read, and how sure it was, and the detector.
    read_as: str
    confidence: float
    detection_confidence: float
    #: In pixels of the frame.
    box: Box
    #: The picture of the plate with some margin, and where the plate is in it.
    crop: Picture | None
    crop_box: Box | None

    @property
    def is_plate(self) -> bool:
        return bool(self.text)

    @property
    def split(self) -> str:
        """`train`, or `dev` for measuring: the same for all sightings of a plate."""
        digest = sha256(folded(self.text or self.read_as).encode()).digest()
        return "dev" if digest[0] % _FOLD == 0 else "train"


@dataclass(frozen=True, slots=True)
class Sample:
    """A moment of a video with what is known of it; without its frame where that is gone."""

    #: `JOB-VIDEO-PTS`: begins the names of its files.
    name: str
    video: str
    frame: Picture | None
    labels: tuple[Label, ...]

    @property
    def split(self) -> str:
        """`dev` only where no plate in it is trained on elsewhere."""
        return "dev" if all(label.split == "dev" for label in self.labels) else "train"


def samples(rows: Iterable[RowMapping], fetch: Fetch) -> Iterator[Sample]:
    """The labelled moments of rows of `exported.labelled`: those of one frame are neighbours."""
    for (job, video_id, video, pts), some in groupby(rows, _moment):
        found = list(some)
        frame = next((row["frame"] for row in found if row["frame"] and row["frame_pts"] == pts), None)
        labels = tuple(_label(row, fetch) for row in found)
        yield Sample(f"{job}-{video_id}-{pts}", video, _picture(frame, fetch), labels)


def _moment(row: RowMapping) -> tuple[int, int, str, int]:
    return row["job"], row["video_id"], row["video"], row["best_pts"]


def _label(row: RowMapping, fetch: Fetch) -> Label:
    crop = _picture(row["crop"], fetch)
    inside = row["crop_plate"]
    said = row["corrected"] is not None
    return Label(
        sighting=row["sighting"],
        text=row["corrected"] if said else row["read_as"],
        country=row["country"] or "",
        corrected=said,
        read_as=row["read_as"],
        confidence=min(1.0, row["confidence"]),
        detection_confidence=min(1.0, row["detection_confidence"] or 0.0),
        box=_box(row),
        crop=crop,
        crop_box=Box(*inside).clipped(crop.width, crop.height) if crop and inside else None,
    )


def _box(row: RowMapping) -> Box:
    return Box(*(row[corner] for corner in ("x1", "y1", "x2", "y2")))


def _picture(name: str | None, fetch: Fetch) -> Picture | None:
    """None for what is gone."""
    if name is None:
        return None
    try:
        data = fetch(name)
    except (MissingFile, DamagedFile):
        return None
    size = picture_size(data)
    return None if size is None else Picture(data, *size)
