"""Commands that process: run, demo, read, probe, submit, watch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dashplate.cli.options.groups import grouped
from dashplate.cli.options.plain import (
    MOST_ID,
    MOST_SEED,
    YEAR_S,
    AsJson,
    Clock,
    ClockOffset,
    DataDir,
    Name,
    Naming,
    Paths,
    PhotoForm,
    Processing,
    Reading,
    Timezone,
    Words,
    a_number,
)

app = typer.Typer()


@app.command()
@grouped
def run(
    paths: Words,
    csv: Annotated[Path | None, typer.Option(help="Write the unique plates here.", show_default=False)] = None,
    json: Annotated[Path | None, typer.Option(help="Write the whole job here.", show_default=False)] = None,
    name: Name = None,
    *,
    processing: Processing,
    data: DataDir = None,
) -> None:
    """Process files from end to end, wait, and print their unique plates."""
    from dashplate.commands.process import run_files
    from dashplate.jobs import Submission

    about = Submission(name, retain_s=processing.retain_s)
    raise typer.Exit(run_files(paths, csv=csv, json=json, data=data, about=about, options=processing.options))


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
@grouped
def read(
    images: Paths,
    json: AsJson = False,
    form: Annotated[
        PhotoForm | None,
        typer.Option("--format", help="As --json prints it, or as OpenALPR's `alpr -j` does.", show_default=False),
    ] = None,
    annotate: Annotated[
        Path | None, typer.Option(help="Folder for pictures with boxes: NAME.annotated.jpg.", show_default=False)
    ] = None,
    *,
    reading: Reading,
) -> None:
    """Read photographs at once, without servers."""
    from dashplate.commands.photos import read_photos

    form = form or (PhotoForm.JSON if json else None)
    raise typer.Exit(read_photos(images, reading.options, form=form, annotate=annotate))


@app.command()
def probe(
    files: Words,
    json: AsJson = False,
    clock: Clock = None,
    timezone: Timezone = None,
    clock_offset: ClockOffset = None,
    screen: Annotated[bool, typer.Option("--screen", help="Read the clock on screen too: some seconds.")] = False,
) -> None:
    """Tell what a file holds, how sound it is, and when and where it was recorded, without servers."""
    from dashplate.commands.probe import probe_files
    from pipeline.camera.clock import clock_options
    from workers.settings import settings

    options = clock_options(clock, timezone, clock_offset, settings().camera_clocks)
    raise typer.Exit(probe_files(files, options, as_json=json, screen=screen))


@app.command()
@grouped
def submit(
    paths: Words,
    naming: Naming,
    job: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_ID, help="Add to this job instead of a new one.", show_default=False),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the job's end.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done and cost.")] = False,
    *,
    processing: Processing,
    data: DataDir = None,
) -> None:
    """Queue files for the workers and print the job's id."""
    from dashplate.commands.process import submit_files
    from dashplate.jobs import Submission

    options = processing.options
    about = Submission(naming.name, naming.key, naming.priority, processing.retain_s)
    if dry_run:
        from dashplate.commands.dry_run import show_plan

        show_plan(paths, options, about, job, data)
        return
    raise typer.Exit(submit_files(paths, about=about, job=job, wait=wait, data=data, options=options))


@app.command()
@grouped
def watch(
    folder: Annotated[str, typer.Argument(help="A folder or an address (s3://bucket/cards/).", show_default=False)],
    naming: Naming,
    job: Annotated[
        int | None, typer.Option(min=1, max=MOST_ID, help="Go on with this job.", show_default=False)
    ] = None,
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
    *,
    processing: Processing,
    data: DataDir = None,
) -> None:
    """Keep a job open and take in what arrives in a folder; Ctrl-C ends it, and the job finishes."""
    from dashplate.commands.watch import Patience, watch_folder
    from dashplate.jobs import Submission

    about = Submission(naming.name, naming.key, naming.priority, processing.retain_s)
    watch_folder(folder, processing.options, about, job, Patience(settle, every, until_idle), data)
