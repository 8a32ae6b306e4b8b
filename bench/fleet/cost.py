"""Processor seconds of the control plane, by part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psutil

#: ModelConfig, in the order in which they are shown.
PARTS = ("Redis", "PostgreSQL", "Celery's parents", "worker processes")


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds used up to a moment, by part."""

    seconds: dict[str, float]

    def since(self, before: Cost) -> Cost:
        return Cost({part: used - before.seconds.get(part, 0.0) for part, used in self.seconds.items()})

    def __add__(self, other: Cost) -> Cost:
        return Cost({part: used + other.seconds.get(part, 0.0) for part, used in self.seconds.items()})

    @property
    def total_s(self) -> float:
        return sum(self.seconds.values())


def cost(redis: int, postgres: int, workers: list[int]) -> Cost:
    """What the servers' main processes, the workers' parents and all their children have used so far.

    A child that has ended counts in its parent's sum: PostgreSQL's sessions, and pool processes that were replaced.
    """
    return Cost(
        {
            "Redis": _tree(redis),
            "PostgreSQL": _tree(postgres),
            "Celery's parents": sum(alone(pid) for pid in workers),
            "worker processes": sum(_tree(pid) - alone(pid) for pid in workers),
        }
    )


def _tree(pid: int) -> float:
    return sum(alone(process.pid) + _ended_children(process) for process in _family(pid))


def _family(pid: int) -> Iterator[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        yield parent
        yield from parent.children(recursive=True)
    except psutil.NoSuchProcess:
        return


def alone(pid: int) -> float:
    """What a process itself has used, without its children; 0 of one that is gone."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _ended_children(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.children_user + times.children_system)
