"""The command line: each command says what it does and hands over.

Exit codes: 0 all went well, 2 the request cannot be carried out, 3 some file gave no pictures (the others are done),
4 a part of the installation is missing, 5 Redis or PostgreSQL cannot be reached, 6 a model is missing, 143 and 129 it
was ended by SIGTERM or SIGHUP.
"""

from __future__ import annotations

import io
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from dashplate.options import (
    MOST_ID,
    MOST_PORT,
    MOST_ROWS,
    MOST_SEED,
    YEAR_S,
    AsJson,
    Country,
    DataDir,
    Hashed,
    JobId,
    KeepOverlays,
    Key,
    Name,
    NoEvidence,
    OneJob,
    Paths,
    Plate,
    ReaderEngine,
    ReaderName,
    Retain,
    Urgency,
    Words,
    a_number,
    plain_text,
)
from evaluation import commands as evaluation
from output.terminal import complain, guard
from pipeline.errors import DashplateError, ServiceUnavailable
from pipeline.offline import silence
from pipeline.records import Priority, Step

app = typer.Typer(
    name="dashplate",
    help="Reads licence plates out of fleets of dashcam videos.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(evaluation.app, name="eval")


def _seconds(duration: str | None) -> int | None:
    from dashplate.durations import parse_duration

    return None if duration is None else parse_duration(duration)


def main() -> None:
    """Run the command line; what went wrong is told in a sentence, not a traceback."""
    silence()
    _end_in_order()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name or a plate that the terminal cannot show is spelled out; JSON stays JSON.
        sys.stdout.reconfigure(errors="backslashreplace")
    guard()
    try:
        app()
    except DashplateError as error:
        complain(f"dashplate: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        from db.engine import is_passing, why_passing

        if not is_passing(error):
            raise
        complain(f"dashplate: {why_passing(error)}")
        sys.exit(ServiceUnavailable.exit_code)


#: What asks a program to end: `kill` and the system, and a terminal that goes.
_ENDING = (signal.SIGTERM, signal.SIGHUP)


def _end_in_order() -> None:
    """Let a signal that asks a command to end leave it as an error does, so that what it brought up is stopped."""
    if threading.current_thread() is not threading.main_thread():
        return
    for signum in _ENDING:
        # Whoever started this under `nohup` has it outlive the terminal.
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _leave)


def _leave(signum: int, frame: FrameType | None) -> None:
    # Once: a second signal would break off the stopping. Not SIG_IGN: Python complains where one has come already.
    for other in _ENDING:
        signal.signal(other, lambda *_: None)
    # What a shell reports of a program that a signal has ended.
    raise SystemExit(128 + signum)


@app.command()
def run(
    paths: Words,
    csv: Annotated[Path | None, typer.Option(help="Write the unique plates here.", show_default=False)] = None,
    json: Annotated[Path | None, typer.Option(help="Write the whole job here.", show_default=False)] = None,
    country: Country = None,
    data: DataDir = None,
    name: Name = None,
    keep_overlays: KeepOverlays = False,
    reader: ReaderName = None,
    reader_engine: ReaderEngine = None,
    retain: Retain = None,
    no_evidence: NoEvidence = False,
    hashed: Hashed = False,
) -> None:
    """Process files from end to end, wait, and print their unique plates."""
    from dashplate.commands.process import run_files
    from dashplate.jobs import Submission, job_options

    options = job_options(country, keep_overlays, reader, reader_engine, not no_evidence, hashed)
    about = Submission(name, retain_s=_seconds(retain))
    raise typer.Exit(run_files(paths, csv=csv, json=json, data=data, about=about, options=options))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where the drive and the results are written.")] = Path("out"),
    data: DataDir = None,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED)] = 7,
    seconds: Annotated[float, typer.Option(min=1, max=3600, callback=a_number)] = 30.0,
    plates: Annotated[int, typer.Option(min=1, max=1000)] = 12,
) -> None:
    """Render a drive with known plates, process it, and score what came out."""
    from dashplate.commands.demo import run_demo

    raise typer.Exit(run_demo(out, data, seed, seconds, plates))


@app.command()
def read(
    images: Paths,
    json: AsJson = False,
    country: Country = None,
    annotate: Annotated[
        Path | None, typer.Option(help="Folder for pictures with boxes: NAME.annotated.jpg.", show_default=False)
    ] = None,
    reader: ReaderName = None,
    reader_engine: ReaderEngine = None,
) -> None:
    """Read photographs at once, without servers."""
    from dashplate.commands.photos import read_photos
    from dashplate.jobs import job_options

    options = job_options(country, reader=reader, engine=reader_engine)
    raise typer.Exit(read_photos(images, options, as_json=json, annotate=annotate))


@app.command()
def submit(
    paths: Words,
    name: Name = None,
    job: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_ID, help="Add to this job instead of a new one.", show_default=False),
    ] = None,
    key: Key = None,
    priority: Urgency = Priority.NORMAL,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the job's end.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done and cost.")] = False,
    country: Country = None,
    keep_overlays: KeepOverlays = False,
    reader: ReaderName = None,
    reader_engine: ReaderEngine = None,
    retain: Retain = None,
    no_evidence: NoEvidence = False,
    hashed: Hashed = False,
    data: DataDir = None,
) -> None:
    """Queue files for the workers and print the job's id."""
    from dashplate.commands.process import submit_files
    from dashplate.jobs import Submission, job_options

    options = job_options(country, keep_overlays, reader, reader_engine, not no_evidence, hashed)
    about = Submission(name, key, priority, _seconds(retain))
    if dry_run:
        from dashplate.commands.dry_run import show_plan

        show_plan(paths, options, about, job, data)
        return
    raise typer.Exit(submit_files(paths, about=about, job=job, wait=wait, data=data, options=options))


@app.command()
def watch(
    folder: Annotated[str, typer.Argument(help="A folder or an address (s3://bucket/cards/).", show_default=False)],
    name: Name = None,
    job: Annotated[
        int | None, typer.Option(min=1, max=MOST_ID, help="Go on with this job.", show_default=False)
    ] = None,
    key: Key = None,
    settle: Annotated[
        float,
        typer.Option(min=0.0, max=YEAR_S, callback=a_number, help="A file unchanged for so many seconds is complete."),
    ] = 10.0,
    every: Annotated[
        float, typer.Option(min=0.1, max=YEAR_S, callback=a_number, help="Seconds between two looks.")
    ] = 5.0,
    until_idle: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=YEAR_S,
            callback=a_number,
            show_default=False,
            help="Stop when nothing new has come for so many seconds.",
        ),
    ] = None,
    priority: Urgency = Priority.NORMAL,
    country: Country = None,
    keep_overlays: KeepOverlays = False,
    reader: ReaderName = None,
    reader_engine: ReaderEngine = None,
    retain: Retain = None,
    no_evidence: NoEvidence = False,
    hashed: Hashed = False,
    data: DataDir = None,
) -> None:
    """Keep a job open and take in what arrives in a folder; Ctrl-C ends it, and the job finishes."""
    from dashplate.commands.watch import Patience, watch_folder
    from dashplate.jobs import Submission, job_options

    options = job_options(country, keep_overlays, reader, reader_engine, not no_evidence, hashed)
    about = Submission(name, key, priority, _seconds(retain))
    watch_folder(folder, options, about, job, Patience(settle, every, until_idle), data)


@app.command()
def pause(job: JobId, data: DataDir = None) -> None:
    """Send out nothing more of a job; what is on the queues is done."""
    from dashplate.commands.steer import pause_job

    pause_job(job, data)


@app.command()
def resume(job: JobId, data: DataDir = None) -> None:
    """Go on with a paused job."""
    from dashplate.commands.steer import resume_job

    resume_job(job, data)


@app.command()
def cancel(job: JobId, data: DataDir = None) -> None:
    """Give a job up; what was found up to now is kept."""
    from dashplate.commands.steer import cancel_job

    cancel_job(job, data)


@app.command()
def retry(
    job: JobId,
    failed: Annotated[bool, typer.Option("--failed", help="Only files that could not be opened or finished.")] = False,
    quarantined: Annotated[bool, typer.Option("--quarantined", help="Only stretches that were given up.")] = False,
    data: DataDir = None,
) -> None:
    """Try again what was given up: both kinds, or the one named."""
    from dashplate.commands.steer import retry_job

    retry_job(job, failed, quarantined, data)


@app.command()
def rerun(
    job: JobId,
    step: Annotated[Step, typer.Option("--from", help="read: the kept crops, without decoding; detect: everything.")],
    country: Country = None,
    reader: ReaderName = None,
    reader_engine: ReaderEngine = None,
    data: DataDir = None,
) -> None:
    """Do a finished job again from a step on, with another reader for instance."""
    from dashplate.commands.steer import rerun_job

    rerun_job(job, step, country, reader, reader_engine, data)


@app.command()
def status(
    job: Annotated[
        int | None,
        typer.Argument(min=1, max=MOST_ID, help="A job's id; without it, all jobs.", show_default=False),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay until the job has ended.")] = False,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Show jobs, or one job's videos."""
    from dashplate.commands.ask import show_status

    show_status(job, watch=watch, as_json=json, data=data)


@app.command()
def plates(
    pattern: Annotated[str, typer.Argument(parser=plain_text, help="A text with * and ? as wildcards.")] = "*",
    limit: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="So many at most.")] = 100,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Search the unique plates of all jobs."""
    from dashplate.commands.ask import show_plates

    show_plates(pattern, limit, as_json=json, data=data)


@app.command()
def export(
    job: JobId,
    format: Annotated[str, typer.Option("--format", help="csv, jsonl or json.")] = "csv",
    out: Annotated[Path | None, typer.Option(help="A file; without it, standard output.", show_default=False)] = None,
    data: DataDir = None,
) -> None:
    """Write a job's unique plates."""
    from dashplate.commands.ask import export_job

    export_job(job, format, out, data)


@app.command()
def sql(
    query: Annotated[
        str | None,
        typer.Option("-c", "--command", parser=plain_text, help="Run this, leave.", show_default=False),
    ] = None,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Open an SQL shell on the plates; see docs/sql.md for examples."""
    from dashplate.commands.ask import sql_shell

    raise typer.Exit(sql_shell(query, as_json=json, data=data))


@app.command()
def up(
    data: DataDir = None,
    flower_port: Annotated[
        int, typer.Option(min=0, max=MOST_PORT, help="Flower's port on this machine; 0 leaves it out.")
    ] = 5555,
    root: Annotated[
        list[str] | None,
        typer.Option(help="A folder or address for videos; public:// is any public address.", show_default=False),
    ] = None,
) -> None:
    """Start servers, workers, sweeper and Flower, and stay."""
    from dashplate.commands.process import stay_up

    stay_up(data, flower_port, root or [])


@app.command()
def down(
    data: DataDir = None,
    forget_account: Annotated[
        bool,
        typer.Option("--forget-account", help="Root only: remove the account too that was made for PostgreSQL."),
    ] = False,
) -> None:
    """Stop whatever runs on the data folder."""
    from dashplate.environment import use_data_dir
    from dashplate.stack import forget, stop

    folder = use_data_dir(data).data_dir
    stopped = stop(folder)
    print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing was running.")
    if forget_account:
        print("The account is removed." if forget(folder) else "There was no account to remove.")


@app.command()
def doctor(json: AsJson = False, data: DataDir = None) -> None:
    """Tell what is there, what is missing, and how to mend it."""
    from dashplate.commands.ask import show_checks

    raise typer.Exit(show_checks(as_json=json, data=data))


@app.command()
def migrate(data: DataDir = None) -> None:
    """Bring the database to the newest schema."""
    from dashplate.environment import use_data_dir
    from db.engine import check
    from db.migrate import upgrade

    url = use_data_dir(data).require_database()
    check(url)
    upgrade(url)
    print("The schema is current.")


@app.command()
def worker(
    role: Annotated[str, typer.Argument(help="detect, read or control.")],
    concurrency: Annotated[int, typer.Option(min=1, max=1024, help="Processes; a GPU wants one.")] = 1,
    loglevel: str = "INFO",
) -> None:
    """Serve one queue until stopped."""
    from dashplate.commands.health import install_heartbeat
    from dashplate.environment import use_data_dir
    from dashplate.stack import Layout
    from workers.serve import check_role, serve

    check_role(role)
    data_dir = use_data_dir(None).data_dir
    Layout.at(data_dir).close_rooms()
    install_heartbeat(role, data_dir)
    serve(role, concurrency, loglevel)


@app.command()
def flower(
    port: Annotated[int, typer.Option(min=1, max=MOST_PORT)] = 5555,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve Flower on the broker; DASHPLATE_FLOWER_AUTH=user:password protects it."""
    from workers.celery_app.flower import serve

    serve(port, address)


@app.command()
def health(
    service: Annotated[str, typer.Argument(help="redis, postgres, worker or flower.")],
    role: Annotated[str | None, typer.Argument(help="The worker's role.", show_default=False)] = None,
) -> None:
    """Exit with 0 if a service of this machine is well; for health checks."""
    from dashplate.commands.health import check

    check(service, role)


@app.command()
def verify(
    job: JobId,
    quick: Annotated[bool, typer.Option("--quick", help="Do not read the files: existence and size only.")] = False,
    sweep: Annotated[bool, typer.Option("--sweep", help="Remove files of ended videos that have no row.")] = False,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Check a job's rows against its files, its counters and its states; exit with 1 where something is wrong."""
    from dashplate.commands.verify import verify_job

    raise typer.Exit(verify_job(job, quick=quick, sweep=sweep, as_json=json, data=data))


@app.command()
def purge(
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", help="30d, 12h, 90m, 1w; without it, as each job says.", show_default=False),
    ] = None,
    keep_watched: Annotated[bool, typer.Option("--keep-watched", help="Keep what shows watched plates.")] = False,
    job: OneJob = None,
    forget: Annotated[bool, typer.Option("--forget", help="The videos themselves too, and jobs left empty.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: DataDir = None,
) -> None:
    """Delete what was found in videos that ended long ago: sightings, readings, crops, frames."""
    from dashplate.commands import privacy

    privacy.purge(older_than, keep_watched=keep_watched, job=job, forget=forget, dry_run=dry_run, yes=yes, data=data)


watched = typer.Typer(no_args_is_help=True, help="Plates that purges and retention keep.")
app.add_typer(watched, name="watched")


@watched.command("add")
def watched_add(
    plate: Plate,
    note: Annotated[str | None, typer.Option(parser=plain_text, help="Why.", show_default=False)] = None,
    data: DataDir = None,
) -> None:
    """Keep a plate, noted as its hash where DASHPLATE_PLATE_KEY is set."""
    from dashplate.commands.privacy import watch_plate

    watch_plate(plate, note, data)


@watched.command("list")
def watched_list(json: AsJson = False, data: DataDir = None) -> None:
    """Show the plates that are kept."""
    from dashplate.commands.privacy import list_watched

    list_watched(as_json=json, data=data)


@watched.command("remove")
def watched_remove(plate: Plate, data: DataDir = None) -> None:
    """Keep a plate no longer."""
    from dashplate.commands.privacy import unwatch_plate

    unwatch_plate(plate, data)


@app.command("hash")
def hash_plate(plate: Plate, data: DataDir = None) -> None:
    """Print a plate's keyed hash, for questions in SQL."""
    from dashplate.commands.privacy import show_hash

    show_hash(plate, data)


@app.command()
def audit(
    since: Annotated[str | None, typer.Option(help="7d, 12h.", show_default=False)] = None,
    who: Annotated[
        str | None,
        typer.Option(parser=plain_text, help="One person's questions.", show_default=False),
    ] = None,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Show who searched, exported and deleted what."""
    from dashplate.commands.privacy import show_audit

    show_audit(since, who, as_json=json, data=data)
