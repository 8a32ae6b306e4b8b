"""The Typer program: all groups of commands put together, signals, and how an error ends it.

Exit codes: 0 all went well, 2 the request cannot be carried out, 3 some file gave no pictures (the others are done),
4 a part of the installation is missing, 5 Redis or PostgreSQL cannot be reached, 6 a model is missing, 143 and 129 it
was ended by SIGTERM or SIGHUP.
"""

from __future__ import annotations

import io
import signal
import sys
import threading
from types import FrameType

import typer

from dashplate.cli import evaluate, job_control, pictures, privacy, process, query, serve, telling, token, where
from output.terminal import complain, guard
from pipeline.errors import DashplateError, ServiceUnavailable

app = typer.Typer(
    name="dashplate",
    help="Reads licence plates out of fleets of dashcam videos.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for group in (process, job_control, query, where, pictures, telling, serve, token, privacy):
    app.add_typer(group.app)
app.add_typer(evaluate.app, name="eval")


def main() -> None:
    """Run the command line; what went wrong is told in a sentence, not a traceback."""
    _end_in_order()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name or a plate that the terminal cannot show is spelled out; JSON stays JSON.
        sys.stdout.reconfigure(errors="backslashreplace")
    guard()
    try:
        app()
    except DashplateError as error:
        complain(f"dashplate: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        from db.engine import is_transient, why_unreachable

        if not is_transient(error):
            raise
        complain(f"dashplate: {why_unreachable(error)}")
        sys.exit(ServiceUnavailable.exit_code)


#: What asks a program to end: `kill` and the system, and a terminal that goes.
_ENDING = (signal.SIGTERM, signal.SIGHUP)


def _end_in_order() -> None:
    """Let a signal that asks a command to end leave it as an error does, so that what it brought up is stopped."""
    if threading.current_thread() is not threading.main_thread():
        return
    for signum in _ENDING:
        # Whoever started this under `nohup` has it outlive the terminal.
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _leave)


def _leave(signum: int, frame: FrameType | None) -> None:
    # Once: a second signal would break off the stopping. Not SIG_IGN: Python complains where one has come already.
    for other in _ENDING:
        signal.signal(other, lambda *_: None)
    # What a shell reports of a program that a signal has ended.
    raise SystemExit(128 + signum)
