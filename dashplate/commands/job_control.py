"""Commands that steer a job: pause, resume, cancel, retry, rerun."""

from __future__ import annotations

from pathlib import Path

from dashplate.bring_up import database
from dashplate.jobs import job_options, progress_of, send
from dashplate.show import many
from db.engine import session
from db.jobs import cancel, control
from db.states import Stage


def pause_job(job: int, data: Path | None) -> None:
    """Stop sending a job's segments out."""
    with database(data) as config:
        control.pause(config.require_database(), job)
    print(f"Job {job} is paused; `dashplate resume {job}` goes on.")


def resume_job(job: int, data: Path | None) -> None:
    """Go on with a paused job."""
    with database(data) as config:
        control.resume(config.require_database(), job)
        send(job)
    print(f"Job {job} goes on.")


def cancel_job(job: int, data: Path | None) -> None:
    """Give a job up."""
    with database(data) as config:
        url = config.require_database()
        cancel.cancel(url, job)
        send(job)
        with session(url) as db:
            progress = progress_of(db, job)
    done = progress["segments_done"] + progress["segments_quarantined"]
    print(f"Job {job} is cancelled after {done} of {progress['segments']} segments; what they showed is kept.")


def retry_job(job: int, failed: bool, quarantined: bool, data: Path | None) -> None:
    """Try again what was given up; both kinds where neither is named."""
    both = failed == quarantined
    with database(data) as config:
        videos, segments = control.retry(
            config.require_database(), job, failed=failed or both, quarantined=quarantined or both
        )
        if videos or segments:
            send(job)
    if not videos and not segments:
        print(f"Job {job} has nothing to try again.")
        return
    found = " and ".join(many(count, noun) for count, noun in ((videos, "video"), (segments, "segment")) if count)
    print(f"Trying {found} of job {job} again.")


def rerun_job(
    job: int, step: Stage, country: str | None, reader: str | None, reader_engine: str | None, data: Path | None
) -> None:
    """Do a finished job again from a step on."""
    given = job_options(country, reader=reader, engine=reader_engine).as_json()
    asked = {"countries": country, "reader": reader, "reader_engine": reader_engine}
    with database(data) as config:
        url = config.require_database()
        count = control.rerun(url, job, step, {name: given[name] for name, value in asked.items() if value is not None})
        send(job)
    what = "Reading the kept crops" if step is Stage.READ else "Doing all"
    print(f"{what} of {many(count, 'segment')} of job {job} again.")
