"""Commands about what was found: status, plates, search, correct, export, clip, send, sql, verify."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from dashplate.cli.options.groups import grouped
from dashplate.cli.options.plain import MOST_ID, MOST_ROWS, AsJson, DataDir, JobId, SightingId, a_number, plain_text
from dashplate.cli.where import Where
from dashplate.typed.durations import CLIP_S, MOST_CLIP_S

app = typer.Typer()


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
    from dashplate.commands.findings.query import show_status

    show_status(job, watch=watch, as_json=json, data=data)


@app.command()
@grouped
def plates(
    where: Where,
    pattern: Annotated[str, typer.Argument(parser=plain_text, help="A text with * and ? as wildcards.")] = "*",
    limit: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="So many at most.")] = 100,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Search the unique plates of all jobs."""
    from dashplate.commands.findings.search import show_plates

    show_plates(pattern, limit, **asdict(where), as_json=json, data=data)


@dataclass(frozen=True)
class Narrowed:
    """How a search is narrowed."""

    job: Annotated[int | None, typer.Option(min=1, max=MOST_ID, help="In this job.", show_default=False)] = None
    country: Annotated[
        str | None, typer.Option(parser=plain_text, help="Of this country, such as GB.", show_default=False)
    ] = None
    since: Annotated[
        str | None,
        typer.Option(help="In videos finished since: 12h, 7d, or a date such as 2026-11-01.", show_default=False),
    ] = None
    until: Annotated[str | None, typer.Option(help="And before.", show_default=False)] = None
    share: Annotated[
        float | None, typer.Option(min=0, max=1, help="The text that fits is as sure as this.", show_default=False)
    ] = None
    winners: Annotated[bool, typer.Option("--winners", help="No runners-up: what sightings were read as.")] = False


@app.command()
@grouped
def search(
    narrowed: Narrowed,
    where: Where,
    plate: Annotated[
        str | None,
        typer.Argument(
            parser=plain_text, help="A plate, or a pattern with * and ?; any, in an area.", show_default=False
        ),
    ] = None,
    like: Annotated[bool, typer.Option("--like", help="Also what the plate is easily taken for.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="So many at most.")] = 50,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Search all sightings by what they were read as and by their runners-up."""
    from dashplate.commands.findings.search import show_found

    show_found(plate, alike=like, **asdict(narrowed), **asdict(where), limit=limit, as_json=json, data=data)


@app.command()
def correct(
    sighting: SightingId,
    plate: Annotated[str | None, typer.Argument(parser=plain_text, help="What it says.", show_default=False)] = None,
    no_plate: Annotated[bool, typer.Option("--no-plate", help="It is no plate.")] = False,
    take_back: Annotated[bool, typer.Option("--take-back", help="Forget what was said of it.")] = False,
    note: Annotated[str | None, typer.Option(parser=plain_text, help="Why.", show_default=False)] = None,
    data: DataDir = None,
) -> None:
    """Say what a sighting shows, beside what it was read as."""
    from dashplate.commands.findings.correct import correct_sighting

    correct_sighting(sighting, plate, no_plate=no_plate, take_back=take_back, note=note, data=data)


@app.command()
def export(
    job: JobId,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            help="csv, jsonl, json, parquet, xlsx, plate-recognizer; maps: geojson, gpx, kml, geoparquet;"
            " with pictures: training, cvat, labelstudio, yolo.",
        ),
    ] = "csv",
    rows: Annotated[str, typer.Option("--rows", help="plates: one a video; or sightings.")] = "plates",
    out: Annotated[
        Path | None,
        typer.Option(help="A file, a folder for pictures; without it, standard output.", show_default=False),
    ] = None,
    append: Annotated[bool, typer.Option("--append", help="Add to the file what it lacks.")] = False,
    confirmed: Annotated[
        bool, typer.Option("--confirmed", help="Label what more than one crop says, not only corrections.")
    ] = False,
    data: DataDir = None,
) -> None:
    """Write a job's unique plates or sightings, or what people read in them with its pictures."""
    from dashplate.export.command import export_job

    export_job(job, format, rows, out, append=append, confirmed=confirmed, data=data)


@app.command()
def clip(
    sighting: SightingId,
    out: Annotated[Path, typer.Option(help="The MP4 file to write.", show_default=False)],
    before: Annotated[
        float, typer.Option(min=0, max=MOST_CLIP_S, callback=a_number, help="Seconds before the frame that was read.")
    ] = CLIP_S,
    after: Annotated[float, typer.Option(min=0, max=MOST_CLIP_S, callback=a_number, help="Seconds after it.")] = CLIP_S,
    data: DataDir = None,
) -> None:
    """Cut a sighting out of its original video: H.264 without sound."""
    from dashplate.commands.findings.query import cut_clip

    cut_clip(sighting, out, before, after, data)


@app.command()
def send(
    job: JobId,
    to: Annotated[
        str,
        typer.Option("--to", parser=plain_text, help="ALPR-Database's address: http://host:3000.", show_default=False),
    ],
    api_key_file: Annotated[
        Path | None,
        typer.Option(help="A file with its API key; else DASHPLATE_SEND_KEY has it.", show_default=False),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(parser=plain_text, help="The camera's name there; else the job's name.", show_default=False),
    ] = None,
    data: DataDir = None,
) -> None:
    """Send a job's sightings to an ALPR-Database; exit with 1 where it did not take all."""
    from dashplate.delivery.send import send_job

    raise typer.Exit(send_job(job, to, api_key_file, camera, data))


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
    from dashplate.commands.findings.query import sql_shell

    raise typer.Exit(sql_shell(query, as_json=json, data=data))


@app.command()
def verify(
    job: JobId,
    quick: Annotated[bool, typer.Option("--quick", help="Do not read the files: existence and size only.")] = False,
    sweep: Annotated[bool, typer.Option("--sweep", help="Remove files of ended videos that have no row.")] = False,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Check a job's rows against its files, its counters and its states; exit with 1 where something is wrong."""
    from dashplate.commands.checks.verify import verify_job

    raise typer.Exit(verify_job(job, quick=quick, sweep=sweep, as_json=json, data=data))
