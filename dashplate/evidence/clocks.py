"""What a package says of the clock that told when something was recorded."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import RowMapping

from pipeline.camera.clock.zones import in_zone
from pipeline.records import RecordedFrom

NO_ZONE = "camera’s local time, zone not known"
#: What a recording time is worth, by what tells it.
_TOLD_BY = {
    RecordedFrom.GIVEN: "A person said when its recording began, when the video was handed in.",
    RecordedFrom.GPS: "The satellites told the time, by the track that the camera kept.",
    RecordedFrom.EMBEDDED: "The camera’s own clock told the time, in what it writes beside the pictures.",
    RecordedFrom.SIDECAR: "A file beside the video told the time.",
    RecordedFrom.FILENAME: "The name of the file told the time, as its camera wrote it; whoever renames it changes it.",
    RecordedFrom.OVERLAY: "The clock on screen told the time, as it was read from the pictures.",
    RecordedFrom.CONTAINER: "The video’s container names the time at which its recording began, by the camera’s clock.",
    RecordedFrom.FILE: "The file names no time. The recording’s begin is reckoned from when the file was last written;"
    " a copy may be written later than its original.",
}


def told_by(recorded_from: str | None) -> str:
    """What told the time, and what that is worth: a sentence."""
    return "Nothing says when it was recorded." if recorded_from is None else _TOLD_BY[RecordedFrom(recorded_from)]


def of_video(row: RowMapping) -> dict[str, Any]:
    """What is known of a video's clock, as JSON. Times of a clock whose zone is not known have no offset."""
    return {
        "recording_began_at": recorded(row["recording_began_at"], row["clock_zone"]),
        "recorded_from": row["recorded_from"], "recording_time": told_by(row["recorded_from"]),
        "clock_zone": row["clock_zone"], "clock_error_s": row["clock_error_s"], "other_clocks": row["clock_others"],
    }  # fmt: skip


def recorded(moment: dt.datetime | None, zone: str | None) -> str | None:
    """A moment by a video's clock in ISO 8601: with its zone's offset, and without one where no zone is known."""
    return None if moment is None else in_zone(moment, zone).isoformat()


def printed_time(moment: str, error_s: float | None) -> str:
    """What `recorded` gives, for a page: date, time, zone, and how far off it may be."""
    at = dt.datetime.fromisoformat(moment)
    zone = f"({NO_ZONE})" if at.tzinfo is None else f"{at:%Z}"
    off = f", give or take {error_s:g} s" if error_s else ""
    return f"{at:%Y-%m-%d %H:%M:%S} {zone}{off}"
