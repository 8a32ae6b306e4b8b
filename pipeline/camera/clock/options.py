"""What a user says of a recording's clock."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.camera.clock.cameras import CameraClock, clock_for
from pipeline.camera.clock.zones import zone_named
from pipeline.camera.records import ClockClaim
from pipeline.errors import UsageError
from pipeline.records import RecordedFrom
from pipeline.sources.source import Source
from pipeline.utc import MOST_OFFSET_S

_SECONDS_ERROR_S = 1.0
_MINUTES_ERROR_S = 60.0
_HAS_SECONDS = re.compile(r"\d\d:\d\d:\d\d|T\d{6}")
#: Sources that show the camera's clock; satellites and people have better ones.
_OF_THE_CAMERA = frozenset({
    RecordedFrom.EMBEDDED, RecordedFrom.FILENAME, RecordedFrom.OVERLAY, RecordedFrom.CONTAINER,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClockOptions:
    """What is known beforehand of a recording's clock."""

    #: When it began, by a person.
    given: ClockClaim | None = None
    #: Of sources that say a local time.
    zone: dt.tzinfo | None = None
    #: By how many seconds the camera's clock is fast; None leaves it to `cameras`.
    offset_s: float | None = None
    cameras: tuple[CameraClock, ...] = ()

    def for_camera(self, source: Source, make: str | None, model: str | None) -> CameraClock:
        """The clock of the camera that a recording is of; what was said of the recording itself comes first."""
        known = clock_for(self.cameras, source, make, model) or CameraClock()
        zone = self.zone or known.zone
        if self.offset_s is not None:
            return CameraClock(offset_s=self.offset_s, zone=zone)
        return CameraClock(offset_s=known.offset_s, drift_s_per_day=known.drift_s_per_day, since=known.since, zone=zone)


def clock_options(
    clock: str | None = None,
    timezone: str | None = None,
    offset_s: float | None = None,
    cameras: Sequence[CameraClock] = (),
) -> ClockOptions:
    """The options as a user types them. Raises UsageError for what cannot be meant."""
    if offset_s is not None and not abs(offset_s) <= MOST_OFFSET_S:
        raise UsageError(f"A camera's clock is not {offset_s} seconds fast. Say by how many it is, such as 47 or -3.5.")
    return ClockOptions(
        None if clock is None else _given(clock),
        None if timezone is None else zone_named(timezone),
        offset_s,
        tuple(cameras),
    )


def corrected(claim: ClockClaim, camera: CameraClock) -> ClockClaim:
    """A claim of the camera's clock, put right; those of satellites and people stay."""
    local_log = claim.told_by is RecordedFrom.SIDECAR and claim.at.tzinfo is None
    if claim.told_by not in _OF_THE_CAMERA and not local_log:
        return claim
    try:
        return replace(claim, at=claim.at - dt.timedelta(seconds=camera.ahead_s(claim.at)))
    except OverflowError:
        return claim


def _given(text: str) -> ClockClaim:
    try:
        at = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"{text!r} is no time. Write it as 2026-05-01T12:00:00, with +02:00 behind it where you know the zone."
        ) from None
    error_s = _SECONDS_ERROR_S if _HAS_SECONDS.search(text) else _MINUTES_ERROR_S
    return ClockClaim(at, RecordedFrom.GIVEN, error_s)
