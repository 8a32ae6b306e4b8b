"""Times as people type them: spans (`30d`, `12h`, `90m`, `1w`), moments, and spans that a clip may have."""

from __future__ import annotations

import datetime as dt
import re

from pipeline.errors import UsageError

#: Seconds of a clip before and after the frame that was read: as a rule, and at most.
CLIP_S, MOST_CLIP_S = 3.0, 15.0
#: Seconds of a clip between two moments of a video, at most.
MOST_PIECE_S = 20.0
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"([0-9]{1,9})([mhdw])")
#: A century: past that, a slip of the finger is likelier.
_LONGEST_S = 36_525 * 86_400


def parse_duration(text: str) -> int:
    """`30d` in seconds. Raises UsageError for what has no unit, and for more than a century."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise UsageError(f"{text!r} is no duration. Give a whole number and its unit: 90m, 12h, 30d or 1w.")
    seconds = int(found[1]) * _SECONDS[found[2]]
    if seconds > _LONGEST_S:
        raise UsageError(f"{text!r} is more than a century.")
    return seconds


def parse_moment(text: str, now: dt.datetime) -> dt.datetime:
    """`7d` as a week before `now`, else a date or time of ISO 8601; without an offset, in this machine's time zone.

    Raises UsageError for what is neither.
    """
    if _SPAN.fullmatch(text.strip().lower()):
        return now - dt.timedelta(seconds=parse_duration(text))
    try:
        return dt.datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no time. Give how long ago, as 12h or 7d, or a date, as 2026-11-01.") from None
