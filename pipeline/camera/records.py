"""The nouns of this room: fixes and tracks, and what is said of a recording's clock."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pipeline.records import RecordedFrom

#: No track has more: two days with a fix a second. What a file says beyond is left out.
MOST_FIXES = 200_000


@dataclass(frozen=True, slots=True)
class Fix:
    """A position of the camera at one moment."""

    #: WGS 84, degrees; north and east are positive.
    lat: float
    lon: float
    #: Seconds since the first frame; None where the format knows only the clock.
    offset_s: float | None = None
    #: The clock then: aware where the format says UTC or a zone, naive where it is the camera's local time. None where
    #: the format knows only `offset_s`.
    at: dt.datetime | None = None
    altitude_m: float | None = None
    speed_mps: float | None = None
    #: Degrees clockwise from north, 0 to 360.
    bearing_deg: float | None = None
    #: Why it is not believed, in a sentence; such a fix is kept and shown, and no place is told by it.
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """Where a camera was while it recorded."""

    #: In the order of time, those that are not believed among them.
    fixes: tuple[Fix, ...]
    #: The format that it was read from, such as `Novatek freeGPS`, as people know it.
    source: str
    #: Who made the camera, and which one it is, where the format says so.
    make: str | None = None
    model: str | None = None
    #: Whether it lay in a file beside the video.
    sidecar: bool = False
    #: What the camera's own metadata say of the first frame's moment, where they say it apart from the fixes: aware or
    #: naive as a fix's `at`. There may be one without any fix, as of a camera that saw no satellite.
    began_at: dt.datetime | None = None
    #: Whether its times say when the video began. Those of a log that was cut to the video by the video's own clock, or
    #: by its name, do not: they would only repeat it.
    tells_start: bool = True


@dataclass(frozen=True, slots=True)
class ClockClaim:
    """What one source says of the moment at which a recording began."""

    #: Aware where the zone is known; naive where it is a local time of who knows where.
    at: dt.datetime
    told_by: RecordedFrom
    #: How far off it may be, in seconds, zone aside.
    error_s: float


@dataclass(frozen=True, slots=True)
class Clock:
    """When a recording began: the best claim, and those that say otherwise."""

    start: ClockClaim
    #: The zone of `start`, as `+02:00` or a name of the tz database; None where none is known.
    zone: str | None
    #: What disagrees, beyond both errors, the best first.
    others: tuple[ClockClaim, ...] = ()
    #: What says the same, within both errors, the best first.
    agreed: tuple[ClockClaim, ...] = ()
    #: Sentences on what was concluded: a zone from two clocks, an hour that a zone has twice or not at all.
    notes: tuple[str, ...] = ()
