"""A fleet whose stages are stand-ins: real servers, real workers, and drives that say themselves how they behave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import RowMapping, text

from bench.standin import Drive
from dashplate.stack import Stack
from dashplate.supervisor import Command, Supervisor
from db.engine import engine_for, session
from db.migrate import upgrade
from tests.support.command_line.in_process import Said, run_command
from tests.support.processes import wait_until
from tests.support.schema import empty_tables
from workers.celery_app.app import CONTROL, DETECT, QUEUES, READ
from workers.settings import settings

#: Everything that waits is short, so that lost and stuck segments are given up within a test's time.
_SHORT = {
    "DASHPLATE_LEASE_S": "2",
    "DASHPLATE_SWEEP_EVERY_S": "0.5",
    "DASHPLATE_KILL_AFTER_S": "1",
    "DASHPLATE_RETRY_DELAY_S": "0.2",
    "DASHPLATE_TROUBLE_DELAY_S": "0.3",
}
#: One worker of each role; that for detection has a second process, so that a drive that hangs does not hold up all.
_WORKERS = [
    Command(f"worker-{role}", (sys.executable, "-m", "dashplate", "worker", role, *more))
    for role, more in ((CONTROL, ()), (DETECT, ("--concurrency", "2")), (READ, ()))
]
#: The folder that is a root of its own below the others.
SHARE = "share"
#: Four segments with two plates each, done at once.
USUAL = Drive()
#: One segment without a plate: the least that a drive can be.
LEAST = Drive(1, plates=0)
#: When the first drive was written, nanoseconds since 1970.
_STAMP_NS = 1_700_000_000 * 10**9
_stamps = count()


@dataclass(frozen=True)
class Fleet:
    """Servers and workers, and a folder that they may read."""

    url: str
    redis_url: str
    folder: Path
    workers: Supervisor

    def dashplate(self, *words: object) -> Said:
        """Run a command as the command line does, in this process: starting Python costs more than most of them."""
        return run_command(*words)

    def start(self, *words: object, **options: Any) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        argv = [sys.executable, "-m", "dashplate", *map(str, words)]
        return subprocess.Popen(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def submit(self, *words: object) -> int:
        """Submit; returns the job's id."""
        return self.dashplate("submit", *words).job

    def done(self, *words: object) -> int:
        """Submit, and wait for the job's end."""
        job = self.submit(*words)
        self.finish(job)
        return job

    def drive(self, name: str, drive: Drive = USUAL) -> Path:
        """Write a drive below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_drive(path, drive)
        return path

    def drives(self, folder: str, number: int, drive: Drive = USUAL) -> Path:
        """Write drives of that kind into a folder of their own."""
        for index in range(number):
            self.drive(f"{folder}/{index:05d}.mp4", drive)
        return self.folder / folder

    def ask(self, query: str, **values: Any) -> Sequence[RowMapping]:
        with session(self.url) as db:
            return db.execute(text(query), values).mappings().all()

    def one(self, query: str, **values: Any) -> Any:
        """The single value that a query gives."""
        (row,) = self.ask(query, **values)
        (value,) = row.values()
        return value

    def job(self, job: int) -> RowMapping:
        (row,) = self.ask("SELECT * FROM job_progress WHERE job = :job", job=job)
        return row

    def videos(self, job: int) -> dict[str, RowMapping]:
        """A job's videos by file name."""
        rows = self.ask("SELECT * FROM videos WHERE job_id = :job ORDER BY id", job=job)
        return {Path(row["path"]).name: row for row in rows}

    def states(self, job: int) -> dict[str, str]:
        return {name: video["state"] for name, video in self.videos(job).items()}

    def plates(self, job: int) -> list[tuple[str, str, float]]:
        """(video, plate, first seen), in their order."""
        query = "SELECT video, plate, first_s FROM plate_sightings WHERE job = :job ORDER BY video, first_s, plate"
        return [(Path(row["video"]).name, row["plate"], row["first_s"]) for row in self.ask(query, job=job)]

    def ended(self, job: int) -> bool:
        return self.one("SELECT finished_at IS NOT NULL FROM jobs WHERE id = :job", job=job) is True

    def finish(self, job: int) -> None:
        """Wait for a job's end."""
        wait_until(f"the end of job {job}", lambda: self.ended(job), every_s=0.05)

    def let_sweep(self) -> None:
        """Wait until whatever stands still has been looked for twice, and sent on where that is due."""
        for _ in range(2):
            before = self.one("SELECT at FROM pulse")
            wait_until("a sweep", lambda before=before: self.one("SELECT at FROM pulse") > before)

    def status(self, job: int) -> Mapping[str, Any]:
        said = self.dashplate("status", job, "--json")
        assert said.code == 0, said.err
        shown: Mapping[str, Any] = json.loads(said.out)
        return shown

    def queued(self) -> int:
        """Messages on all queues."""
        with redis.Redis.from_url(self.redis_url) as client:
            return sum(int(client.llen(queue)) for queue in QUEUES)


def write_drive(path: Path, drive: Drive = USUAL) -> None:
    """Write a drive with a time of its own: with the same one, an equal drive would be the same file."""
    drive.write(path)
    stamp = _STAMP_NS + 1_000_000 * next(_stamps)
    os.utime(path, ns=(stamp, stamp))


@contextmanager
def running_fleet(stack: Stack, folder: Path, *more_roots: str, time_limit_s: int = 2) -> Iterator[Fleet]:
    """Workers that do stand-in work, on empty tables and an empty Redis.

    `time_limit_s` is long where nothing hangs: on a crowded machine a storage's driver takes seconds to load.
    """
    drives = folder / "drives"
    # The second stands for a share: it is away where it is not there.
    roots = (drives, drives / SHARE, *more_roots)
    env = {
        **_SHORT,
        "DASHPLATE_TIME_LIMIT_S": str(time_limit_s),
        "DASHPLATE_REDIS_URL": stack.redis_url,
        "DASHPLATE_DATABASE_URL": stack.database_url,
        "DASHPLATE_DATA_DIR": str(folder / "data"),
        "DASHPLATE_ROOTS": ":".join(map(str, roots)),
        "DASHPLATE_WORK": "bench.standin:StandIn",
    }
    drives.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in env.items():
            patched.setenv(name, value)
        settings.cache_clear()
        _empty(stack)
        with Supervisor(folder / "data") as workers:
            workers.start(_WORKERS)
            yield Fleet(stack.database_url, stack.redis_url, drives, workers)
    settings.cache_clear()


def _empty(stack: Stack) -> None:
    upgrade(stack.database_url)
    with engine_for(stack.database_url).begin() as connection:
        empty_tables(connection)
    with redis.Redis.from_url(stack.redis_url) as client:
        client.flushall()
