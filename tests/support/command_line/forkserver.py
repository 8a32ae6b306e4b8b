"""Runs `dashplate ...` as a process that is forked from one which has imported the large libraries.

A command started by the interpreter spends most of its time on those imports. The forked one has streams, environment
and working folder of its own, imports all of Dashplate itself, and ends with an exit code, as any other. What is about
the start of a process, the interpreter's flags or who else it starts is tested with real starts.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing import reduction
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import IO, Any

#: Libraries of other people that commands import, and none that reads the environment or its streams at import.
_PRELOADED = (
    "alembic.command", "alembic.context", "av", "celery", "celery.app.task", "cryptography.fernet", "cv2", "fsspec",
    "kombu", "numpy", "psutil", "psycopg", "pydantic_settings", "rapidfuzz", "redis", "rich.live", "rich.progress",
    "rich.table", "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.orm", "typer", "typer.rich_utils",
    "xml.etree.ElementTree", "yaml",
)  # fmt: skip
#: No command takes longer, on the most crowded machine.
_TIME_LIMIT_S = 240.0


class _Stream:
    """An open file descriptor on its way into the forked process."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __getstate__(self) -> Any:
        return reduction.DupFd(self.fd)  # type: ignore[attr-defined]

    def __setstate__(self, duplicate: Any) -> None:
        self.fd = duplicate.detach()


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    return context


@dataclass
class Command:
    """A command that writes to files."""

    words: tuple[str, ...]
    process: ForkServerProcess
    out: IO[str]
    err: IO[str]

    def ended(self) -> subprocess.CompletedProcess[str]:
        """Wait for its end."""
        code = wait(self.process, self.words)
        return subprocess.CompletedProcess(self.words, code, _read(self.out), _read(self.err))


@contextmanager
def begun(*words: str, env: Mapping[str, str] | None = None) -> Iterator[Command]:
    """Start `dashplate WORDS`; what still runs when the block ends is killed."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, open(os.devnull) as nothing:
        process = start(*words, stdin=nothing.fileno(), stdout=out.fileno(), stderr=err.fileno(), env=env)
        try:
            yield Command(words, process, out, err)
        finally:
            process.kill()
            process.join()


def run(*words: str, env: Mapping[str, str] | None = None, check: bool = False) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run` on `dashplate WORDS` with its output captured; raises what that raises."""
    with begun(*words, env=env) as command:
        done = command.ended()
    if check:
        done.check_returncode()
    return done


def start(
    *words: str, stdin: int, stdout: int, stderr: int, env: Mapping[str, str] | None = None, folder: str | None = None
) -> ForkServerProcess:
    """Start `dashplate WORDS` on these file descriptors, which stay open here; this process's environment and folder.

    The caller joins it; its `exitcode` is that of the command.
    """
    streams = [_Stream(fd) for fd in (stdin, stdout, stderr)]
    whole = dict(os.environ if env is None else env)
    process = _context().Process(target=_command, args=(words, streams, whole, folder or os.getcwd()), daemon=False)
    process.start()
    return process


def wait(process: ForkServerProcess, words: tuple[str, ...], limit_s: float = _TIME_LIMIT_S) -> int:
    """The exit code of a command; one that does not end is killed, and subprocess.TimeoutExpired raised."""
    process.join(limit_s)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise subprocess.TimeoutExpired(words, limit_s)
    return process.exitcode


def _read(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _command(words: tuple[str, ...], streams: list[_Stream], env: Mapping[str, str], folder: str) -> None:
    """What the forked process does: take the place of an interpreter that starts with `-m dashplate`."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    encoding, errors = sys.stdout.encoding, sys.stdout.errors
    for number, stream in enumerate(streams):
        os.dup2(stream.fd, number)
        os.close(stream.fd)
    sys.stdin = open(0, encoding=encoding, errors=errors, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding=encoding, errors=errors, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv = ["dashplate", *words]
    ours = {"bench", "dashplate", "db", "evaluation", "output", "pipeline", "store", "workers"}
    assert not ours & sys.modules.keys(), "it imports all of Dashplate itself"
    from dashplate.cli import main

    try:
        main()
    finally:
        atexit._run_exitfuncs()
