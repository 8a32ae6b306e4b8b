"""Commands about who may call the HTTP service: token add, list, revoke."""

from __future__ import annotations

from typing import Annotated

import typer

from dashplate.cli.options.plain import AsJson, DataDir, plain_text
from db.access.scopes import Scope

app = typer.Typer()
token = typer.Typer(help="Who may call the HTTP service.", no_args_is_help=True)
app.add_typer(token, name="token")

Who = Annotated[str, typer.Argument(parser=plain_text, help="Who has it.", show_default=False)]


@token.command("add")
def add(
    name: Who,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What it allows, each once. Default: read.", show_default=False),
    ] = None,
    expires: Annotated[str | None, typer.Option(help="Ends after 90d, 12h; else never.", show_default=False)] = None,
    data: DataDir = None,
) -> None:
    """Make a token and print it: it is shown this once."""
    from dashplate.commands.token import add_token

    add_token(name, scope or [Scope.READ], expires, data)


@token.command("list")
def show(json: AsJson = False, data: DataDir = None) -> None:
    """Show who has a token, and what it allows."""
    from dashplate.commands.token import list_tokens

    list_tokens(as_json=json, data=data)


@token.command("revoke")
def revoke(name: Who, data: DataDir = None) -> None:
    """End a token; within seconds it opens nothing any more."""
    from dashplate.commands.token import revoke_token

    revoke_token(name, data)
