"""When a file was recorded, as far as its container and its file system say.

`pipeline.camera.clock` weighs this against what cameras say elsewhere.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import suppress

from pipeline.records import Recorded, RecordedFrom
from pipeline.sources.object_versions import changed_at
from pipeline.sources.remote import describe
from pipeline.sources.source import Remote, Source
from pipeline.utc import as_utc

#: Clocks that were never set begin in 1904, 1970, 1980 or with the year 2000, in whatever zone.
EARLIEST = dt.datetime(2000, 1, 2, tzinfo=dt.UTC)
#: What lies further ahead than time zones do is no time either.
AHEAD = dt.timedelta(days=1)


def recorded(source: Source, metadata: Mapping[str, str], length_s: float = 0.0) -> Recorded | None:
    """When a recording of that length began: the time that the container's `metadata` names as its creation's, else
    when the file was last written, less its length.

    None where neither is a plausible time.
    """
    latest = dt.datetime.now(dt.UTC) + AHEAD
    claims = _claims(source, metadata, length_s)
    return next((claim for claim in claims if EARLIEST <= claim.at <= latest), None)


def _claims(source: Source, metadata: Mapping[str, str], length_s: float) -> Iterator[Recorded]:
    with suppress(KeyError, ValueError, OverflowError):
        yield Recorded(as_utc(dt.datetime.fromisoformat(metadata["creation_time"])), RecordedFrom.CONTAINER)
    written = written_at(source)
    if written is not None:
        with suppress(OverflowError):
            yield Recorded(written - dt.timedelta(seconds=length_s), RecordedFrom.FILE)


def written_at(source: Source) -> dt.datetime | None:
    """When a file was last written; None where nothing says so."""
    if isinstance(source, Remote):
        return changed_at(describe(source))
    with suppress(OSError, ValueError, OverflowError):
        return dt.datetime.fromtimestamp(source.stat().st_mtime, dt.UTC)
    return None
