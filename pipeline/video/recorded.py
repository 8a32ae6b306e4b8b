"""When a file was recorded, as far as it says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import suppress

from pipeline.records import Recorded, RecordedFrom
from pipeline.sources.object_versions import changed_at
from pipeline.sources.remote import describe
from pipeline.sources.source import Remote, Source

#: Cameras without a clock begin in 1904, 1970 or 1980; what lies further ahead than time zones do is no time either.
_EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_AHEAD = dt.timedelta(days=1)


def recorded(source: Source, metadata: Mapping[str, str], length_s: float = 0.0) -> Recorded | None:
    """When a recording of that length began: the time that the container's `metadata` names as its creation's, else
    when the file was last written, less its length.

    None where neither is a plausible time.
    """
    latest = dt.datetime.now(dt.UTC) + _AHEAD
    claims = _claims(source, metadata, length_s)
    return next((claim for claim in claims if _EARLIEST <= claim.at <= latest), None)


def _claims(source: Source, metadata: Mapping[str, str], length_s: float) -> Iterator[Recorded]:
    with suppress(KeyError, ValueError, OverflowError):
        yield Recorded(_in_utc(dt.datetime.fromisoformat(metadata["creation_time"])), RecordedFrom.CONTAINER)
    written = _written(source)
    if written is not None:
        yield Recorded(written - dt.timedelta(seconds=length_s), RecordedFrom.FILE)


def _written(source: Source) -> dt.datetime | None:
    if isinstance(source, Remote):
        return changed_at(describe(source))
    with suppress(OSError, ValueError, OverflowError):
        return dt.datetime.fromtimestamp(source.stat().st_mtime, dt.UTC)
    return None


def _in_utc(time: dt.datetime) -> dt.datetime:
    return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)
