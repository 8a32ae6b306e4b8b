"""The commands `endpoint`, `deliveries`, `resend` and `sender`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from dashplate.bring_up import database, settings_for
from dashplate.commands.privacy import note
from dashplate.delivery.receivers import Carrier, carrier_of, check_receiver, wanted_events
from dashplate.delivery.signing import webhook_key
from dashplate.export import plain
from dashplate.signs_of_life import SENDER, mark_alive
from dashplate.typed.durations import parse_duration
from db.engine import session
from db.models import Endpoint
from db.states import DeliveryState, EndpointFormat, EventKind
from db.telling import deliveries, endpoints
from output import terminal
from output.files import json_text
from output.tables import table
from pipeline.errors import DashplateError, UsageError
from workers.telemetry import logs


def add_endpoint(
    name: str,
    address: str,
    format: EndpointFormat | None,
    events: Sequence[EventKind],
    labels: Sequence[str],
    data: Path | None,
) -> None:
    """Tell somebody from now on; nothing but a webhook's signing secret on standard output."""
    format = check_receiver(address, format)
    wanted = wanted_events(format, events)
    key = None
    if carrier_of(address) is Carrier.WEBHOOK:
        given = settings_for(data)
        # Where servers are others', so may be the sender's machine: a key of this one's alone would sign wrongly there.
        key = webhook_key(given, make=given.database_url is None)
    with database(data) as config, session(config.require_database()) as db:
        row = endpoints.add(db, name, address, format, wanted, labels)
        note(db, "endpoint", f"add {name}: {address}", None)
        secret = key and key.secret(name, row.secret)
    # Beside the output, which is the secret alone.
    terminal.complain(f"{name} is told of {', '.join(sorted(wanted))} from now on.")
    if secret:
        terminal.complain("It checks signatures with this secret:")
        print(secret)


def list_endpoints(*, as_json: bool, data: Path | None) -> None:
    """Everybody who is told."""
    with database(data) as config, session(config.require_database()) as db:
        known = endpoints.known(db)
    if as_json:
        for row in known:
            print(json_text(endpoint_told(row)))
        return
    shown = table(("name", "address", "format", "events", "labels", ""))
    for row in known:
        words = (row.name, row.address, row.format, ", ".join(row.events), ", ".join(row.labels) or "all")
        shown.add_row(*(escape(word) for word in words), escape(f"off: {row.problem}" if row.disabled_at else ""))
    terminal.out.print(shown if known else "Nobody is told; `dashplate endpoint add` names somebody.")


def endpoint_told(row: Endpoint) -> dict[str, object]:
    """An endpoint as JSON tells it."""
    return {
        "name": row.name, "address": row.address, "format": row.format.value, "events": row.events,
        "labels": row.labels, "created_at": row.created_at.isoformat(), "enabled": row.disabled_at is None,
        "problem": row.problem,
    }  # fmt: skip


def remove_endpoint(name: str, data: Path | None) -> None:
    """Tell somebody no more; what they were still owed goes too."""
    with database(data) as config, session(config.require_database()) as db:
        endpoints.remove(db, name)
        note(db, "endpoint", f"remove {name}", None)
    print(f"{name} is told no more.")


def enable_endpoint(name: str, data: Path | None) -> None:
    """Go on telling somebody who was switched off."""
    with database(data) as config, session(config.require_database()) as db:
        endpoints.enable(db, name)
        note(db, "endpoint", f"enable {name}", None)
    print(f"{name} is told again.")


def show_secret(name: str, data: Path | None) -> None:
    """Print an endpoint's signing secret."""
    with database(data) as config, session(config.require_database()) as db:
        row = endpoints.named(db, name)
        secret = webhook_key(config).secret(row.name, row.secret)
        note(db, "endpoint", f"show the secret of {name}", None)
    print(secret)


def rotate_secret(name: str, overlap: str, data: Path | None) -> None:
    """Give an endpoint a new signing secret; the old one signs too for the overlap."""
    overlap_s = 0 if overlap.strip() == "0" else parse_duration(overlap)
    with database(data) as config, session(config.require_database()) as db:
        key = webhook_key(config)
        row = endpoints.rotate(db, name, overlap_s)
        secret = key.secret(row.name, row.secret)
        note(db, "endpoint", f"new secret of {name}", None)
    before = f"The secret before signs too for {overlap}. " if overlap_s else ""
    terminal.complain(f"{before}The new secret is:")
    print(secret)


def test_endpoint(name: str, data: Path | None) -> None:
    """Send an endpoint one message, now, and say what it answers. Raises DashplateError where it does not take it."""
    from dashplate.delivery.sender import test_once

    with database(data) as config:
        with session(config.require_database()) as db:
            row = endpoints.named(db, name)
            db.expunge(row)
        answer = asyncio.run(test_once(config, row))
    if answer.problem is not None:
        raise DashplateError(answer.problem)
    print(f"{name} took it{f' (status {answer.status})' if answer.status else ''}.")


def list_deliveries(
    endpoint: str | None, state: DeliveryState | None, limit: int, *, as_json: bool, data: Path | None
) -> None:
    """What was told, is owed, or was given up; the newest first."""
    with database(data) as config, session(config.require_database()) as db:
        if endpoint is not None:
            endpoints.named(db, endpoint)
        rows = deliveries.listed(db, endpoint, state, most=limit)
    if as_json:
        for row in rows:
            print(json_text(plain(row)))
        return
    shown = table(("delivery", "endpoint", "event", "job", "state", "tries", "next", "answer"))
    for row in rows:
        due = f"{row['due_at']:%m-%d %H:%M:%S}" if row["state"] == DeliveryState.PENDING else ""
        answer = row["problem"] or (f"status {row['status']}" if row["status"] else "")
        words = (str(row["delivery"]), row["endpoint"], row["kind"], str(row["job"]), row["state"], str(row["tries"]))
        shown.add_row(*(escape(word) for word in (*words, due, answer)))
    terminal.out.print(shown if rows else "There is nothing.")


def resend(numbers: Sequence[int], *, dead: bool, endpoint: str | None, data: Path | None) -> None:
    """Tell deliveries anew: those that are named, or all that were given up."""
    if bool(numbers) == dead:
        raise UsageError("Name deliveries, or give --dead for all that were given up.")
    with database(data) as config, session(config.require_database()) as db:
        if endpoint is not None:
            endpoints.named(db, endpoint)
        if missing := [number for number in numbers if not deliveries.resend(db, number)]:
            raise UsageError(f"There is no delivery {missing[0]}; nothing is sent again.")
        sent = deliveries.resend_dead(db, endpoint) if dead else len(numbers)
        note(db, "endpoint", f"resend {sent}", None)
    print("1 delivery is sent again." if sent == 1 else f"{sent:,} deliveries are sent again.")


def run_sender(data: Path | None) -> None:
    """Tell endpoints what they are owed, until a signal comes."""
    from dashplate.delivery.sender import Sender

    logs.configure("sender")
    with database(data) as config:

        async def serve() -> None:
            stop, loop = asyncio.Event(), asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.add_signal_handler(number, stop.set)
            terminal.say("The sender is at work.")
            await Sender(config, lambda: mark_alive(SENDER, config.data_dir)).run(stop)

        asyncio.run(serve())
