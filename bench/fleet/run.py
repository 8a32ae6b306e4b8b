"""One fleet from submission on: real servers, real workers, stand-ins for the models."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import redis
from pydantic import SecretStr
from sqlalchemy import text

from bench.fleet.cost import Cost, cost
from bench.fleet.plans import Plan, plans
from bench.parts.watching import watched
from bench.standin import Drive
from dashplate.bring_up import worker_commands
from dashplate.stack import Stack, running
from dashplate.supervisor import Command, Supervisor
from db.engine import engine_for, session
from db.migrate import upgrade
from workers.celery_app.app import CONTROL, DETECT, READ
from workers.settings import settings, using

_WORK = "bench.standin:StandIn"
#: Looks at Redis and at the job.
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Asked:
    """What to measure."""

    videos: int
    segments: int
    #: Plates in each segment.
    plates: int
    #: How long a stage takes on a segment; 0 leaves nothing but the control plane.
    look_s: float
    #: Stop this long after all files have been opened; None goes on to the job's end.
    for_s: float | None


@dataclass(slots=True)
class Measured:
    """What came out."""

    submit_s: float = 0.0
    open_s: float = 0.0
    #: Until a small job's first segment was begun, and until the job was done, submitted behind the fleet.
    small_started_s: float = 0.0
    small_done_s: float = 0.0
    redis_peak_bytes: int = 0
    redis_idle_bytes: int = 0
    #: Segments that ended, seconds and processor time while they did, openings left out.
    segments: int = 0
    seconds: float = 0.0
    cost: Cost = field(default_factory=lambda: Cost({}))
    #: Of opening a file and writing its segments, per segment.
    opening: Cost = field(default_factory=lambda: Cost({}))
    plans: list[Plan] = field(default_factory=list)
    finished: bool = False
    load: float = 0.0


class Fleet:
    """Servers and one worker of each role in a folder of their own."""

    def __init__(self, folder: Path, stack: Stack, workers: Supervisor) -> None:
        self.folder, self.url, self.redis_url = folder, stack.database_url, stack.redis_url
        self._workers = workers

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def cost(self) -> Cost:
        up = running(self.data)
        pids = up.pids if up is not None else {}
        return cost(pids["Redis"], pids["PostgreSQL"], list(self.pids().values()))

    def start(self, command: Command) -> None:
        """Run one program more beside the workers."""
        self._workers.start([command])

    def pids(self) -> dict[str, int]:
        """The workers' parents, and what was started beside them, by name."""
        return {state.name: state.pid for state in self._workers.states() if state.pid is not None}

    def ask(self, query: str, **values: Any) -> Any:
        with session(self.url) as db:
            return db.execute(text(query), values).scalar_one()

    def submit(self, *words: str) -> int:
        argv = [sys.executable, "-m", "dashplate", "submit", *words]
        env = {**os.environ, **settings().as_variables()}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
        return int(done.stdout)

    def redis_bytes(self) -> int:
        with redis.Redis.from_url(self.redis_url) as client:
            return int(client.info("memory")["used_memory"])


@contextmanager
def fleet(roles: Collection[str] = (CONTROL, DETECT, READ), work: str = _WORK) -> Iterator[Fleet]:
    """The servers with the newest schema, and workers of these roles that do stand-in work."""
    with tempfile.TemporaryDirectory(prefix="dashplate-fleet-") as name:
        folder = Path(name)
        with Stack.open(folder / "data") as stack:
            given = {
                "redis_url": SecretStr(stack.redis_url),
                "database_url": SecretStr(stack.database_url),
                "data_dir": folder / "data",
                "roots": (folder,),
                "work": work,
            }
            upgrade(stack.database_url)
            with using(settings().model_copy(update=given)) as config, Supervisor(folder / "data") as workers:
                named = {f"worker-{role}" for role in roles}
                workers.start([one for one in worker_commands(config) if one.name in named])
                yield Fleet(folder, stack, workers)
            engine_for.cache_clear()


def measure(asked: Asked, say: Callable[[str], None]) -> Measured:
    """Submit a fleet, watch it being opened and done, put a small job behind it."""
    found = Measured()
    with fleet() as here:
        drives, small = here.folder / "fleet", here.folder / "small"
        write_drives(drives, asked.videos, Drive(asked.segments, look_s=asked.look_s, plates=asked.plates))
        write_drives(small, 1, Drive(3, look_s=asked.look_s, plates=asked.plates))
        found.redis_idle_bytes = here.redis_bytes()
        with _watching(here, found):
            began = time.monotonic()
            before = here.cost()
            job = here.submit(str(drives))
            found.submit_s = time.monotonic() - began
            say(f"{asked.videos} files submitted in {found.submit_s:.1f} s")
            wait_opened(here, job)
            found.open_s = time.monotonic() - began
            opened = here.cost().since(before)
            say(f"all opened after {found.open_s:.0f} s")
            began_done, began = done(here, job), time.monotonic()
            before = here.cost()
            found.small_started_s, found.small_done_s = _small_job(here, small)
            say(f"a small job behind it started after {found.small_started_s:.1f} s")
            found.plans = plans(here.url, job)
            end = None if asked.for_s is None else began + asked.for_s
            while not is_finished(here, job) and (end is None or time.monotonic() < end):
                time.sleep(_LOOK_S)
            found.finished = is_finished(here, job)
            found.seconds = time.monotonic() - began
            found.cost = here.cost().since(before)
            found.segments = done(here, job) - began_done
            # While files were opened, segments were done too: these cost what they cost afterwards.
            each = {part: used / max(1, found.segments) for part, used in found.cost.seconds.items()}
            total = asked.videos * asked.segments
            found.opening = Cost({p: (used - began_done * each[p]) / total for p, used in opened.seconds.items()})
    found.load = os.getloadavg()[0]
    return found


def write_drives(folder: Path, count: int, drive: Drive) -> None:
    """Stand-in files, each of another name, in the folder of another car."""
    for number in range(count):
        car = folder / f"car-{number:05d}"
        car.mkdir(parents=True)
        replace(drive, name=str(number)).write(car / f"drive-{number:05d}.mp4")


def done(here: Fleet, job: int) -> int:
    """Segments of a job that have ended."""
    return int(here.ask("SELECT segments_done + segments_quarantined FROM job_progress WHERE job = :job", job=job))


def wait_opened(here: Fleet, job: int) -> None:
    """Until all of a job's files have been opened."""
    until(lambda: here.ask("SELECT videos_opened >= videos FROM jobs WHERE id = :job", job=job))


def is_finished(here: Fleet, job: int) -> bool:
    """Whether all of a job has ended."""
    return bool(here.ask("SELECT finished_at IS NOT NULL FROM jobs WHERE id = :job", job=job))


def _small_job(here: Fleet, folder: Path) -> tuple[float, float]:
    """Seconds from the command's return to the first segment that a worker took, and to the job's end."""
    job = here.submit(str(folder))
    began = time.monotonic()
    started = "SELECT EXISTS (SELECT 1 FROM segments WHERE job_id = :job AND worker IS NOT NULL)"
    until(lambda: here.ask(started, job=job), 0.05)
    after = time.monotonic() - began
    until(lambda: is_finished(here, job), 0.05)
    return after, time.monotonic() - began


def until(condition: Callable[[], Any], every_s: float = _LOOK_S) -> None:
    while not condition():
        time.sleep(every_s)


def _watching(here: Fleet, found: Measured) -> AbstractContextManager[None]:
    """Keep the highest memory of Redis."""

    def look() -> None:
        found.redis_peak_bytes = max(found.redis_peak_bytes, here.redis_bytes())

    return watched(look, _LOOK_S)
