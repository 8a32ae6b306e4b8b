"""Runs the command line in the test's own process: starting Python and loading the models' libraries takes seconds."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import typer

from dashplate import cli
from tests.support.command_line.commands import tree
from tests.support.command_line.network_guard import sitecustomize as network
from workers.settings import settings


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def job(self) -> int:
        """The job's id, which stands alone on standard output."""
        assert self.code == 0, self.err
        assert self.out == f"{int(self.out)}\n"
        return int(self.out)

    def assert_refused(self, sentence: str) -> None:
        """Usage or model were wrong: one line says so, and nothing else is printed."""
        assert self.code in (2, 6)
        assert sentence in self.err
        assert len(self.err.splitlines()) == 1
        assert self.out == ""


#: `here("eval", "stills", csv)`.
Here = Callable[..., Said]


@cache
def _guard_the_network(noted: str) -> None:
    """As in a process that starts under the guard; hooks stay for good, so this one looks whether a command runs."""
    on_event = network.guard(noted)

    def on_event_of_a_command(event: str, arguments: tuple[Any, ...]) -> None:
        if os.environ.get("NETWORK_GUARD_FILE") == noted:
            on_event(event, arguments)

    sys.addaudithook(on_event_of_a_command)


def run_command(*words: object) -> Said:
    """Run `dashplate ...` to its end, in the environment as it is."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    argv = ["dashplate", *map(str, words)]
    with (
        patch.object(sys, "argv", argv),
        patch.object(typer.main, "get_command", tree),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Said(code, out.getvalue(), err.getvalue())


def run_here(words: tuple[object, ...], env: Mapping[str, str], folder: Path) -> Said:
    """The same in that environment and working folder, under the guard of the network."""
    _guard_the_network(env["NETWORK_GUARD_FILE"])
    with patch.dict(os.environ, env, clear=True), chdir(folder):
        settings.cache_clear()
        said = run_command(*words)
    settings.cache_clear()
    return said
