"""Jobs over HTTP: submitted, followed and steered, as the command line does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field, StrictBool
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from dashplate import jobs
from dashplate.jobs import Submission, job_options
from dashplate.service.access import require, url_of
from dashplate.service.clocks import MOMENT, ZONE
from dashplate.service.documents import Again, JobTold, Page, VideoTold
from dashplate.service.errors import Refused, responses, too_many
from dashplate.service.photographs.calls import COUNTRIES
from dashplate.service.uploads.keeper import Keeper
from dashplate.typed.durations import parse_duration
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings import pages, queries
from db.jobs import cancel, control
from db.states import Priority, Stage
from pipeline.alerts import Alerts
from pipeline.errors import ServiceUnavailable, UsageError
from pipeline.job_options import JobOptions
from pipeline.sources.expand import check_allowed, expand
from pipeline.sources.roots import PUBLIC
from pipeline.sources.source import WEB, Remote, Source, source_of
from pipeline.utc import MOST_OFFSET_S
from workers.telemetry import traces

router = APIRouter(tags=["jobs"])
Caller = Annotated[Principal, require(Scope.SUBMIT)]
#: What PostgreSQL's bigint holds.
Number = Annotated[int, InPath(ge=1, le=2**63 - 1)]
Cursor = Annotated[str | None, Query(pattern=r"^[1-9][0-9]{0,17}$", description="`next` of the page before.")]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
Most = Annotated[int, Query(ge=1, le=500, description="Items of a page.")]

#: Looking at all files of a large folder, or sending uploads to a bucket, takes minutes, and one of the threads that
#: answer.
_submissions = threading.BoundedSemaphore(8)
#: Whoever waits for it holds one of the threads that answer.
_LONGEST_WAIT_S = 5.0


class Submitted(BaseModel):
    """Files to be processed as a job."""

    # Either is enough; both are one job.
    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": [named], "properties": {named: {"minItems": 1}}} for named in ("sources", "uploads")]
        }
    )

    sources: list[
        Annotated[str, Field(min_length=1, max_length=4096, json_schema_extra={"format": "path-or-address"})]
    ] = Field(
        [],
        max_length=10_000,
        description="Paths of files and folders, as workers see them, and addresses; below the operator's roots.",
        examples=[["/videos/monday", "https://cam.example.org/1.mp4"]],
    )
    uploads: list[Annotated[str, Field(pattern="^[0-9a-f]{32}$")]] = Field(
        [], max_length=10_000, description="Videos that were sent to `/v1/uploads`, by their ids."
    )
    name: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] | None = None
    priority: Priority = Priority.NORMAL
    country: Annotated[str, Field(max_length=200, json_schema_extra=COUNTRIES)] | None = Field(None, examples=["GB,FR"])
    keep_overlays: StrictBool = False
    retain: str | None = Field(
        None,
        description="Delete what was found after 90m, 12h, 30d, 4w.",
        # As durations are written, and less than a century.
        pattern="^([0-9]{1,6}m|[0-9]{1,5}h|[0-9]{1,4}d|[0-9]{1,3}w)$",
    )
    evidence: StrictBool = Field(True, description="Keep pictures once a video is done.")
    hashed: StrictBool = Field(False, description="Store plates as keyed hashes.")
    alerts: Alerts = Field(Alerts.RECENT, description="Tell endpoints of sightings and hits: `recent` recordings only.")
    clock: Annotated[str, Field(pattern=MOMENT)] | None = Field(
        None,
        description="When the recording began, of a job with one file; with the offset from UTC where it is known.",
        examples=["2026-05-01T12:00:00+02:00"],
    )
    timezone: Annotated[str, Field(max_length=64, json_schema_extra={"pattern": ZONE})] | None = Field(
        None, description="The zone of the cameras' clocks.", examples=["Europe/Berlin"]
    )
    clock_offset_s: Annotated[float, Field(ge=-MOST_OFFSET_S, le=MOST_OFFSET_S, allow_inf_nan=False)] | None = Field(
        None, description="By how many seconds the cameras' clocks are fast; negative where they are slow."
    )


class Rerun(BaseModel):
    """How a finished job is done again."""

    step: Stage = Field(Stage.DETECT, description="`read` reads the kept crops again and decodes nothing.")


_FROM_DETECTION = Rerun(step=Stage.DETECT)


@router.post("/v1/jobs", status_code=201, responses=responses(404, 409))
def submit(
    request: Request,
    caller: Caller,
    wanted: Submitted,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> JobTold:
    """Submit files as a job, all or none: where the call breaks off, there is a whole job or none.

    The same `Idempotency-Key` again goes on with the same job, and takes no file twice.
    """
    url = url_of(request)
    options = job_options(
        wanted.country, wanted.keep_overlays, evidence=wanted.evidence, hashed=wanted.hashed, alerts=wanted.alerts,
        clock=wanted.clock, timezone=wanted.timezone, clock_offset_s=wanted.clock_offset_s,
    )  # fmt: skip
    key = idempotency_key and f"{caller.name}: {idempotency_key}"
    retain_s = None if wanted.retain is None else parse_duration(wanted.retain)
    about = Submission(wanted.name, key, wanted.priority, retain_s)
    with turn(), traces.called_by(request.headers.get("traceparent")):
        job = _submitted(url, _wanted(request, caller, wanted), options, about, wanted.uploads)
    response.headers["Location"] = f"/v1/jobs/{job}"
    return _told(url, job)


@router.get("/v1/jobs", responses=responses())
def list_jobs(request: Request, caller: Caller, cursor: Cursor = None, most: Most = 50) -> Page[JobTold]:
    """All jobs, newest first."""
    with session(url_of(request)) as db:
        rows = pages.jobs(db, int(cursor) if cursor else None, most)
    return Page.of([JobTold.of(row) for row in rows], most, lambda last: last.job)


@router.get("/v1/jobs/{job}", responses=responses(404))
def show_job(request: Request, caller: Caller, job: Number) -> JobTold:
    """A job, and how far it is."""
    return _told(url_of(request), job)


@router.get("/v1/jobs/{job}/videos", responses=responses(404))
def list_videos(
    request: Request, caller: Caller, job: Number, cursor: Cursor = None, most: Most = 100
) -> Page[VideoTold]:
    """A job's files, in order of submission."""
    with session(url_of(request)) as db:
        row_of(db, job)
        rows = pages.videos(db, job, int(cursor or 0), most)
    return Page.of([VideoTold.of(row) for row in rows], most, lambda last: last.id)


@router.get("/v1/videos/{video}", responses=responses(404))
def show_video(request: Request, caller: Caller, video: Number) -> VideoTold:
    """One file of a job."""
    with session(url_of(request)) as db:
        row = pages.video(db, video)
    if row is None:
        raise Refused(404, f"There is no video {video}.")
    return VideoTold.of(row)


@router.post("/v1/jobs/{job}/pause", responses=responses(404, 409))
def pause(request: Request, caller: Caller, job: Number) -> JobTold:
    """Send nothing more of a job out; what workers hold is done."""
    return _steered(request, job, lambda url: control.pause(url, job))


@router.post("/v1/jobs/{job}/resume", responses=responses(404, 409))
def resume(request: Request, caller: Caller, job: Number) -> JobTold:
    """Go on with a paused job."""
    return _steered(request, job, lambda url: control.resume(url, job))


@router.post("/v1/jobs/{job}/cancel", responses=responses(404, 409))
def give_up(request: Request, caller: Caller, job: Number) -> JobTold:
    """Give a job up; what its finished segments showed is kept."""
    return _steered(request, job, lambda url: cancel.cancel(url, job))


@router.post("/v1/jobs/{job}/retry", responses=responses(404, 409))
def retry(request: Request, caller: Caller, job: Number) -> Again:
    """Try again what was given up."""
    found: list[tuple[int, int]] = []
    _steered(request, job, lambda url: found.append(control.retry(url, job, failed=True, quarantined=True)))
    return Again(videos=found[0][0], segments=found[0][1])


@router.post("/v1/jobs/{job}/rerun", responses=responses(404, 409))
def rerun(request: Request, caller: Caller, job: Number, wanted: Rerun = _FROM_DETECTION) -> Again:
    """Do a finished job again; its sightings stay until the new ones are there."""
    found: list[int] = []
    _steered(request, job, lambda url: found.append(control.rerun(url, job, wanted.step, {})))
    return Again(videos=0, segments=found[0])


def named(request: Request, words: Sequence[str]) -> Iterator[Source]:
    """The files that paths and addresses mean, below the operator's roots. Raises UsageError, Inaccessible."""
    roots = tuple(request.app.state.roots) or (PUBLIC,)
    return expand([_meant(word, roots) for word in words], roots)


def row_of(db: Session, job: int) -> RowMapping:
    """How far a job is. Raises Refused, 404, where there is none."""
    row = queries.progress(db, job)
    if row is None:
        raise Refused(404, f"There is no job {job}.")
    return row


def _steered(request: Request, job: int, steer: Callable[[str], object]) -> JobTold:
    url = url_of(request)
    with session(url) as db:
        row_of(db, job)
    try:
        steer(url)
    except UsageError as error:
        # It is there, and in another state.
        raise Refused(409, str(error)) from error
    # Where Redis is away, a sweeper sends it later.
    with suppress(ServiceUnavailable):
        jobs.send(job)
    return _told(url, job)


@contextmanager
def turn() -> Iterator[None]:
    """Few submissions at a time. Raises Refused, 429, where others take long."""
    if not _submissions.acquire(timeout=_LONGEST_WAIT_S):
        raise too_many("As many submissions are being taken in as may. Try again in some seconds.", 5)
    try:
        yield
    finally:
        _submissions.release()


def _submitted(
    url: str, sources: Iterator[Source], options: JobOptions, about: Submission, uploads: Sequence[str]
) -> int:
    """Register the files. Raises Refused, 409."""
    try:
        return jobs.submit_at_once(url, sources, options, about, list(dict.fromkeys(uploads)))
    except UsageError as error:
        raise Refused(409, str(error)) from error


def _wanted(request: Request, caller: Principal, wanted: Submitted) -> Iterator[Source]:
    """What the job is made of. Raises Refused and UsageError."""
    found = named(request, wanted.sources) if wanted.sources or not wanted.uploads else ()
    keeper: Keeper = request.app.state.keeper
    return chain(keeper.sources(caller, wanted.uploads), found)


def _meant(word: str, roots: tuple[Source, ...]) -> str | Path:
    """A path or an address that may be opened: no pattern, no list on this machine's disk, no `~` of its account."""
    source = None if word != word.strip() or "\0" in word else source_of(word)
    if isinstance(source, Path) and source.is_absolute():
        check_allowed(source, roots)
        return source
    if not isinstance(source, Remote) or (source.scheme not in WEB and any(c in word for c in "*?[")):
        raise UsageError(f"{word[:80]!r} is no whole path and no address. Patterns and lists are the command line's.")
    if source.scheme not in WEB and roots == (PUBLIC,):
        raise UsageError(f"{source.scheme}:// is for sources that an operator names as roots.")
    check_allowed(source, roots)
    return word


def _told(url: str, job: int) -> JobTold:
    with session(url) as db:
        return JobTold.of(row_of(db, job))
