"""The commands `up` (servers, workers and Flower) and `serve` (the HTTP service), until a signal comes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from dashplate.bring_up import database, everything, settings_for
from dashplate.commands.process import health_check
from dashplate.stack import running, stop, why_taken
from db.access.tokens import any_usable
from db.engine import engine_for, session
from output import terminal
from pipeline.errors import UsageError
from pipeline.sources.roots import root_named


def stay_up(data: Path | None, flower_port: int, roots: Sequence[str]) -> None:
    """Serve until a signal comes; then everything on the data folder stops with us."""
    named = [root_named(root) for root in roots]
    allowed = [root.resolve() if isinstance(root, Path) else root for root in named]
    folder = settings_for(data).data_dir
    there = running(folder)
    if there is not None and there.keep:
        raise UsageError(f"Dashplate is already up on {folder}; `dashplate down` stops it.")
    if flower_port and (reason := why_taken(flower_port)):
        raise UsageError(
            f"Flower cannot have port {flower_port} of this machine ({reason}). Choose another with --flower-port, "
            "or leave Flower out with --flower-port 0."
        )
    try:
        with everything(data, roots=allowed, flower_port=flower_port or None, keep=True) as around:
            terminal.say(f"Dashplate is up on {folder}.")
            if flower_port:
                terminal.out.print(f"Flower: http://127.0.0.1:{flower_port}")
            terminal.out.print("Submit with `dashplate submit`, stop with Ctrl-C or `dashplate down`.")
            watch = health_check(around.workers)
            # From now on only the workers ask.
            engine_for(around.settings.require_database()).dispose()
            while True:
                time.sleep(1.0)
                watch()
    finally:
        stop(folder)


def serve_http(data: Path | None, address: str, ports: tuple[int, ...], *, no_token: bool) -> None:
    """Serve over HTTP, on the servers that are given or run, else on ones of its own."""
    from dashplate.service.server import Place, serve

    place = Place(address, ports)
    with database(data) as config:
        with session(config.require_database()) as db:
            nobody = not no_token and not any_usable(db)

        def ready() -> None:
            shown = f"[{address}]" if ":" in address else address
            terminal.say(f"Dashplate listens on http://{shown}:{ports[0]}.")
            if nobody:
                terminal.say("Nobody has a token yet; `dashplate token add NAME` makes one.")

        serve(config, place, ready, no_token=no_token)
