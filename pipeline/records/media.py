"""A submitted file: what it is, when it was recorded, and its segments."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.records.seen import Box
from pipeline.sources.source import Source

if TYPE_CHECKING:
    from pipeline.camera.records import Clock, Track


class MediaKind(enum.StrEnum):
    """What a submitted file turned out to be."""

    VIDEO = "video"
    PHOTO = "photo"


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
