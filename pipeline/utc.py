"""Times in UTC, and how far off a camera's clock may be: without anything that the command line must not load."""

from __future__ import annotations

import datetime as dt

#: No camera's clock is off by more, in seconds: those that were never set are fifty years behind.
MOST_OFFSET_S = 70 * 366 * 86_400.0


def as_utc(at: dt.datetime) -> dt.datetime:
    """A time in UTC; a naive one, whose zone nobody knows, is taken as it stands.

    Raises OverflowError at the ends of the calendar.
    """
    return at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)
