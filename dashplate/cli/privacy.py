"""Commands about what is kept and who asked: purge, watched, hash, audit, backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dashplate.cli.options.plain import AsJson, DataDir, OneJob, Plate, plain_text

app = typer.Typer()


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
    # `--data` is taken as by every command; the key is not in the data folder.
    from dashplate.commands.privacy import show_hash

    show_hash(plate)


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


@app.command()
def backup(
    out: Annotated[Path, typer.Argument(help="A file that is not there yet.", show_default=False)], data: DataDir = None
) -> None:
    """Write the database into a file; the store is copied apart, after it."""
    from dashplate.commands.backup import back_up

    back_up(out, data)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `dashplate backup` has written.", show_default=False)],
    replace: Annotated[bool, typer.Option("--replace", help="In place of the jobs that are there.")] = False,
    data: DataDir = None,
) -> None:
    """Put a backup back; nothing else may be connected."""
    from dashplate.commands import backup

    backup.restore(file, replace=replace, data=data)
