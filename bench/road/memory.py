"""Watches how much memory a program and all that it starts hold, by role."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

#: Time between two looks: a worker's child that lives shorter is missed.
PERIOD_S = 0.2
_MB = 1_000_000
#: The stack's servers outlive the program that started them, so they are known by the folder they work in.
_SERVERS = {"redis": "redis", "postgres": "postgres"}


@dataclass(frozen=True, slots=True)
class Seen:
    """One process at one look."""

    pid: int
    parent: int
    argv: tuple[str, ...]
    #: Working folder; empty where the system does not tell.
    folder: str
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Peaks:
    """Highest resident memory, in MB of a million bytes; pages that processes share count in each."""

    by_role: Mapping[str, float]
    #: Of all roles at one moment: less than the sum of `by_role`.
    together: float


def roles_of(processes: Iterable[Seen], root: int, root_role: str, data: Path | None) -> dict[int, str]:
    """Role of each process that belongs to the program `root`; `data` is the data folder of its servers."""
    by_pid = {process.pid: process for process in processes}
    roles = ((pid, _role(process, by_pid, root, root_role, data)) for pid, process in by_pid.items())
    return {pid: role for pid, role in roles if role is not None}


def _role(process: Seen, by_pid: Mapping[int, Seen], root: int, root_role: str, data: Path | None) -> str | None:
    server = _server(process, data)
    if server is not None:
        return server
    line = list(_ancestors(process, by_pid))
    if all(member.pid != root for member in line):
        return None
    # A child that has not become a program of its own yet bears its parent's arguments: the outermost counts.
    workers = [(queue, member) for member in line if (queue := _queue(member)) is not None]
    if not workers:
        return root_role
    queue, parent = workers[-1]
    return f"{queue} {'parent' if parent is process else 'child'}"


def _server(process: Seen, data: Path | None) -> str | None:
    if data is None or not process.folder:
        return None
    for room, role in _SERVERS.items():
        if Path(process.folder).is_relative_to(data / room):
            return role
    return None


def _ancestors(process: Seen, by_pid: Mapping[int, Seen]) -> Iterator[Seen]:
    """The process, its parent, and so on."""
    met: set[int] = set()
    here: Seen | None = process
    while here is not None and here.pid not in met:
        met.add(here.pid)
        yield here
        here = by_pid.get(here.parent)


def _queue(process: Seen) -> str | None:
    """Which queue a worker's parent process serves: `... dashplate worker detect`."""
    if "worker" not in process.argv[1:-1]:
        return None
    return process.argv[process.argv.index("worker") + 1]


class PeakMemory:
    """Looks at the processes every `PERIOD_S` while the block runs; `peaks()` tells afterwards."""

    def __init__(self, root: int, root_role: str, data: Path | None = None) -> None:
        self._root, self._root_role, self._data = root, root_role, data
        self._peaks: dict[str, float] = {}
        self._together = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    def peaks(self) -> Peaks:
        return Peaks(dict(self._peaks), self._together)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(PERIOD_S):
            self._look()

    def _look(self) -> None:
        processes = list(_processes())
        roles = roles_of(processes, self._root, self._root_role, self._data)
        held: Counter[str] = Counter()
        for process in processes:
            if process.pid in roles:
                held[roles[process.pid]] += process.rss_bytes
        for role, rss_bytes in held.items():
            self._peaks[role] = max(self._peaks.get(role, 0.0), rss_bytes / _MB)
        self._together = max(self._together, held.total() / _MB)


def _processes() -> Iterator[Seen]:
    for process in psutil.process_iter(["pid", "ppid", "cmdline", "cwd", "memory_info"]):
        info = process.info
        if info["memory_info"] is not None:
            argv = tuple(info["cmdline"] or ())
            yield Seen(info["pid"], info["ppid"], argv, info["cwd"] or "", info["memory_info"].rss)
