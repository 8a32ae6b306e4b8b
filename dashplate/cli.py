"""The command line: each command says what it does and hands over.

Exit codes: 0 all went well, 2 the request cannot be carried out, 3 some file gave no pictures (the others are done),
4 a part of the installation is missing, 5 Redis or PostgreSQL cannot be reached, 6 a model is missing.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from dashplate.evaluation import commands as evaluation
from pipeline.errors import DashplateError
from pipeline.offline import silence

app = typer.Typer(
    name="dashplate",
    help="Reads licence plates out of fleets of dashcam videos.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(evaluation.app, name="eval")

# `readable=False`: a file that may not be read is one inaccessible file, not the end of the whole command.
Paths = Annotated[
    list[Path], typer.Argument(help="Videos, photographs, folders.", show_default=False, readable=False)
]
DataDir = Annotated[Path | None, typer.Option("--data", help="Data folder: servers, crops, logs.", show_default=False)]
Country = Annotated[str | None, typer.Option("--country", help="Countries to expect: GB,FR.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ReaderName = Annotated[
    str | None,
    typer.Option("--reader", help="A PaddleOCR model, by name or folder; default: shipped.", show_default=False),
]
ReaderEngine = Annotated[
    str | None, typer.Option("--reader-engine", help="openvino, onnxruntime or paddle.", show_default=False)
]
KeepOverlays = Annotated[
    bool, typer.Option("--keep-overlays", help="Read a clock or logo that stands still on screen too.")
]


def main() -> None:
    """Run the command line; what went wrong is told in a sentence, not a traceback."""
    silence()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name or a plate that the terminal cannot show is spelled out; JSON stays JSON.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except DashplateError as error:
        print(f"dashplate: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command()
def run(
    paths: Paths,
    csv: Annotated[Path | None, typer.Option(help="Write the unique plates here.", show_default=False)] = None,
    json: Annotated[Path | None, typer.Option(help="Write the whole job here.", show_default=False)] = None,
    country: Country = None,
    data: DataDir = None,
    name: Annotated[str | None, typer.Option(help="The job's name.", show_default=False)] = None,
    keep_overlays: KeepOverlays = False,
    reader: ReaderName = None,
    reader_engine: ReaderEngine = None,
) -> None:
    """Process files from end to end, wait, and print their unique plates."""
    from dashplate.jobs import job_options
    from dashplate.running import run_files

    options = job_options(country, keep_overlays, reader, reader_engine)
    raise typer.Exit(run_files(paths, csv=csv, json=json, data=data, name=name, options=options))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where the drive and the results are written.")] = Path("out"),
    data: DataDir = None,
    seed: int = 7,
    seconds: float = 30.0,
    plates: int = 12,
) -> None:
    """Render a drive with known plates, process it, and score what came out."""
    from dashplate.demo import run_demo

    raise typer.Exit(run_demo(out, data, seed, seconds, plates))


@app.command()
def read(
    images: Paths,
    json: AsJson = False,
    country: Country = None,
    annotate: Annotated[Path | None, typer.Option(help="Folder for pictures with boxes.", show_default=False)] = None,
    reader: ReaderName = None,
    reader_engine: ReaderEngine = None,
) -> None:
    """Read photographs at once, without servers."""
    from dashplate.jobs import job_options
    from dashplate.photos import read_photos

    options = job_options(country, reader=reader, engine=reader_engine)
    raise typer.Exit(read_photos(images, options, as_json=json, annotate=annotate))


@app.command()
def submit(
    paths: Paths,
    name: Annotated[str | None, typer.Option(help="The job's name.", show_default=False)] = None,
    job: Annotated[int | None, typer.Option(help="Add to this job instead of a new one.", show_default=False)] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the job's end.")] = False,
    country: Country = None,
    keep_overlays: KeepOverlays = False,
    reader: ReaderName = None,
    reader_engine: ReaderEngine = None,
    data: DataDir = None,
) -> None:
    """Queue files for the workers and print the job's id."""
    from dashplate.jobs import job_options
    from dashplate.running import submit_files

    options = job_options(country, keep_overlays, reader, reader_engine)
    raise typer.Exit(submit_files(paths, name=name, job=job, wait=wait, data=data, options=options))


@app.command()
def status(
    job: Annotated[int | None, typer.Argument(help="A job's id; without it, all jobs.", show_default=False)] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay until the job has ended.")] = False,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Show jobs, or one job's videos."""
    from dashplate.asking import show_status

    show_status(job, watch=watch, as_json=json, data=data)


@app.command()
def plates(
    pattern: Annotated[str, typer.Argument(help="A text with * and ? as wildcards.")] = "*",
    limit: int = 100,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Search the unique plates of all jobs."""
    from dashplate.asking import show_plates

    show_plates(pattern, limit, as_json=json, data=data)


@app.command()
def export(
    job: int,
    format: Annotated[str, typer.Option("--format", help="csv, jsonl or json.")] = "csv",
    out: Annotated[Path | None, typer.Option(help="A file; without it, standard output.", show_default=False)] = None,
    data: DataDir = None,
) -> None:
    """Write a job's unique plates."""
    from dashplate.asking import export_job

    export_job(job, format, out, data)


@app.command()
def sql(
    query: Annotated[str | None, typer.Option("-c", "--command", help="Run this, leave.", show_default=False)] = None,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Open an SQL shell on the plates; see docs/sql.md for examples."""
    from dashplate.asking import sql_shell

    raise typer.Exit(sql_shell(query, as_json=json, data=data))


@app.command()
def up(
    data: DataDir = None,
    flower_port: Annotated[int, typer.Option(help="Flower's port on this machine; 0 leaves it out.")] = 5555,
    root: Annotated[list[Path] | None, typer.Option(help="A folder for videos.", show_default=False)] = None,
) -> None:
    """Start servers, workers, sweeper and Flower, and stay."""
    from dashplate.running import stay_up

    stay_up(data, flower_port, root or [])


@app.command()
def down(data: DataDir = None) -> None:
    """Stop whatever runs on the data folder."""
    from dashplate.stack import stop
    from dashplate.surroundings import use_data_dir

    stopped = stop(use_data_dir(data).data_dir)
    print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing was running.")


@app.command()
def doctor(json: AsJson = False, data: DataDir = None) -> None:
    """Tell what is there, what is missing, and how to mend it."""
    from dashplate.asking import show_checks

    raise typer.Exit(show_checks(as_json=json, data=data))


@app.command()
def migrate(data: DataDir = None) -> None:
    """Bring the database to the newest schema."""
    from dashplate.surroundings import use_data_dir
    from db.engine import check
    from db.migrate import upgrade

    url = use_data_dir(data).require_database()
    check(url)
    upgrade(url)
    print("The schema is current.")


@app.command()
def worker(
    role: Annotated[str, typer.Argument(help="detect, read or control.")],
    concurrency: Annotated[int, typer.Option(help="Processes; a GPU wants one.")] = 1,
    loglevel: str = "INFO",
) -> None:
    """Serve one queue until stopped."""
    from dashplate.health import install_heartbeat
    from dashplate.surroundings import use_data_dir
    from workers.serve import serve

    install_heartbeat(role, use_data_dir(None).data_dir)
    serve(role, concurrency, loglevel)


@app.command()
def flower(
    port: int = 5555,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve Flower on the broker; DASHPLATE_FLOWER_AUTH=user:password protects it."""
    from workers.flower import serve

    serve(port, address)


@app.command()
def health(
    service: Annotated[str, typer.Argument(help="redis, postgres, worker or flower.")],
    role: Annotated[str | None, typer.Argument(help="The worker's role.", show_default=False)] = None,
) -> None:
    """Exit with 0 if a service of this machine is well; for health checks."""
    from dashplate.health import check

    check(service, role)
