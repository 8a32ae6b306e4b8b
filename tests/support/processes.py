"""Watches and kills real processes for the tests."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

from dashplate.supervisor import Supervisor

T = TypeVar("T")

#: Far more than anything takes on a quiet machine; a wait ends as soon as it may.
PATIENCE_S = 300.0

#: `run_program(source, *arguments)`: starts Python on a text.
Runner = Callable[..., subprocess.Popen[str]]


def wait_until(what: str, look: Callable[[], T | None], patience_s: float = PATIENCE_S, every_s: float = 0.02) -> T:
    """The first answer of `look` that is true; fails with `what` was waited for."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(every_s)
    raise AssertionError(f"waited {patience_s:.0f} s in vain for {what}")


def first_line(program: subprocess.Popen[str]) -> str:
    """What a program says first."""
    assert program.stdout is not None
    return program.stdout.readline().strip()


def family(supervisor: Supervisor, name: str) -> list[psutil.Process]:
    """A supervised process and all its children, itself first."""
    pid = next(state.pid for state in supervisor.states() if state.name == name)
    assert pid is not None, f"{name} does not run"
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def processes_on(data_dir: Path) -> list[psutil.Process]:
    """Every process whose arguments or environment name the folder, this one left out."""
    return [p for p in psutil.process_iter() if p.pid != psutil.Process().pid and _names(p, str(data_dir))]


def _names(process: psutil.Process, folder: str) -> bool:
    try:
        words = [*process.cmdline(), *process.environ().values()]
        return process.status() != psutil.STATUS_ZOMBIE and any(folder in word for word in words)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
