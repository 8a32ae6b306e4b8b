"""The options and arguments of `dashplate`'s commands, each declared and explained once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from db.states import Priority
from pipeline.alerts import Alerts
from pipeline.utc import MOST_OFFSET_S

if TYPE_CHECKING:
    from pipeline.job_options import JobOptions

#: What PostgreSQL's bigint holds, and a seed of NumPy's.
MOST_ID, MOST_SEED = 2**63 - 1, 2**32 - 1
#: Ports of this machine; a year in seconds, past which a wait is a slip of the finger.
MOST_PORT, YEAR_S = 65_535, 366 * 86_400.0
#: Of rows and pictures: more than anybody looks at.
MOST_ROWS = 10**9


def plain_text(text: str) -> str:
    """Text that can be stored and searched for; refuses bytes that are no UTF-8, and zero bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("this is no UTF-8; type it again in a terminal that uses UTF-8.") from None
    if "\0" in text:
        raise typer.BadParameter("this holds a zero byte; leave it out.")
    return text


def a_number(value: float | None) -> float | None:
    """A number that is one: `nan` passes every range."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no number that can be meant.")
    return value


# `readable=False`: a file that may not be read is one inaccessible file, not the end of the whole command.
Paths = Annotated[list[Path], typer.Argument(help="Videos, photographs, folders.", show_default=False, readable=False)]
Words = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        help="Videos, photographs, folders, patterns ('card/**/*.mp4'), addresses (s3://, https://),"
        " @LIST for a list of them, - for a list on standard input.",
        show_default=False,
    ),
]
DataDir = Annotated[Path | None, typer.Option("--data", help="Data folder: servers, crops, logs.", show_default=False)]
Country = Annotated[str | None, typer.Option("--country", help="Countries to expect: GB,FR.", show_default=False)]
JobId = Annotated[
    int, typer.Argument(min=1, max=MOST_ID, help="A job's id; `dashplate status` shows them.", show_default=False)
]
SightingId = Annotated[
    int,
    typer.Argument(min=1, max=MOST_ID, help="A sighting's number, as plate_sightings has it.", show_default=False),
]
OneJob = Annotated[int | None, typer.Option("--job", min=1, max=MOST_ID, help="Of this job only.", show_default=False)]
Plate = Annotated[str, typer.Argument(parser=plain_text, show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ReaderName = Annotated[
    str | None,
    typer.Option(
        "--reader",
        parser=plain_text,
        show_default=False,
        help="A PaddleOCR model, by name or folder; default: shipped.",
    ),
]
ReaderEngine = Annotated[
    str | None, typer.Option("--reader-engine", help="openvino, onnxruntime or paddle.", show_default=False)
]
KeepOverlays = Annotated[
    bool, typer.Option("--keep-overlays", help="Read a clock or logo that stands still on screen too.")
]

# Of a job that is submitted.
Name = Annotated[
    str | None,
    typer.Option("--name", parser=plain_text, help="The job's name.", show_default=False),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        parser=plain_text,
        help="The same key again goes on with the same job.",
        show_default=False,
    ),
]
Urgency = Annotated[Priority, typer.Option("--priority", help="Its share while others want the same workers.")]
Retain = Annotated[
    str | None, typer.Option("--retain", help="Delete what was found after 30d, 12h.", show_default=False)
]
NoEvidence = Annotated[bool, typer.Option("--no-evidence", help="Keep no pictures once a video is done.")]
Hashed = Annotated[
    bool, typer.Option("--hashed", help="Store plates as hashes under DASHPLATE_PLATE_KEY: matched, not read.")
]

Alerting = Annotated[
    Alerts, typer.Option("--alerts", help="Tell endpoints what was found: in videos that were recorded of late only.")
]


# Of a recording's clock.
Clock = Annotated[
    str | None,
    typer.Option(
        "--clock",
        parser=plain_text,
        show_default=False,
        help="When the recording began: 2026-05-01T12:00:00, +02:00 behind it if known.",
    ),
]
Timezone = Annotated[
    str | None,
    typer.Option(
        "--timezone",
        parser=plain_text,
        show_default=False,
        help="Zone of the camera's clock: Europe/Berlin, +02:00.",
    ),
]
ClockOffset = Annotated[
    float | None,
    typer.Option(
        "--clock-offset",
        min=-MOST_OFFSET_S,
        max=MOST_OFFSET_S,
        callback=a_number,
        show_default=False,
        help="By how many seconds the camera's clock is fast; negative where it is slow.",
    ),
]


class PhotoForm(StrEnum):
    """How `read` prints what a photograph shows, for programs."""

    JSON = "json"
    OPENALPR = "openalpr"


@dataclass(frozen=True, slots=True)
class Reading:
    """How plates are read."""

    country: Country = None
    reader: ReaderName = None
    reader_engine: ReaderEngine = None

    @property
    def options(self) -> JobOptions:
        """As they travel with a job. Raises UsageError for what cannot be meant."""
        from dashplate.jobs import job_options

        return job_options(self.country, reader=self.reader, engine=self.reader_engine)


@dataclass(frozen=True, slots=True)
class Processing(Reading):
    """How videos are processed, and what is kept of them."""

    keep_overlays: KeepOverlays = False
    retain: Retain = None
    no_evidence: NoEvidence = False
    hashed: Hashed = False
    alerts: Alerting = Alerts.RECENT
    clock: Clock = None
    timezone: Timezone = None
    clock_offset: ClockOffset = None

    @property
    def options(self) -> JobOptions:
        from dashplate.jobs import job_options

        return job_options(
            self.country,
            self.keep_overlays,
            self.reader,
            self.reader_engine,
            not self.no_evidence,
            self.hashed,
            self.alerts,
            self.clock,
            self.timezone,
            self.clock_offset,
        )

    @property
    def retain_s(self) -> int | None:
        """Raises UsageError for what is no duration."""
        from dashplate.typed.durations import parse_duration

        return None if self.retain is None else parse_duration(self.retain)


@dataclass(frozen=True, slots=True)
class Naming:
    """What a submission is called, and its share."""

    name: Name = None
    key: Key = None
    priority: Urgency = Priority.NORMAL
