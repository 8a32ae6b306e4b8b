"""The track of a video's camera as maps draw it: in lines that are parted where nobody knows the way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from dashplate.export.rows import SightingLine
from pipeline.camera.clock.zones import in_zone
from pipeline.camera.records import Fix
from pipeline.camera.timing import believed_parts, moments_s


@dataclass(frozen=True, slots=True)
class CameraTrack:
    """Where the camera of a video was, with what is known of the video."""

    video: str
    #: `front`, `rear` or `interior`; empty where nothing says so.
    camera: str
    drive: int | None
    #: The format that it was read from.
    source: str
    #: When the first frame was recorded, aware, and the clock's zone, as `videos` has them.
    recorded_at: dt.datetime | None
    clock_zone: str | None
    fixes: tuple[Fix, ...]

    @property
    def name(self) -> str:
        """The video's file name."""
        return PurePath(self.video).name or self.video

    def lines(self) -> list[list[Fix]]:
        """The believed fixes, parted at gaps and jumps; those of a format that knows no times are one line."""
        moments = moments_s(self.fixes)
        if any(moment is not None for moment in moments):
            return [[fix for _, fix in part] for part in believed_parts(self.fixes, moments)]
        believed = [fix for fix in self.fixes if fix.doubt is None]
        return [believed] if believed else []

    def doubted(self) -> list[Fix]:
        """Those that are not believed."""
        return [fix for fix in self.fixes if fix.doubt is not None]

    def offset_s(self, fix: Fix) -> float | None:
        """Seconds from the first frame to a fix; None where neither it nor the clocks of both say so."""
        if fix.offset_s is not None or fix.at is None or self.recorded_at is None:
            return fix.offset_s
        if (fix.at.tzinfo is None) != (self.clock_zone is None):
            return None
        began = self.recorded_at if fix.at.tzinfo else in_zone(self.recorded_at, None)
        return (fix.at - began).total_seconds()

    def when(self, fix: Fix) -> dt.datetime | None:
        """The moment of a fix in the clock's zone, naive where that is not known; None where nothing says when.

        It is told by the video's clock, as that of sightings is, and by the fix's own where that says nothing to it.
        """
        offset_s = self.offset_s(fix)
        if offset_s is not None and self.recorded_at is not None:
            return in_zone(self.recorded_at + dt.timedelta(seconds=offset_s), self.clock_zone)
        return fix.at and (fix.at if fix.at.tzinfo is None else in_zone(fix.at, self.clock_zone or "UTC"))

    def whens(self, line: Sequence[Fix]) -> list[str | None]:
        """The same of many, as text."""
        return [iso(moment) if (moment := self.when(fix)) else None for fix in line]


def read_at(row: SightingLine) -> dt.datetime | None:
    """When the frame was recorded that a sighting was read from, which is when the camera was at its place."""
    if not row.first_seen_at:
        return None
    since_s = row.best_frame_s - row.first_seen_s
    return dt.datetime.fromisoformat(row.first_seen_at) + dt.timedelta(seconds=since_s)


def iso(moment: dt.datetime) -> str:
    """ISO 8601 to the millisecond, which is what clocks of cameras are good for."""
    return moment.isoformat(timespec="milliseconds")
