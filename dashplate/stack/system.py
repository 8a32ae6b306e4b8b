"""Asks the kernel about processes: which one it is, whether it lives; ends one and all that it started.

A pid in a file proves nothing: the process may be gone and its number given to another. So a process is known
here by its pid *and* the moment it started, a server by its name *and* the folder it works in.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

#: Set in every supervised child: marks descendants whose leader has died.
CHILD_MARK = "DASHPLATE_CHILD_OF"

_POLL_S = 0.02
#: After SIGKILL a process is gone as soon as the kernel gets to it; only a broken disk takes longer.
_KILL_WAIT_S = 5.0
_GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess, OSError)


@dataclass(frozen=True)
class Identity:
    """One process, never confused with a later one that got its number."""

    pid: int
    #: When it started: on Linux the boot and the clock ticks since, untouched by changes of the clock.
    born: str

    def alive(self) -> bool:
        """Say whether this very process still runs."""
        return identify(self.pid) == self


def identify(pid: int) -> Identity | None:
    """Return who runs under `pid` now; None where nobody does, or only a zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Identity(pid, _born(process))
    except _GONE:
        return None


def _born(process: psutil.Process) -> str:
    stat = Path(f"/proc/{process.pid}/stat")
    if not stat.exists():
        return f"{process.create_time():.0f}"
    # The name in parentheses may hold spaces; starttime is the 20th field after it (proc(5), field 22).
    ticks = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{ticks}"


def servers_in(folder: Path, names: Iterable[str]) -> list[Identity]:
    """Return the living processes with one of `names` that work in `folder`, oldest pid first."""
    wanted = set(names)
    found = []
    for process in psutil.process_iter(["name"]):
        with suppress(*_GONE):
            if process.info["name"] in wanted and Path(process.cwd()) == folder:
                found.append(identify(process.pid))
    return [who for who in found if who is not None]


def wait_gone(who: Sequence[Identity], timeout_s: float) -> bool:
    """Wait until none of these processes lives; says whether that came true in time."""
    deadline = time.monotonic() + timeout_s
    while any(one.alive() for one in who):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def end(who: Sequence[Identity], ladder: Sequence[tuple[signal.Signals, float]]) -> bool:
    """Send each signal of `ladder` and wait its seconds, until all are gone; SIGKILL is the last rung."""
    for signum, wait_s in (*ladder, (signal.SIGKILL, _KILL_WAIT_S)):
        for one in who:
            if one.alive():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(one.pid, signum)
        if wait_gone(who, wait_s):
            return True
    return False


def end_sessions(leaders: Sequence[Identity], grace_s: float, mark: str) -> bool:
    """End supervised children: SIGTERM to each leader, `grace_s` seconds, then SIGKILL to all that is left.

    Only the leader gets SIGTERM: a Celery parent stops its pool in good order by itself. `mark` is the value
    of CHILD_MARK by which descendants of a dead leader are known. Returns whether all are gone.
    """
    for leader in leaders:
        if leader.alive():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(leader.pid, signal.SIGTERM)
    wait_gone(leaders, grace_s)
    return end([one for leader in leaders for one in session_of(leader, mark)], ladder=())


def session_of(leader: Identity, mark: str) -> list[Identity]:
    """Return the living processes of the session that `leader` opened, itself among them.

    The kernel gives a number to nobody else while a session carries it; so a stranger under the leader's pid
    means that its session is empty. Without a leader, a member must bear the mark.
    """
    now = identify(leader.pid)
    if now is not None and now != leader:
        return []
    members = []
    for pid in psutil.pids():
        with suppress(*_GONE):
            if os.getsid(pid) == leader.pid and (now or _bears(pid, mark)):
                members.append(identify(pid))
    return [one for one in members if one is not None]


def _bears(pid: int, mark: str) -> bool:
    return psutil.Process(pid).environ().get(CHILD_MARK) == mark
