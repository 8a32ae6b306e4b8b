"""Commands about places: places, drives, convoys; and the options that narrow a search by place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from dashplate.cli.options.plain import MOST_ID, MOST_ROWS, AsJson, DataDir, plain_text

app = typer.Typer()
places = typer.Typer(help="Places with a name: a depot, a school.", no_args_is_help=True)
app.add_typer(places, name="places")

Name = Annotated[str, typer.Argument(parser=plain_text, help="The place's name.", show_default=False)]


@dataclass(frozen=True)
class Where:
    """How a search is narrowed by place; one of these."""

    near: Annotated[
        str | None,
        typer.Option(metavar="LAT,LON,RADIUS", help="Near a point: 48.137,11.575,500m.", show_default=False),
    ] = None
    box: Annotated[
        str | None, typer.Option(metavar="S,W,N,E", help="In a box: 48.10,11.45,48.20,11.70.", show_default=False)
    ] = None
    along: Annotated[
        str | None,
        typer.Option(
            metavar="TRACK,WIDTH",
            help="Along a GPX file or a drive, so far from it at most: tour.gpx,200m or drive:12,200m.",
            show_default=False,
        ),
    ] = None
    place: Annotated[
        str | None, typer.Option(parser=plain_text, help="In the place of this name.", show_default=False)
    ] = None


@places.command("add")
def places_add(
    name: Name,
    circle: Annotated[str, typer.Argument(metavar="LAT,LON,RADIUS", help="48.137,11.575,500m", show_default=False)],
    data: DataDir = None,
) -> None:
    """Give a circle a name; the same name again moves it. Put -- before a southern latitude."""
    from dashplate.commands.findings.where import add_place

    add_place(name, circle, data)


@places.command("list")
def places_list(json: AsJson = False, data: DataDir = None) -> None:
    """Show the places."""
    from dashplate.commands.findings.where import list_places

    list_places(as_json=json, data=data)


@places.command("remove")
def places_remove(name: Name, data: DataDir = None) -> None:
    """Forget a place; nothing else changes."""
    from dashplate.commands.findings.where import remove_place

    remove_place(name, data)


@app.command()
def drives(
    job: Annotated[int | None, typer.Option(min=1, max=MOST_ID, help="Of this job.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="So many at most.")] = 20,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Show drives, the newest first: videos whose clocks say that they follow each other."""
    from dashplate.commands.findings.where import show_drives

    show_drives(job, limit, as_json=json, data=data)


@app.command()
def convoys(
    days: Annotated[
        int | None, typer.Option(min=1, max=36_525, help="Of drives of the last so many days.", show_default=False)
    ] = None,
    least: Annotated[int, typer.Option(min=2, max=MOST_ROWS, help="In at least so many drives.")] = 3,
    least_days: Annotated[int, typer.Option(min=1, max=36_525, help="On at least so many days.")] = 2,
    apart: Annotated[str | None, typer.Option(help="At places at least so far apart: 2km.", show_default=False)] = None,
    job: Annotated[int | None, typer.Option(min=1, max=MOST_ID, help="In this job.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="So many at most.")] = 50,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Show plates that keep turning up near one's own vehicles."""
    from dashplate.commands.findings.where import show_convoys

    show_convoys(days, least, least_days, apart, job, limit, as_json=json, data=data)
