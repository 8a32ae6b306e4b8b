"""A small supervisor for the worker processes and Flower that one `dashplate up` runs."""

from __future__ import annotations

import logging
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import Self

from dashplate.stack.layout import Layout, open_log
from dashplate.stack.records import Record, end_recorded, record_path
from dashplate.stack.system import CHILD_MARK, Identity, end_sessions, identify
from pipeline.errors import DashplateError

_log = logging.getLogger(__name__)

#: A worker may finish the segment at hand: seconds, a long one some 20.
GRACE_S = 30.0
_TICK_S = 0.2
_FIRST_DELAY_S, LONGEST_RESTART_DELAY_S = 0.5, 30.0
#: Whoever ran this long was healthy; its next death starts the delays afresh.
_HEALTHY_S = 60.0
#: At a restart a longer log becomes `NAME.log.1`.
_LOG_LIMIT_BYTES = 20_000_000
_STDERR = 2


@dataclass(frozen=True)
class Command:
    """What to run."""

    #: Unique among a supervisor's commands; also the log's name.
    name: str
    argv: tuple[str, ...]
    #: Added to this program's environment; the place for passwords, since everybody can read `argv`.
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: The working folder; None is this program's own.
    cwd: Path | None = None


@dataclass(frozen=True)
class ProcessState:
    """How one command fares."""

    name: str
    #: None between a death and the restart.
    pid: int | None
    #: How often it was started again.
    restarts: int
    #: Deaths since it last ran well.
    deaths_in_a_row: int
    #: The last death's exit status, negative for a signal; None before the first.
    last_exit: int | None
    #: Of the latest start.
    started_at: datetime
    log: Path

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
        return self.pid is not None


class _Child:
    """One command, its process now, and its past."""

    def __init__(self, command: Command, layout: Layout, mark: str, longest_delay_s: float) -> None:
        self.command = command
        self.log = layout.logs / f"{command.name}.log"
        self.restarts = 0
        self.last_exit: int | None = None
        self.identity: Identity | None = None
        self._mark = mark
        self._longest_delay_s = longest_delay_s
        self._deaths_in_a_row = 0
        self._due = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._start()

    def tick(self) -> bool:
        """Notice a death, carry out a restart that is due; returns whether the process changed."""
        if self._process is None:
            return time.monotonic() >= self._due and self._restart()
        status = self._process.poll()
        if status is not None:
            self.last_exit = status
            self._mourn()
        return status is not None

    def reap(self) -> None:
        """Collect the exit status of a process that has been ended."""
        if self._process is not None:
            self.last_exit = self._process.wait()
            self._process = None

    def state(self) -> ProcessState:
        pid = self._process.pid if self._process else None
        return ProcessState(
            self.command.name, pid, self.restarts, self._deaths_in_a_row, self.last_exit, self._started_at, self.log
        )

    def _restart(self) -> bool:
        self.restarts += 1
        try:
            self._start()
        except DashplateError:
            self._mourn()
        return True

    def _mourn(self) -> None:
        if self.identity is not None:
            # A pool that outlives its parent would work beside the next parent's pool.
            end_sessions([self.identity], 0.0, self._mark)
        healthy = time.monotonic() - self._started >= _HEALTHY_S
        self._deaths_in_a_row = 1 if healthy else self._deaths_in_a_row + 1
        delay = min(_FIRST_DELAY_S * 2 ** (self._deaths_in_a_row - 1), self._longest_delay_s)
        self._due = time.monotonic() + delay
        self._process = None

    def _start(self) -> None:
        self._started, self._started_at = time.monotonic(), datetime.now(UTC)
        try:
            with _output(self.log) as log:
                self._process = subprocess.Popen(
                    self.command.argv, cwd=self.command.cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    env={**os.environ, **self.command.env, CHILD_MARK: self._mark}, start_new_session=True,
                )  # fmt: skip
        except OSError as problem:
            raise DashplateError(f"{self.command.name} cannot be started: {problem}.") from problem
        self.identity = identify(self._process.pid)


class Supervisor:
    """Runs commands, each in its own session and with its own log, and starts again what dies.

    The children die with this program, even if it is killed: a guard process waits for that. Should the guard
    be killed too, the next Supervisor on the folder, or `stop`, ends them. Any thread may call any method.

    A disk that is full or away stops none of this: what cannot be written now is tried again until it can.
    """

    def __init__(
        self, data_dir: Path, grace_s: float = GRACE_S, longest_delay_s: float = LONGEST_RESTART_DELAY_S
    ) -> None:
        self._layout = Layout.at(data_dir)
        self._layout.prepare()
        self._grace_s = grace_s
        self._longest_delay_s = longest_delay_s
        self._mark = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._record_file = record_path(self._layout, self._mark)
        self._children: dict[str, _Child] = {}
        #: The list on the disk is older than the processes.
        self._unrecorded = True
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._monitor: threading.Thread | None = None
        self._guard: _Guard | None = None
        end_recorded(self._layout, supervisors_too=False)

    def start(self, commands: Iterable[Command]) -> None:
        """Start the commands and look after them from now on. May be called again with more.

        Raises DashplateError where a program cannot be started; the others stay until `stop`.
        """
        with self._lock:
            if self._monitor is None:
                _attempt(self._record)
                _attempt(self._see_to_guard)
                self._monitor = threading.Thread(target=self._watch, name="supervisor", daemon=True)
                self._monitor.start()
            for command in commands:
                if command.name in self._children:
                    raise DashplateError(f"A process with the name {command.name} runs already.")
                self._children[command.name] = _Child(command, self._layout, self._mark, self._longest_delay_s)
                self._unrecorded = True
                _attempt(self._record)

    def states(self) -> list[ProcessState]:
        """Return how each command fares, in the order of their start."""
        with self._lock:
            return [child.state() for child in self._children.values()]

    def stop(self) -> None:
        """SIGTERM to each child, `grace_s` seconds, SIGKILL to what is left of its session; then return."""
        self._stopping.set()
        if self._monitor is not None:
            self._monitor.join()
        with self._lock:
            children = self._children.values()
            end_sessions([child.identity for child in children if child.identity], self._grace_s, self._mark)
            for child in children:
                child.reap()
            _attempt(partial(self._record_file.unlink, missing_ok=True))
            if self._guard is not None:
                self._guard.dismiss()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _watch(self) -> None:
        while not self._stopping.wait(_TICK_S):
            with self._lock:
                # Each by itself: what is refused to one is no reason to neglect the others.
                for child in self._children.values():
                    _attempt(partial(self._tend, child))
                _attempt(self._record)
                _attempt(self._see_to_guard)

    def _tend(self, child: _Child) -> None:
        self._unrecorded |= child.tick()

    def _record(self) -> None:
        """Bring the list of processes to the disk, where it has changed."""
        if not self._unrecorded:
            return
        myself = identify(os.getpid())
        assert myself is not None
        children = {name: child.identity for name, child in self._children.items() if child.identity}
        Record(myself, self._mark, children).write(self._record_file)
        self._unrecorded = False

    def _see_to_guard(self) -> None:
        if self._guard is None:
            self._guard = _Guard(self._record_file, self._layout.logs / "guard.log")
        self._guard.see_to_it()


class _Guard:
    """The process that ends the children when this one is gone; see `dashplate.supervisor.guard`."""

    def __init__(self, record_file: Path, log: Path) -> None:
        self._record_file, self._log = record_file, log
        self._pipe, self._process = self._start()

    def see_to_it(self) -> None:
        """Start a new guard if somebody ended it."""
        if self._process.poll() is not None:
            pipe = self._pipe
            self._pipe, self._process = self._start()
            os.close(pipe)

    def dismiss(self) -> None:
        """Let the guard go; without a record it does nothing more."""
        os.close(self._pipe)
        self._process.wait()

    def _start(self) -> tuple[int, subprocess.Popen[bytes]]:
        theirs, ours = os.pipe()  # not inherited by children: they would keep the pipe open
        try:
            with _output(self._log) as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "dashplate.supervisor.guard", str(self._record_file)],
                    stdin=theirs, stdout=log, stderr=log, cwd=Path(__file__).parents[2], start_new_session=True,
                )  # fmt: skip
        except OSError:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return ours, process


@contextmanager
def _output(log: Path) -> Iterator[int]:
    """A descriptor for a child's output: its log, else this program's own standard error.

    A child without a log is worth more than none.
    """
    try:
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            log.replace(log.with_name(f"{log.name}.1"))
        descriptor = open_log(log)
    except OSError as problem:
        _tell_once(f"{log} cannot be written, so that output goes here: {problem.strerror}.")
        descriptor = os.dup(_STDERR)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _attempt(act: Callable[[], object]) -> None:
    """Do what the operating system may refuse for a while, because the disk is full for instance."""
    try:
        act()
    except OSError as problem:
        _tell_once(f"The supervisor goes on, and tries again what this machine refuses now: {problem}.")


@lru_cache(maxsize=64)
def _tell_once(sentence: str) -> None:
    _log.warning("%s", sentence)
