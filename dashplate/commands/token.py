"""The commands `token add`, `list` and `revoke`."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from dashplate.bring_up import database
from dashplate.commands.privacy import note
from dashplate.typed.durations import parse_duration
from db.access import tokens
from db.access.scopes import Scope
from db.engine import session
from db.models import TokenRow
from output import terminal
from output.files import json_text
from output.tables import table

#: The name of the token that `up` makes.
_FIRST = "first"


def add_token(name: str, scopes: Sequence[Scope], expires: str | None, data: Path | None) -> None:
    """Make a token; nothing but it on standard output."""
    lifetime_s = None if expires is None else parse_duration(expires)
    with database(data) as config, session(config.require_database()) as db:
        made = tokens.create(db, name, scopes, lifetime_s)
        note(db, "token", f"add {name}: {', '.join(scopes)}", None)
    print(made)


def tell_of_tokens(url: str) -> None:
    """Make the first token where nobody ever had one, and show it to a terminal; else say how one is made.

    A file or a pipe keeps what it is told: none is printed there, and so none is made. Nor is one made again after the
    last has ended: somebody ended it.
    """
    with session(url) as db:
        first = not tokens.known(db) and sys.stdout.isatty()
        if first:
            made = tokens.create(db, _FIRST, [Scope.ADMIN], None)
            note(db, "token", f"add {_FIRST}: {Scope.ADMIN}", None)
        nobody = not first and not tokens.any_usable(db)
    if first:
        terminal.say(f"Its first token, named {_FIRST}, allows everything and is shown this once:\n{made}")
    elif nobody:
        terminal.say("Nobody has a token for it, and none is printed here; `dashplate token add NAME` makes one.")
    else:
        terminal.say("`dashplate token add NAME` lets another program in.")


def list_tokens(*, as_json: bool, data: Path | None) -> None:
    """Everybody who ever had one."""
    with database(data) as config, session(config.require_database()) as db:
        known = tokens.known(db)
    now = dt.datetime.now(dt.UTC)
    if as_json:
        for row in known:
            print(json_text({"name": row.name, "scopes": row.scopes, "state": _state(row, now)}))
        return
    shown = table(("name", "scopes", "made", "ends", ""))
    for row in known:
        ends = f"{row.expires_at:%Y-%m-%d %H:%M}" if row.expires_at else "never"
        state = _state(row, now)
        shown.add_row(
            escape(row.name),
            ", ".join(row.scopes),
            f"{row.created_at:%Y-%m-%d}",
            ends,
            "" if state == "in use" else state,
        )
    terminal.out.print(shown if known else "Nobody has a token; `dashplate token add NAME` makes one.")


def revoke_token(name: str, data: Path | None) -> None:
    """End one."""
    with database(data) as config, session(config.require_database()) as db:
        tokens.revoke(db, name)
        note(db, "token", f"revoke {name}", None)
    print(f"The token {name} is ended.")


def _state(row: TokenRow, now: dt.datetime) -> str:
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= now else "in use"
