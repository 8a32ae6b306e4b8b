"""All jobs; and one of them: how far it is, what it waits for, its videos, what was seen last, and what steers it."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Query, Request, Response
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from dashplate.pace import outlook
from dashplate.service.access import note, require, url_of
from dashplate.service.jobs import Number, row_of
from dashplate.typed.addresses import is_loopback
from dashplate.web.page import is_part, pages_for, render
from dashplate.web.shown import duration
from dashplate.web.texts import t
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings import queries
from db.states import JobState
from db.web.footage import jobs
from db.web.footage.jobs import Jobs, Videos
from pipeline.job_options import JobOptions
from workers.dispatch import job_label

router = pages_for(Scope.SUBMIT)
searchers = pages_for(Scope.SEARCH)
Caller = Annotated[Principal, require(Scope.SUBMIT)]
#: Of what was left out before a page begins.
Before = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
After = Annotated[int, Query(ge=0, le=2**63 - 1)]

#: What a page holds.
_JOBS, _VIDEOS, _NEWEST = 40, 50, 12


@router.get("/jobs")
def show_all(
    request: Request, caller: Caller, state: Jobs = Jobs.ALL, problems: bool = False, before: Before = None
) -> Response:
    """Jobs, newest first; the list alone where it is asked for again."""
    which = Jobs.PROBLEMS if problems else state
    with session(url_of(request)) as db:
        rows = jobs.jobs(db, which, before, _JOBS)
    older = rows[-1]["job"] if len(rows) == _JOBS else None
    template = "jobs/list.html" if is_part(request) else "jobs/page.html"
    return render(request, caller, template, jobs=rows, which=which, kinds=list(Jobs), before=before, older=older)


@router.get("/jobs/{job}")
def show(request: Request, caller: Caller, job: Number, show: Videos = Videos.ALL, after: After = 0) -> Response:
    """One job."""
    with session(url_of(request)) as db:
        row = row_of(db, job)
        asked = jobs.asked(db, job)
        values = _progress(db, row) | _videos(db, row, show, after)
        if caller.may(Scope.SEARCH):
            values |= _newest(request, db, caller, row, 0)
    options = JobOptions.from_json(asked["options"])
    return render(
        request, caller, "jobs/job.html", **values, options=options, retain_s=asked["retain_s"],
        flower=tasks_in_flower(request.app.state.settings.flower_url, request.url.hostname or "", job),
    )  # fmt: skip


@router.get("/jobs/{job}/progress")
def progress(request: Request, caller: Caller, job: Number) -> Response:
    """How far it is; asked for again and again until it has ended."""
    with session(url_of(request)) as db:
        values = _progress(db, row_of(db, job))
    return render(request, caller, "jobs/progress.html", **values)


@router.get("/jobs/{job}/videos")
def videos(request: Request, caller: Caller, job: Number, show: Videos = Videos.ALL, after: After = 0) -> Response:
    """A page of its videos."""
    with session(url_of(request)) as db:
        values = _videos(db, row_of(db, job), show, after)
    return render(request, caller, "jobs/videos.html", **values)


@searchers.get("/jobs/{job}/newest")
def newest(
    request: Request, caller: Annotated[Principal, require(Scope.SEARCH)], job: Number, after: After
) -> Response:
    """What was seen last; nothing where that is the sighting `after` and more may come."""
    with session(url_of(request)) as db:
        values = _newest(request, db, caller, row_of(db, job), after)
    if values["sightings"] is None:
        return Response(status_code=204)
    return render(request, caller, "jobs/newest.html", **values)


router.include_router(searchers)


def _progress(db: Session, row: RowMapping) -> dict[str, Any]:
    waits = None if row["finished_at"] else queries.waiting_for(db, row["job"])
    return {"job": row, "ahead": outlook(row), "sentences": sentences(row, waits)}


def _videos(db: Session, row: RowMapping, show: Videos, after: int) -> dict[str, Any]:
    found = jobs.videos(db, row["job"], show, after, _VIDEOS)
    counts = {
        Videos.ALL: row["videos"],
        Videos.PROBLEMS: row["videos_with_problem"] if row["state"] != JobState.CANCELLED else None,
    }
    return {
        "job": row, "videos": found, "show": show, "kinds": list(Videos), "counts": counts, "after": after,
        "following": found[-1]["id"] if len(found) == _VIDEOS else None,
    }  # fmt: skip


def _newest(request: Request, db: Session, caller: Principal, row: RowMapping, after: int) -> dict[str, Any]:
    """The newest sightings, put on record; None of them where the reader has seen them and more may come."""
    found = jobs.newest_sightings(db, row["job"], _NEWEST)
    last = found[0]["sighting"] if found else 0
    if after and last == after and not row["finished_at"]:
        return {"sightings": None}
    note(db, request, caller, "sightings", f"job {row['job']}, the newest", len(found))
    return {"job": row, "sightings": found, "last": last}


def tasks_in_flower(flower: str | None, host: str, job: int) -> str | None:
    """Where Flower lists a job's tasks; None where the browser, which reached us as `host`, cannot reach it."""
    if flower is None or (is_loopback(urlsplit(flower).hostname or "") and not is_loopback(host)):
        return None
    # Flower's page takes a search in its address only behind the beginning of a name.
    searched = f'dashplate args:"{job_label(job)}"'
    return f"{flower.rstrip('/')}/tasks?name={quote(searched)}"


def sentences(job: RowMapping, waits: str | None) -> list[str]:
    """Where a job is and why, for people; `waits` is what it waits for."""
    if job["state"] == JobState.CANCELLED:
        return [t("jobs.said.cancelled") if job["finished_at"] else t("jobs.said.cancelling")]
    if job["finished_at"]:
        took = (job["finished_at"] - job["created_at"]).total_seconds()
        given_up = job["segments_quarantined"]
        left_out = [t("jobs.said.given_up", count=given_up)] if given_up else []
        return [t("jobs.said.finished", time=duration(took)), *left_out]
    said = []
    if job["state"] == JobState.PAUSED:
        said.append(t("jobs.said.paused"))
    elif not job["segments"]:
        said.append(t("jobs.said.opening", count=job["videos"]))
    elif not job["segments_done"] + job["segments_quarantined"]:
        said.append(t("jobs.said.begun"))
    elif not job["pace"]:
        said.append(t("jobs.said.unpaced"))
    if waits:
        said.append(t("jobs.said.waits", why=waits))
    elif job["segments_delayed"]:
        said.append(t("jobs.said.delayed", count=job["segments_delayed"]))
    if job["segments_quarantined"]:
        said.append(t("jobs.said.given_up", count=job["segments_quarantined"]))
    if job["open"]:
        said.append(t("jobs.said.open"))
    elif job["videos_opened"] < job["videos"] and job["segments"]:
        said.append(t("jobs.said.estimated", count=job["videos"] - job["videos_opened"]))
    return said
