"""What readers take and give."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipeline.camera.embedded.container.timed import Sample
from pipeline.camera.records import Fix


@dataclass(frozen=True, slots=True)
class Stream:
    """A track's samples, and what is known around them."""

    samples: Sequence[Sample]
    #: The samples' kind, such as `gpmd`.
    kind: bytes = b""
    #: A day near that of the recording, for clocks that leave out year and month or count from an unsaid epoch.
    near: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found in data that it knows; there may be no fix in it, as before the first satellite."""

    fixes: list[Fix] = field(default_factory=list)
    #: The format, as people know it.
    source: str = ""
    make: str | None = None
    model: str | None = None
    #: The first frame's moment, where the data say it apart from fixes.
    began_at: dt.datetime | None = None


#: None where the samples are of another format.
StreamReader = Callable[[Stream], Reading | None]
#: The content of a box, or a file's trailer; None where it is something else.
BytesReader = Callable[[bytes], Reading | None]
