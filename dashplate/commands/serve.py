"""The commands `up` (servers, workers, what serves beside them), `serve` and `metrics`, until a signal comes."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dashplate.bring_up import database, everything, settings_for
from dashplate.commands.process import health_check
from dashplate.commands.token import tell_of_tokens
from dashplate.stack import running, stop, why_taken
from db.access.tokens import any_usable
from db.engine import engine_for, session
from output import terminal
from pipeline.errors import UsageError
from pipeline.sources.roots import root_named
from workers.settings import Settings, using
from workers.telemetry import logs

if TYPE_CHECKING:
    from dashplate.service.server import Place


@dataclass(frozen=True, slots=True)
class Ports:
    """What else `up` serves on this machine, and where; 0 leaves one out."""

    flower: int
    service: int
    metrics: int = 0

    def check(self) -> None:
        """Raises UsageError for a port that cannot be had."""
        wanted = (
            ("Flower", self.flower, "--flower-port"),
            ("The service", self.service, "--port"),
            ("The metrics", self.metrics, "--metrics-port"),
        )
        holders: dict[int, str] = {}
        for title, port, option in wanted:
            if not port:
                continue
            if port in holders:
                raise UsageError(
                    f"{holders[port]} and {title.lower()} cannot share port {port}. Choose another with {option}."
                )
            holders[port] = title
            if reason := why_taken(port):
                raise UsageError(
                    f"{title} cannot have port {port} of this machine ({reason}). Choose another with {option}, "
                    f"or leave it out with {option} 0."
                )


def stay_up(data: Path | None, ports: Ports, roots: Sequence[str]) -> None:
    """Serve until a signal comes; then everything on the data folder stops with us."""
    named = [root_named(root) for root in roots]
    allowed = tuple(root.resolve() if isinstance(root, Path) else root for root in named)
    # In place of the environment's, which are not even looked at then.
    with using(Settings(roots=allowed)) if allowed else nullcontext():
        folder = settings_for(data).data_dir
        there = running(folder)
        if there is not None and there.keep:
            raise UsageError(f"Dashplate is already up on {folder}; `dashplate down` stops it.")
        ports.check()
        try:
            _serve_all(data, folder, ports)
        finally:
            stop(folder)


def _serve_all(data: Path | None, folder: Path, ports: Ports) -> None:
    flower, service, metrics = ports.flower or None, ports.service or None, ports.metrics or None
    with everything(data, flower_port=flower, service_port=service, metrics_port=metrics, keep=True) as around:
        url = around.settings.require_database()
        terminal.say(f"Dashplate is up on {folder}.")
        if flower:
            terminal.out.print(f"Flower: http://127.0.0.1:{flower}")
        if service:
            terminal.out.print(f"Service: http://127.0.0.1:{service}")
            tell_of_tokens(url)
        if metrics:
            terminal.out.print(f"Metrics: http://127.0.0.1:{metrics}/metrics")
        terminal.out.print("Submit with `dashplate submit`, stop with Ctrl-C or `dashplate down`.")
        watch = health_check(around.workers)
        # From now on only the workers and the service ask.
        engine_for(url).dispose()
        while True:
            time.sleep(1.0)
            watch()


def serve_http(data: Path | None, place: Place, *, no_token: bool) -> None:
    """Serve over HTTP, on the servers that are given or run, else on ones of its own."""
    from dashplate.service.server import serve
    from dashplate.web.app import create_app_with_pages

    logs.configure("service")
    with database(data) as config:
        with session(config.require_database()) as db:
            nobody = not no_token and not any_usable(db)

        def ready() -> None:
            terminal.say(f"Dashplate listens on {place.url}.")
            if nobody:
                terminal.say("Nobody has a token yet; `dashplate token add NAME` makes one.")

        serve(config, place, ready, no_token=no_token, create=create_app_with_pages)


def serve_metrics(data: Path | None, address: str, port: int) -> None:
    """Serve figures for Prometheus, of the servers that are given or run."""
    from dashplate.metrics.serving import serve

    logs.configure("metrics")
    # Taken out: nothing that this process starts needs it.
    token = os.environ.pop("DASHPLATE_METRICS_TOKEN", "").strip() or None
    with database(data) as config:
        serve(config, address, port, token, lambda: terminal.say(f"Metrics: http://{address}:{port}/metrics"))
