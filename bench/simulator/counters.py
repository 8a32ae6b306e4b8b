"""What each simulated worker has done, in a file that the processes share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

_COLUMNS = ("stage_s", "task_s", "tasks", "dispatch_s", "dispatches", "dispatched")


@dataclass(frozen=True, slots=True)
class Sum:
    """Over all workers, up to a moment."""

    #: Seconds in stages, and in tasks, which begin, store and send on what the stages do.
    stage_s: float
    task_s: float
    tasks: float
    #: Processor seconds of choosing what goes out next, how often, and how many segments went.
    dispatch_s: float
    dispatches: float
    dispatched: float

    def since(self, before: Sum) -> Sum:
        return Sum(*(getattr(self, name) - getattr(before, name) for name in _COLUMNS))


class Counters:
    """A row for each worker, which it alone writes."""

    def __init__(self, rows: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
        self._rows = rows

    @classmethod
    def made(cls, path: Path, workers: int) -> Counters:
        return cls(np.memmap(path, np.float64, "w+", shape=(workers, len(_COLUMNS))))

    @classmethod
    def opened(cls, path: Path) -> Counters:
        return cls(np.memmap(path, np.float64, "r+").reshape(-1, len(_COLUMNS)))

    def stage(self, worker: int, seconds: float) -> None:
        self._rows[worker, 0] += seconds

    def task(self, worker: int, seconds: float) -> None:
        self._rows[worker, 1:3] += (seconds, 1)

    def dispatch(self, worker: int, seconds: float, segments: int) -> None:
        self._rows[worker, 3:6] += (seconds, 1, segments)

    def sum(self) -> Sum:
        return Sum(*map(float, self._rows.sum(axis=0)))

    @property
    def at_work(self) -> int:
        """Workers that have done a task."""
        return int((self._rows[:, 2] > 0).sum())
