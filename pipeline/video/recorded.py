"""When a file was recorded, as far as it says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress

from pipeline.sources.object_versions import changed_at
from pipeline.sources.remote import describe
from pipeline.sources.source import Remote, Source

#: Cameras without a clock begin in 1904, 1970 or 1980; what lies further ahead than time zones do is no time either.
_EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_AHEAD = dt.timedelta(days=1)


def recorded_at(source: Source, metadata: Mapping[str, str]) -> dt.datetime | None:
    """The time that a container's `metadata` names as its creation's, else when the file was last written.

    In UTC; cameras that know no time zone write their local time for it. None where neither is a plausible time.
    """
    created: dt.datetime | None = None
    with suppress(KeyError, ValueError):
        created = _in_utc(dt.datetime.fromisoformat(metadata["creation_time"]))
    written = _written(source)
    latest = dt.datetime.now(dt.UTC) + _AHEAD
    return next((time for time in (created, written) if time is not None and _EARLIEST <= time <= latest), None)


def _written(source: Source) -> dt.datetime | None:
    if isinstance(source, Remote):
        return changed_at(describe(source))
    with suppress(OSError, ValueError, OverflowError):
        return dt.datetime.fromtimestamp(source.stat().st_mtime, dt.UTC)
    return None


def _in_utc(time: dt.datetime) -> dt.datetime:
    return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)
