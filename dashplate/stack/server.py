"""What the two embedded servers have in common: find, adopt, start, wait, stop."""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import ClassVar

from dashplate.stack.account import Account
from dashplate.stack.layout import Layout, last_lines, open_log
from dashplate.stack.system import Identity, end, identify, servers_in
from pipeline.errors import ServiceUnavailable

LOOPBACK = "127.0.0.1"

#: Between a free port's choice and its use another program may take it: then another port is tried.
_LAUNCH_ATTEMPTS = 4
_READY_POLL_S = 0.02
#: A server that does not even answer "busy" for so long hangs; a start takes 0.05 to 0.5 s.
_SILENT_S = 10.0
#: Recovery after a crash replays at most the log since the last checkpoint: seconds, on a slow disk minutes.
_BUSY_S = 180.0
#: Redis would leave its append-only file readable for everybody.
_UMASK = 0o077


class Answer(Enum):
    """What a server says to a greeting with its password."""

    READY = "ready"
    #: It knows us and is still reading its data.
    BUSY = "busy"
    #: Nothing, or not ours.
    NONE = "none"


class Server(ABC):
    """A private server on a random loopback port, with its data in one folder.

    The process table is the only truth about whether it runs: a process of that name that works in that
    folder. No pid file is believed, so neither a crash between start and note nor a recycled pid misleads.
    """

    #: As a user calls it.
    title: ClassVar[str]
    #: Process names that may be this server.
    process_names: ClassVar[frozenset[str]]
    #: Signals that stop it, gentlest first, each with the seconds it is given.
    stop_ladder: ClassVar[tuple[tuple[signal.Signals, float], ...]]

    def __init__(self, layout: Layout, folder: Path) -> None:
        self.layout = layout
        #: The data, and the server's working folder.
        self.folder = folder
        self.log = layout.logs / f"{self.title.lower()}.log"

    @property
    @abstractmethod
    def url(self) -> str:
        """The address with its password, as Celery and SQLAlchemy want it."""

    @property
    @abstractmethod
    def port(self) -> int | None:
        """The loopback port that was used last."""

    @abstractmethod
    def answer(self) -> Answer:
        """Greet the server with the stored password."""

    @abstractmethod
    def prepare(self, port: int) -> None:
        """Write what the next launch on `port` needs."""

    @abstractmethod
    def launch(self, lock: int) -> Identity | None:
        """Start the process, detached, handing it the descriptor `lock`; None where it was gone at once."""

    @abstractmethod
    def settle(self) -> None:
        """Finish what only a running server allows."""

    @abstractmethod
    def leave(self) -> None:
        """Take back what the machine was changed by for this server; for after its stop."""

    def processes(self) -> list[Identity]:
        """Return this folder's living server processes."""
        return servers_in(self.folder, self.process_names)

    def main_process(self) -> Identity | None:
        """Return the one to send signals to."""
        return next(iter(self.processes()), None)

    def ensure(self) -> bool:
        """See that the server runs and answers. Returns True if it was started, False if it ran already.

        Raises ServiceUnavailable with the end of its log where it does not start.
        """
        running = self.main_process()
        started = running is None or not self._becomes_ready(running)
        if started:
            self.stop()
            self._start()
        self.settle()
        return started

    def stop(self) -> bool:
        """Stop whatever of this server still runs in its folder; returns whether something did."""
        processes = self.processes()
        if not processes:
            return False
        main = self.main_process()
        # Helpers end with their main process; signalled by themselves they would be taken for crashed.
        if main is not None:
            end([main], self.stop_ladder)
        if not end(self.processes(), ()):
            raise ServiceUnavailable(f"{self.title} in {self.folder} does not stop, not even when killed.")
        return True

    def _start(self) -> None:
        for attempt in range(_LAUNCH_ATTEMPTS):
            self.prepare(free_port(preferred=self.port if attempt == 0 else None))
            with self._locked() as lock:
                process = self.launch(lock)
            if process is not None and self._becomes_ready(process):
                return
            self.stop()
            if "in use" not in last_lines(self.log, lines=8):
                break
        raise ServiceUnavailable(
            f"The embedded {self.title} did not start; its log {self.log} ends: {last_lines(self.log)}"
        )

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Lock this server's data; the server inherits the lock and holds it until its last process is gone.

        So a server that this program cannot see, in another container on the same volume, is noticed as well.
        """
        path = self.layout.run / f"{self.title.lower()}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield descriptor
        except BlockingIOError as problem:
            raise ServiceUnavailable(
                f"The data folder {self.layout.root} is in use by a {self.title} that cannot be seen from "
                "here, in another container perhaps. Stop it there, or choose another data folder."
            ) from problem
        finally:
            os.close(descriptor)

    def _becomes_ready(self, process: Identity) -> bool:
        started = heard = time.monotonic()
        while (now := time.monotonic()) - started < _BUSY_S and now - heard < _SILENT_S:
            answer = self.answer()
            if answer is Answer.READY:
                return True
            if answer is Answer.BUSY:
                heard = now
            if not process.alive():
                return False
            time.sleep(_READY_POLL_S)
        return False


def free_port(preferred: int | None = None) -> int:
    """Return a free loopback port, the preferred one where nobody listens on it."""
    for port in (preferred, 0):
        if port is None:
            continue
        with suppress(OSError):
            return _bound(port)
    raise ServiceUnavailable("No free port on this machine's loopback address.")


def why_taken(port: int) -> str | None:
    """Return why nobody else can listen on a loopback port now, in the system's words; None where one can."""
    try:
        _bound(port)
    except OSError as problem:
        return str(problem.strerror).lower()
    return None


def _bound(port: int) -> int:
    """Listen on a loopback port for a moment and return it, 0 being any. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do themselves: without it a port rests for a minute after each use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, port))
        return int(probe.getsockname()[1])


def detach(
    argv: Sequence[str | Path],
    cwd: Path,
    log: Path,
    lock: int,
    env: Mapping[str, str],
    account: Account | None = None,
) -> Identity | None:
    """Start a program that outlives this one, in its own session, output to `log`; None if it ended at once.

    It inherits the descriptor `lock`. A shell starts it in the background and goes: the program then is
    nobody's child here, so it leaves no zombie behind, and Ctrl-C in a terminal does not reach it.
    """
    line = shlex.join(str(part) for part in argv)
    descriptor = open_log(log)
    try:
        shell = subprocess.run(
            ["/bin/sh", "-c", f"{line} </dev/null >&2 & echo $!"],
            cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=descriptor, pass_fds=(lock,),
            user=account.uid if account else None, group=account.gid if account else None,
            extra_groups=[] if account else None, start_new_session=True, check=True, text=True,
            umask=_UMASK,
        )  # fmt: skip
    finally:
        os.close(descriptor)
    return identify(int(shell.stdout))
