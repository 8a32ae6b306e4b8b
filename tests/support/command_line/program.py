"""Runs the command line in a process of its own, watches what it starts, and says how it ended."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[3]
#: Every process loads what lies here first: it denies the network and notes who tried.
GUARD = Path(__file__).parent / "network_guard"
#: How often the memory of a running command is looked at.
_SAMPLE_S = 0.5
#: No command may take longer, on the most crowded machine.
_TIME_LIMIT_S = 900.0
#: A process that has ended needs so long at most to leave the process table; one that lives stays longer.
_BURIAL_S, _BURIAL_POLL_S = 5.0, 0.05


@dataclass
class Watch:
    """What was seen of a command's processes while it ran."""

    #: The most resident memory of each process in bytes, with what it ran.
    peaks: dict[int, tuple[int, str]] = field(default_factory=dict)
    _seen: dict[int, psutil.Process] = field(default_factory=dict)

    def look(self, root: psutil.Process) -> None:
        """Note the processes that there are now."""
        for process in [root, *_children(root)]:
            self._seen.setdefault(process.pid, process)
            try:
                rss, what = process.memory_info().rss, " ".join(process.cmdline()[1:])[:100]
            except psutil.Error:
                continue
            self.peaks[process.pid] = max(self.peaks.get(process.pid, (0, "")), (rss, what))

    def left(self, data_dir: Path) -> list[str]:
        """What still runs of all that was seen, and what names the data folder; the dying are given their moment."""
        end = time.monotonic() + _BURIAL_S
        while (found := self._running(data_dir)) and time.monotonic() < end:
            time.sleep(_BURIAL_POLL_S)
        return found

    def _running(self, data_dir: Path) -> list[str]:
        still = [p for p in self._seen.values() if _alive(p)]
        named = [p for p in psutil.process_iter() if str(data_dir) in _cmdline(p)]
        return sorted({f"{p.pid} {_cmdline(p)[:100]}" for p in (*still, *named)})


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str
    watch: Watch
    #: Processes that were still there when it had returned.
    left: list[str]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


#: `dashplate("read", path, "--json")`; `before` is a command that runs the command.
Command = Callable[..., Finished]


def run(arguments: Sequence[str], env: Mapping[str, str], data_dir: Path, before: Sequence[str] = ()) -> Finished:
    """Run `dashplate ...` to its end."""
    command = [*before, sys.executable, "-m", "dashplate", *arguments]
    with (
        subprocess.Popen(
            command, cwd=data_dir.parent, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
        _watched(process) as watch,
    ):
        try:
            out, err = process.communicate(timeout=_TIME_LIMIT_S)
        except BaseException:
            process.terminate()
            raise
    return Finished(process.returncode, out, err, watch, watch.left(data_dir))


@contextmanager
def _watched(process: subprocess.Popen[str]) -> Iterator[Watch]:
    watch, ended = Watch(), threading.Event()

    def look() -> None:
        try:
            root = psutil.Process(process.pid)
            while not ended.wait(_SAMPLE_S):
                watch.look(root)
        except psutil.NoSuchProcess:
            return

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield watch
    finally:
        ended.set()
        watcher.join()


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _cmdline(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
