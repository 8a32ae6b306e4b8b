"""Commands that make videos, pictures and packages of what was found: annotate, debug, evidence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from dashplate.cli.options.groups import grouped
from dashplate.cli.options.plain import MOST_ID, YEAR_S, DataDir, JobId, KeepOverlays, Reading, a_number, plain_text

app = typer.Typer()


@app.command()
def annotate(
    job: JobId,
    to: Annotated[Path, typer.Option("--to", help="The MP4 file to write.", show_default=False)],
    video: Annotated[
        str | None,
        typer.Argument(
            parser=plain_text, help="One of its videos, by file name or number, where it has several.",
            show_default=False,
        ),
    ] = None,
    data: DataDir = None,
) -> None:  # fmt: skip
    """Write a video with boxes and readings that stay with their plates: H.264 without sound."""
    from dashplate.commands.pictures.annotate import annotate_video

    annotate_video(job, video, to, data)


@app.command()
@grouped
def debug(
    video: Annotated[str, typer.Argument(parser=plain_text, help="A video or an address.", show_default=False)],
    to: Annotated[Path, typer.Option("--to", help="The folder for the pictures.", show_default=False)],
    start: Annotated[
        float, typer.Option("--from", min=0, max=YEAR_S, callback=a_number, help="Seconds into the video.")
    ] = 0.0,
    until: Annotated[
        float | None,
        typer.Option("--until", min=0, max=YEAR_S, callback=a_number, help="And up to here.", show_default=False),
    ] = None,
    keep_overlays: KeepOverlays = False,
    *,
    reading: Reading,
) -> None:
    """Write a picture of what every stage makes of a video, without servers."""
    from dashplate.commands.pictures.debug import debug_video
    from dashplate.jobs import job_options

    options = job_options(reading.country, keep_overlays, reading.reader, reading.reader_engine)
    debug_video(video, to, options, start, until)


@dataclass(frozen=True)
class Signing:
    """How a package is signed, or checked."""

    key_file: Annotated[
        Path | None,
        typer.Option(help="A file with the signing key; else DASHPLATE_SIGNING_KEY has it.", show_default=False),
    ] = None
    unsigned: Annotated[bool, typer.Option("--unsigned", help="Do not sign it.")] = False
    verify: Annotated[Path | None, typer.Option(help="Check this package, and write none.", show_default=False)] = None
    public_key: Annotated[
        str | None,
        typer.Option(
            parser=plain_text, help="The key that it has to be signed with, or its PEM file.", show_default=False
        ),
    ] = None


@app.command()
@grouped
def evidence(
    plates: Annotated[
        list[str] | None, typer.Argument(parser=plain_text, help="Plates, all sightings of each.", show_default=False)
    ] = None,
    sighting: Annotated[
        list[int] | None,
        typer.Option(min=1, max=MOST_ID, help="A sighting's number; several times for several.", show_default=False),
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", help="The ZIP file to write.", show_default=False)] = None,
    case: Annotated[
        str | None, typer.Option(parser=plain_text, help="What the case is called.", show_default=False)
    ] = None,
    no_clips: Annotated[bool, typer.Option("--no-clips", help="Leave out the seconds of video.")] = False,
    *,
    signing: Signing,
    data: DataDir = None,
) -> None:
    """Package what is known of plates: pictures, clips, hashes, readings, pages to print; or check a package."""
    from dashplate.commands.pictures.evidence import verify_evidence, write_evidence
    from dashplate.evidence.gathering import Case
    from pipeline.errors import UsageError

    if signing.verify is not None:
        raise typer.Exit(verify_evidence(signing.verify, signing.public_key))
    if to is None:
        raise UsageError("Say where to write the package: --to case.zip. --verify case.zip checks one.")
    wanted = Case(tuple(plates or ()), tuple(sighting or ()), case, clips=not no_clips)
    write_evidence(wanted, to, signing.key_file, unsigned=signing.unsigned, data=data)
