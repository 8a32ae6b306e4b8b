"""Commands that steer a job: pause, resume, cancel, retry, rerun."""

from __future__ import annotations

from typing import Annotated

import typer

from dashplate.cli.options.plain import Country, DataDir, JobId, ReaderEngine, ReaderName
from db.states import Stage

app = typer.Typer()


@app.command()
def pause(job: JobId, data: DataDir = None) -> None:
    """Send out nothing more of a job; what is on the queues is done."""
    from dashplate.commands.job_control import pause_job

    pause_job(job, data)


@app.command()
def resume(job: JobId, data: DataDir = None) -> None:
    """Go on with a paused job."""
    from dashplate.commands.job_control import resume_job

    resume_job(job, data)


@app.command()
def cancel(job: JobId, data: DataDir = None) -> None:
    """Give a job up; what was found up to now is kept."""
    from dashplate.commands.job_control import cancel_job

    cancel_job(job, data)


@app.command()
def retry(
    job: JobId,
    failed: Annotated[bool, typer.Option("--failed", help="Only files that could not be opened or finished.")] = False,
    quarantined: Annotated[bool, typer.Option("--quarantined", help="Only segments that were given up.")] = False,
    data: DataDir = None,
) -> None:
    """Try again what was given up: both kinds, or the one named."""
    from dashplate.commands.job_control import retry_job

    retry_job(job, failed, quarantined, data)


@app.command()
def rerun(
    job: JobId,
    step: Annotated[Stage, typer.Option("--from", help="read: the kept crops, without decoding; detect: everything.")],
    country: Country = None,
    reader: ReaderName = None,
    reader_engine: ReaderEngine = None,
    data: DataDir = None,
) -> None:
    """Do a finished job again from a step on, with another reader for instance."""
    from dashplate.commands.job_control import rerun_job

    rerun_job(job, step, country, reader, reader_engine, data)
