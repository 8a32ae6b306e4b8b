"""Commands about watch lists and about who is told: watchlist, hits, endpoint, deliveries, resend, sender."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dashplate.cli.options.plain import MOST_ID, MOST_ROWS, AsJson, DataDir, OneJob, plain_text
from db.states import DeliveryState, EndpointFormat, EventKind

app = typer.Typer()
watchlist = typer.Typer(help="Plates that somebody wants to hear of.", no_args_is_help=True)
app.add_typer(watchlist, name="watchlist")
endpoint = typer.Typer(help="Who is told, and where.", no_args_is_help=True)
app.add_typer(endpoint, name="endpoint")

EntryId = Annotated[int, typer.Argument(min=1, max=MOST_ID, help="An entry's number.", show_default=False)]
Name = Annotated[str, typer.Argument(parser=plain_text, help="The endpoint's name.", show_default=False)]
Limit = Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="So many at most.")]
OneLabel = Annotated[str | None, typer.Option("--label", parser=plain_text, help="Of this list.", show_default=False)]
AlertExisting = Annotated[
    bool, typer.Option("--alert-existing", help="Tell endpoints of sightings that were there before, too.")
]
OneEndpoint = Annotated[
    str | None, typer.Option("--endpoint", parser=plain_text, help="Of this endpoint.", show_default=False)
]


@watchlist.command("add")
def watchlist_add(
    plate: Annotated[
        str, typer.Argument(parser=plain_text, help="A plate, or a pattern with * and ?.", show_default=False)
    ],
    label: Annotated[str, typer.Option(parser=plain_text, help="Names the list: stolen.", show_default=False)],
    like: Annotated[bool, typer.Option("--like", help="Also what the plate is easily taken for.")] = False,
    colour: Annotated[
        str | None, typer.Option(parser=plain_text, help="For whoever shows its hits.", show_default=False)
    ] = None,
    note: Annotated[str | None, typer.Option(parser=plain_text, help="Why.", show_default=False)] = None,
    expires: Annotated[
        str | None, typer.Option(help="Ends after 30d, or on a date; else never.", show_default=False)
    ] = None,
    hashed: Annotated[
        bool, typer.Option("--hashed", help="Keep its hash under DASHPLATE_PLATE_KEY alone: for hashed jobs.")
    ] = False,
    alert_existing: AlertExisting = False,
    data: DataDir = None,
) -> None:
    """Put a plate on a list, and match it with what is there."""
    from dashplate.commands.telling.watch_lists import add_entry, wish

    wanted = wish(
        plate, label, alike=like, colour=colour, remark=note, expires=expires, hashed=hashed,
        alert_existing=alert_existing,
    )  # fmt: skip
    add_entry(wanted, data)


@watchlist.command("import")
def watchlist_import(
    file: Annotated[
        Path, typer.Argument(help="CSV: plate, like, label, colour, note, expires; - is input.", show_default=False)
    ],
    label: Annotated[
        str | None, typer.Option(parser=plain_text, help="Of entries that name none.", show_default=False)
    ] = None,
    alert_existing: AlertExisting = False,
    data: DataDir = None,
) -> None:
    """Put all plates of a CSV file on lists; nothing is added where a line is wrong."""
    from dashplate.commands.telling.watch_lists import import_entries

    import_entries(file, label, alert_existing=alert_existing, data=data)


@watchlist.command("list")
def watchlist_list(
    label: OneLabel = None,
    ended: Annotated[bool, typer.Option("--ended", help="Those that have ended, too.")] = False,
    limit: Limit = 100,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Show entries, and how often they were hit."""
    from dashplate.commands.telling.watch_lists import list_entries

    list_entries(label, limit, ended=ended, as_json=json, data=data)


@watchlist.command("remove")
def watchlist_remove(
    entry: EntryId,
    forget: Annotated[bool, typer.Option("--forget", help="Its hits, too.")] = False,
    data: DataDir = None,
) -> None:
    """Watch for an entry no longer; its hits stay."""
    from dashplate.commands.telling.watch_lists import remove_entry

    remove_entry(entry, forget=forget, data=data)


@app.command()
def hits(
    label: OneLabel = None,
    job: OneJob = None,
    entry: Annotated[int | None, typer.Option(min=1, max=MOST_ID, help="Of this entry.", show_default=False)] = None,
    new: Annotated[bool, typer.Option("--new", help="Not those that were there before their entry.")] = False,
    limit: Limit = 50,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Show sightings that fit the watch lists, and why; the newest first."""
    from dashplate.commands.telling.watch_lists import list_hits

    list_hits(label, job, entry, limit, new=new, as_json=json, data=data)


@endpoint.command("add")
def endpoint_add(
    name: Name,
    to: Annotated[
        str, typer.Option("--to", parser=plain_text, help="Its address: https://host/path.", show_default=False)
    ],
    format: Annotated[
        EndpointFormat | None, typer.Option(help="In whose words; else as fits the address.", show_default=False)
    ] = None,
    event: Annotated[
        list[EventKind] | None,
        typer.Option(help="What it is told of, each once. Default: all.", show_default=False),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(parser=plain_text, help="Of hits, those of this list, each once.", show_default=False),
    ] = None,
    data: DataDir = None,
) -> None:
    """Tell somebody from now on, and print the secret of its signatures."""
    from dashplate.commands.telling.endpoints import add_endpoint

    add_endpoint(name, to, format, event or [], label or [], data)


@endpoint.command("list")
def endpoint_list(json: AsJson = False, data: DataDir = None) -> None:
    """Show who is told, and of what."""
    from dashplate.commands.telling.endpoints import list_endpoints

    list_endpoints(as_json=json, data=data)


@endpoint.command("remove")
def endpoint_remove(name: Name, data: DataDir = None) -> None:
    """Tell somebody no more; what they were still owed goes too."""
    from dashplate.commands.telling.endpoints import remove_endpoint

    remove_endpoint(name, data)


@endpoint.command("enable")
def endpoint_enable(name: Name, data: DataDir = None) -> None:
    """Go on with an endpoint that was switched off because it answered 410."""
    from dashplate.commands.telling.endpoints import enable_endpoint

    enable_endpoint(name, data)


@endpoint.command("secret")
def endpoint_secret(name: Name, data: DataDir = None) -> None:
    """Print the secret of its signatures."""
    from dashplate.commands.telling.endpoints import show_secret

    show_secret(name, data)


@endpoint.command("rotate")
def endpoint_rotate(
    name: Name,
    overlap: Annotated[str, typer.Option(help="The secret before signs too for 24h, 7d; 0: it ends now.")] = "24h",
    data: DataDir = None,
) -> None:
    """Give it a new secret, and print that."""
    from dashplate.commands.telling.endpoints import rotate_secret

    rotate_secret(name, overlap, data)


@endpoint.command("test")
def endpoint_test(name: Name, data: DataDir = None) -> None:
    """Send it one message of the type `test`, and say what it answers."""
    from dashplate.commands.telling.endpoints import test_endpoint

    test_endpoint(name, data)


@app.command()
def deliveries(
    endpoint: OneEndpoint = None,
    state: Annotated[
        DeliveryState | None, typer.Option(help="Those that are owed, told, or given up.", show_default=False)
    ] = None,
    limit: Limit = 50,
    json: AsJson = False,
    data: DataDir = None,
) -> None:
    """Show what endpoints were told, are owed, and could not be told."""
    from dashplate.commands.telling.endpoints import list_deliveries

    list_deliveries(endpoint, state, limit, as_json=json, data=data)


@app.command()
def resend(
    delivery: Annotated[
        list[int] | None, typer.Argument(min=1, max=MOST_ID, help="Deliveries' numbers.", show_default=False)
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All that were given up.")] = False,
    endpoint: OneEndpoint = None,
    data: DataDir = None,
) -> None:
    """Tell deliveries again, under the id that they had."""
    from dashplate.commands.telling.endpoints import resend as send_again

    send_again(delivery or [], dead=dead, endpoint=endpoint, data=data)


@app.command()
def sender(data: DataDir = None) -> None:
    """Tell endpoints what they are owed, until stopped; `dashplate up` runs it."""
    from dashplate.commands.telling.endpoints import run_sender

    run_sender(data)
