"""The records of the pipeline: every stage takes and returns these and nothing else.

Coordinates are pixels of the original frame as a person sees it (rotation applied): x right, y down,
half-open. Images are uint8 arrays of shape (height, width, 3) in BGR order. Times ending in `_s` are
seconds since the first frame of the video, derived from the stream's own presentation time stamps (`pts`).
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.sources.source import Source

if TYPE_CHECKING:
    from pipeline.camera.place import Place
    from pipeline.camera.records import Clock, Track

Image: TypeAlias = NDArray[np.uint8]


class MediaKind(enum.StrEnum):
    """What a submitted file turned out to be."""

    VIDEO = "video"
    PHOTO = "photo"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the original frame, half-open."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        shared = self.shared(other)
        return shared / (self.area + other.area - shared) if shared else 0.0

    def shared(self, other: Box) -> float:
        """Area in common, square pixels."""
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        height = min(self.y2, other.y2) - max(self.y1, other.y1)
        return max(0.0, width) * max(0.0, height)

    def grown(self, margin_x: float, margin_y: float) -> Box:
        """The box with a margin in pixels on each side; may leave the frame."""
        return Box(self.x1 - margin_x, self.y1 - margin_y, self.x2 + margin_x, self.y2 + margin_y)

    def shifted(self, dx: float, dy: float) -> Box:
        return Box(self.x1 + dx, self.y1 + dy, self.x2 + dx, self.y2 + dy)

    def clipped(self, width: int, height: int) -> Box:
        """The part of the box inside a frame of that size."""
        return Box(
            min(max(self.x1, 0.0), width),
            min(max(self.y1, 0.0), height),
            min(max(self.x2, 0.0), width),
            min(max(self.y2, 0.0), height),
        )

    def as_tuple(self) -> tuple[float, float, float, float]:
        return self.x1, self.y1, self.x2, self.y2


class RecordedFrom(enum.StrEnum):
    """What says when a file was recorded."""

    #: A person does, with `--clock`.
    GIVEN = "given"
    #: The satellites do, by the camera's track.
    GPS = "gps"
    #: The camera's own metadata do, beside the pictures.
    EMBEDDED = "embedded"
    #: A file beside the video does.
    SIDECAR = "sidecar"
    #: Its name does.
    FILENAME = "filename"
    #: The clock on screen does.
    OVERLAY = "overlay"
    #: The container names the time.
    CONTAINER = "container"
    #: The file system or storage does: when the file was last written, less its length. A copy may be newer.
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Recorded:
    """When a recording began, as far as its file says."""

    #: In UTC; a camera that knows no time zone writes its local time for it.
    at: dt.datetime
    told_by: RecordedFrom


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What the probe learnt of one file without decoding it all."""

    path: Source
    kind: MediaKind
    #: Size of the frame as shown, rotation applied.
    width: int
    height: int
    #: Degrees that `pipeline.video.probe` turns each frame by, counter-clockwise: 0, 90, 180 or 270.
    rotation: int
    codec: str
    #: Seconds per pts tick.
    time_base: Fraction
    #: pts of the first frame; all `_s` times count from it.
    start_pts: int
    #: pts just after the last frame that the packets announce.
    end_pts: int
    #: Frames a second, on average; 0 for a photograph.
    frame_rate: float
    #: pts of the keyframes, ascending. Empty where the stream carries no usable time stamps: frames are then counted,
    #: `time_base` is one frame, and the file is one span. The first may lie before `start_pts` (edit lists).
    keyframes: tuple[int, ...]
    #: Packets of the video stream.
    frames: int
    #: Set where the container already shows damage: the sentence a user reads.
    problem: str | None = None
    #: The recording was never finished: its index was rebuilt from its pictures, and its times come from their rate.
    recovered: bool = False
    #: Places where a clock, a logo or a speed stands still on screen; what is found there is no plate.
    overlays: tuple[Box, ...] = ()
    #: None where nothing says when it was recorded.
    recorded: Recorded | None = None
    #: Who made the camera and which one it is, where the file says so.
    make: str | None = None
    model: str | None = None
    #: Which of a vehicle's cameras: front, rear, interior.
    camera: str | None = None
    #: When it was recorded, with what disagrees; None where nothing says so.
    clock: Clock | None = None
    #: Where the camera was meanwhile.
    track: Track | None = None

    def seconds(self, pts: int) -> float:
        """pts as seconds since the first frame."""
        return float((pts - self.start_pts) * self.time_base)

    @property
    def duration_s(self) -> float:
        return self.seconds(self.end_pts)


@dataclass(frozen=True, slots=True)
class SegmentSpan:
    """A contiguous segment of one video, `[start_pts, end_pts)`, that starts at a keyframe."""

    index: int
    start_pts: int
    end_pts: int


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded frame, upright."""

    pts: int
    time_s: float
    image: Image


@dataclass(frozen=True, slots=True)
class Detection:
    """One plate box found in one frame."""

    box: Box
    #: The detector's score, 0 to 1.
    confidence: float


@dataclass(frozen=True, slots=True)
class Observation:
    """A detection at its time."""

    pts: int
    time_s: float
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """The picture of one observation: the plate with a margin around it, cut from the original frame."""

    observation: Observation
    #: Where the plate's box lies inside `image`, in pixels of `image`.
    plate: Box
    #: Sharpness, size, frontality and exposure in one number; larger is better.
    quality: float
    image: Image


@dataclass(frozen=True, slots=True)
class Tracklet:
    """One plate followed inside one segment."""

    #: Position in the segment, by first appearance.
    index: int
    observations: tuple[Observation, ...]
    #: The crops worth reading, best first.
    crops: tuple[Crop, ...] = field(default=(), compare=False)

    @property
    def first(self) -> Observation:
        return self.observations[0]

    @property
    def last(self) -> Observation:
        return self.observations[-1]


@dataclass(frozen=True, slots=True)
class Character:
    """One position of a reading."""

    char: str
    #: Probability that this position shows `char`, 0 to 1.
    confidence: float


#: A character less sure than this counts as not recognised.
UNSURE_BELOW = 0.5
#: What stands among characters, and never in a text, for a letter of a script that the reader does not know.
FOREIGN = "·"


def shown(characters: Sequence[Character]) -> str:
    """The text with `?` where a character is less than half sure, and `·` for each letter of an unknown script."""
    return "".join(c.char if c.confidence >= UNSURE_BELOW else "?" for c in characters)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that the pixels may show, with its share of the probability."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader believes a tracklet, or a photograph's plate, says."""

    text: str
    confidence: float
    #: Those of the text, and `FOREIGN` where the plate carries a letter that cannot be read.
    characters: tuple[Character, ...]
    #: Runner-up texts, likeliest first; the text itself is not among them.
    alternatives: tuple[Candidate, ...]
    #: ISO 3166 code of the country that its text and looks tell, or None where they tell none that was asked for.
    country: str | None
    #: Crops whose own best text agrees with `text` within one edit.
    reads: int
    #: Crops that were read.
    crops: int
    #: Position in the tracklet's crops of the one that supports `text` best: the evidence.
    best_crop: int
    #: Probability that the plate is of `country`, if the text is right; None without one, and in what was stored before
    #: revision 0014.
    country_confidence: float | None = None

    @property
    def shown(self) -> str:
        return shown(self.characters)

    @property
    def confidences(self) -> tuple[float, ...]:
        """Those of the text's characters."""
        return tuple(c.confidence for c in self.characters if c.char != FOREIGN)


@dataclass(frozen=True, slots=True)
class ReadTracklet:
    """A tracklet with its reading, as the aggregator takes it: no pixels, only where they are kept."""

    segment: int
    index: int
    first: Observation
    last: Observation
    #: How many frames it was seen on.
    seen: int
    #: The observation behind `reading.best_crop`.
    best: Observation
    #: Name of the evidence crop in the result store, or None where none is kept.
    crop: str | None
    reading: Reading


@dataclass(frozen=True, slots=True)
class Sighting:
    """One vehicle passing once, stitched over segments."""

    #: Position in the video, by first appearance.
    index: int
    text: str
    country: str | None
    confidence: float
    characters: tuple[Character, ...]
    alternatives: tuple[Candidate, ...]
    first: Observation
    last: Observation
    best: Observation
    crop: str | None
    #: Crops that agree with `text`, over all its tracklets.
    reads: int
    #: False marks a `single read`: only one crop says so.
    confirmed: bool
    #: (segment, tracklet) pairs it was stitched from.
    tracklets: tuple[tuple[int, int], ...]
    #: Probability that the plate is of `country`, if the text is right; None without one.
    country_confidence: float | None = None
    #: Where the camera was at `best`, by its track; None where that does not say.
    place: Place | None = None
    #: How the vehicle moved against the camera's; None where the picture does not say.
    movement: str | None = None

    @property
    def shown(self) -> str:
        return shown(self.characters)

    @property
    def first_s(self) -> float:
        return self.first.time_s

    @property
    def last_s(self) -> float:
        return self.last.time_s

    @property
    def best_s(self) -> float:
        """When the frame was that it was read from."""
        return self.best.time_s

    @property
    def box(self) -> Box:
        """Where the plate is in that frame."""
        return self.best.box
