"""The clock of a video as its row has it."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import RowMapping, update

from db.engine import Executor
from db.models import Video
from pipeline.camera.records import Clock, ClockClaim
from pipeline.records import MediaInfo, RecordedFrom
from pipeline.utc import as_utc

#: What a moment without any other zone is in.
UTC_ZONE = "+00:00"
#: Of `videos`, what says when it was recorded.
CLOCK_COLUMNS = (
    Video.recorded_at, Video.recorded_from, Video.clock_zone, Video.clock_error_s, Video.clock_others,
)  # fmt: skip

#: Of a claim in `clock_others`: there and true where it agrees with the start.
_AGREES = "agrees"


def clock_columns(info: MediaInfo) -> dict[str, Any]:
    """CLOCK_COLUMNS of what the probe learnt; nulls where nothing says when it was recorded."""
    if info.clock is not None:
        return _columns(info.clock)
    values: tuple[Any, ...] = (None, None, None, None, None)
    if info.recorded is not None:
        # A file system's times are moments; what a container says may be any camera's local time.
        told_by = info.recorded.told_by
        values = (info.recorded.at, told_by, UTC_ZONE if told_by is RecordedFrom.FILE else None, None, [])
    return _named(values)


def _columns(clock: Clock) -> dict[str, Any]:
    start = clock.start
    zone = None if start.at.tzinfo is None else clock.zone or UTC_ZONE
    others = [_claim_json(claim) for claim in clock.others]
    others += [{**_claim_json(claim), _AGREES: True} for claim in clock.agreed]
    return _named((as_utc(start.at), start.told_by, zone, start.error_s, others))


def _named(values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip((column.key for column in CLOCK_COLUMNS), values, strict=True))


def take_screen(db: Executor, video_id: int) -> RowMapping | None:
    """Take the reading of a video's clock on screen; None where somebody has it, or had it.

    Returns CLOCK_COLUMNS, make and model. Whoever dies over it leaves the video with the clock that it had.
    """
    taken = update(Video).where(Video.id == video_id, ~Video.screen_read).values(screen_read=True)
    return db.execute(taken.returning(*CLOCK_COLUMNS, Video.make, Video.model)).mappings().one_or_none()


def leave_screen(db: Executor, video_id: int) -> None:
    """The screen could not be looked at: another may."""
    db.execute(update(Video).where(Video.id == video_id).values(screen_read=False))


def store_clock(db: Executor, video_id: int, clock: Clock) -> None:
    """Store a clock in place of the one that the probe found. Doing it twice changes nothing."""
    db.execute(update(Video).where(Video.id == video_id).values(_columns(clock)))


def clock_of(video: RowMapping) -> Clock | None:
    """The clock that `clock_columns` stored; None where there was none, and in rows of before 0014."""
    if video["recorded_at"] is None or video["clock_error_s"] is None:
        return None
    at = video["recorded_at"].astimezone(dt.UTC)
    zone = video["clock_zone"]
    start = ClockClaim(
        at if zone is not None else at.replace(tzinfo=None),
        RecordedFrom(video["recorded_from"]),
        video["clock_error_s"],
    )
    told = [(_claim_of(other), bool(other.get(_AGREES))) for other in video["clock_others"] or ()]
    others, agreed = (tuple(claim for claim, agrees in told if agrees is wanted) for wanted in (False, True))
    return Clock(start, zone, others, agreed)


def local(video: RowMapping) -> dt.datetime | None:
    """When a recording began: in its zone where that is known, else naive, the camera's local time."""
    at: dt.datetime | None = video["recorded_at"]
    if at is None:
        return None
    if video["clock_zone"] is None:
        return at.astimezone(dt.UTC).replace(tzinfo=None)
    return at.astimezone(dt.timezone(dt.timedelta(seconds=offset_s(at, video["clock_zone"]))))


def offset_s(at: dt.datetime, zone: str) -> float:
    """How far a zone, `+02:00` or a name of the tz database, is east of UTC then; 0 for one that nobody knows."""
    with suppress(ValueError, ZoneInfoNotFoundError, OSError):
        named = dt.datetime.strptime(zone, "%z").tzinfo if zone[:1] in "+-" else ZoneInfo(zone)
        offset = at.astimezone(named).utcoffset()
        return offset.total_seconds() if offset is not None else 0.0
    return 0.0


def _claim_json(claim: ClockClaim) -> dict[str, Any]:
    return {"at": claim.at.isoformat(), "from": claim.told_by.value, "error_s": claim.error_s}


def _claim_of(stored: dict[str, Any]) -> ClockClaim:
    return ClockClaim(dt.datetime.fromisoformat(stored["at"]), RecordedFrom(stored["from"]), stored["error_s"])
