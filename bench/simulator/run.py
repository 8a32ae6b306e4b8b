"""Simulated workers on a fleet of stand-in drives: a steady stretch, or all of it to its end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.fleet.cost import alone, cost
from bench.fleet.run import Fleet, done, fleet, is_finished, until, wait_opened, write_drives
from bench.simulator.counters import Counters, Sum
from bench.simulator.held import Held, held
from bench.standin import Drive
from dashplate.stack import running
from dashplate.supervisor import Command
from workers.celery_app.app import CONTROL
from workers.settings import settings

_WORK = "bench.simulator.timed:Timed"
#: Segments of a drive.
SEGMENTS = 60
#: Before it is measured, each worker has done a few stages.
_SETTLE_S = 5.0
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Steady:
    """So many workers over a stretch in which work was waiting all the time."""

    workers: int
    seconds: float
    did: Sum
    #: Segments that ended, and processor seconds meanwhile by part.
    segments: int
    cost: dict[str, float]
    #: What PostgreSQL wrote to its log meanwhile.
    log_bytes: int
    held: Held

    @property
    def efficiency(self) -> float:
        """Share of the workers' time that their stages had."""
        return self.did.stage_s / (self.workers * self.seconds)

    @property
    def asking(self) -> float:
        """Share that went into beginning, storing and sending on; what is left was spent waiting for a message."""
        return (self.did.task_s - self.did.stage_s) / (self.workers * self.seconds)


@dataclass(frozen=True, slots=True)
class Ended:
    """A whole fleet, to its end."""

    seconds: float
    segments: int
    #: What cannot be: segments that did not end well, that were sent more than once, sightings too few or too many.
    lost: int
    again: int
    sightings_off: int
    cost: dict[str, float]


def steady(workers: int, stage_s: float, plates: int, for_s: float, say: Callable[[str], None]) -> Steady:
    """Let so many workers, half of them reading where there are plates, work for a while on more than enough."""
    rate = workers / stage_s / (2 if plates else 1)
    videos = 1 + round(rate * (for_s + 3 * _SETTLE_S) / SEGMENTS)
    with fleet((CONTROL,), _WORK) as here:
        job = _submitted(here, videos, plates, stage_s)
        say(f"{videos} files opened")
        with _workers(here, workers, plates) as counters:
            until(lambda: counters.at_work == workers)
            time.sleep(_SETTLE_S)
            began, did, ended = time.monotonic(), counters.sum(), done(here, job)
            used, log_bytes = _cost(here), held(here).log_bytes
            time.sleep(for_s)
            seconds = time.monotonic() - began
            now, after = _cost(here), held(here)
            return Steady(
                workers, seconds, counters.sum().since(did), done(here, job) - ended,
                {part: now[part] - used[part] for part in now}, after.log_bytes - log_bytes, after,
            )  # fmt: skip


def to_the_end(
    workers: int, videos: int, plates: int, every_s: float, look: Callable[[float, int, Held], None]
) -> Ended:
    """Let workers whose stages take no time do a whole fleet; `look` is called every so often, and once at the end."""
    with fleet((CONTROL,), _WORK) as here:
        before = _cost(here)
        job = _submitted(here, videos, plates, 0.0)
        with _workers(here, workers, plates):
            began = time.monotonic()
            due = began
            while not is_finished(here, job):
                if time.monotonic() >= due:
                    look(time.monotonic() - began, done(here, job), held(here))
                    due += every_s
                time.sleep(_LOOK_S)
            seconds = time.monotonic() - began
            look(seconds, done(here, job), held(here))
            used = _cost(here)
        total = videos * SEGMENTS
        sightings = here.ask(
            "SELECT count(*) FROM sightings s JOIN videos v ON v.id = s.video_id WHERE v.job_id = :job", job=job
        )
        return Ended(
            seconds, total,
            lost=total - here.ask("SELECT count(*) FROM segments WHERE job_id = :job AND state = 'done'", job=job),
            again=here.ask("SELECT coalesce(sum(attempt - 1), 0) FROM segments WHERE job_id = :job", job=job),
            sightings_off=sightings - (total if plates == 1 else 0),
            cost={part: used[part] - before[part] for part in used},
        )  # fmt: skip


def _submitted(here: Fleet, videos: int, plates: int, stage_s: float) -> int:
    folder = here.folder / "drives"
    write_drives(folder, videos, Drive(SEGMENTS, look_s=stage_s, read_s=stage_s, plates=plates))
    job = here.submit(str(folder))
    wait_opened(here, job)
    return job


@contextmanager
def _workers(here: Fleet, workers: int, plates: int) -> Iterator[Counters]:
    """Simulated workers in as many processes as there are cores."""
    path = here.folder / "counters"
    counters = Counters.made(path, workers)
    processes = os.cpu_count() or 1
    first = 0
    for number in range(processes):
        mine = (workers - first) // (processes - number)
        reading = mine // 2 if plates else 0
        argv = (
            sys.executable,
            "-m",
            f"{__package__}.worker_threads",
            str(path),
            *map(str, (first, mine - reading, reading)),
        )
        here.start(Command(f"simulator-{number}", argv, settings().as_variables(), Path.cwd()))
        first += mine
    yield counters


def _cost(here: Fleet) -> dict[str, float]:
    """Processor seconds so far: the servers, the control worker with all of its processes, the simulated workers."""
    pids, up = here.pids(), running(here.data)
    servers = up.pids if up is not None else {}
    used = cost(servers["Redis"], servers["PostgreSQL"], [pids["worker-control"]]).seconds
    return {
        "Redis": used["Redis"],
        "PostgreSQL": used["PostgreSQL"],
        "control worker": used["Celery's parents"] + used["worker processes"],
        "detect and read workers": sum(alone(pid) for name, pid in pids.items() if name.startswith("simulator")),
    }
