"""How many connections to PostgreSQL worker processes hold: `python -m bench.parts.connections 16 64 256`.

Each process does to a real segment what a worker does: it takes it, renews its lease from another thread while it
works, stores the result, and then waits for the next. They are forked, so that hundreds fit into a small machine's
memory: a worker's own engine and calls, without its models.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import psycopg
from sqlalchemy import select

from dashplate.stack import Stack
from dashplate.stack.postgres_server import MAX_CONNECTIONS
from db.engine import engine_for, retrying_single, session, single
from db.jobs.submit import NewVideo, add_videos, create_job
from db.jobs.videos import split_video
from db.migrate import upgrade
from db.models import Video
from db.queue import scheduler, segment_moves
from db.states import SegmentState
from pipeline.job_options import JobOptions
from pipeline.records import MediaInfo, MediaKind, SegmentSpan
from workers.steps.lease import Lease

_FORK = multiprocessing.get_context("fork")
#: Long enough for a few renewals by each process, and for the looks at them.
_WORK_S, _LEASE_S = 3.0, 2.0
_LOOK_S = 0.02
#: Whoever waits for the others for longer than this waits for one that has died.
_PATIENCE_S = 120.0
_HELD = """
SELECT application_name, count(*) FROM pg_stat_activity
WHERE application_name LIKE 'dashplate %' GROUP BY application_name
"""


@dataclass(frozen=True, slots=True)
class HeldTask:
    """What some number of processes held."""

    processes: int
    #: At most at one moment: all together, and by one process.
    busy: int
    busy_each: int
    #: While all of them waited for work: all together, and by one process.
    idle: int
    idle_each: int


def measure(url: str, processes: int) -> HeldTask:
    """Let so many processes do a segment each at the same time, and watch what they hold."""
    segments = _segments(url, processes)
    # A forked connection would be shared.
    engine_for(url).dispose()
    ready, through = (_FORK.Barrier(processes + 1, timeout=_PATIENCE_S) for _ in range(2))
    leave = _FORK.Event()
    workers = [_FORK.Process(target=_work, args=(url, one, ready, through, leave)) for one in segments]
    for worker in workers:
        worker.start()
    pids = {str(worker.pid) for worker in workers}
    try:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as watcher:
            ready.wait()
            total, each = _peaks(watcher, pids, through)
            through.wait()
            idle = _held(watcher, pids)
    finally:
        leave.set()
        for worker in workers:
            worker.join()
    return HeldTask(processes, total, each, idle.total(), max(idle.values(), default=0))


def _peaks(watcher: psycopg.Connection[tuple[object, ...]], pids: set[str], through: Barrier) -> tuple[int, int]:
    total = each = 0
    while through.n_waiting < through.parties - 1:
        held = _held(watcher, pids)
        total, each = max(total, held.total()), max(each, *held.values(), 0)
        time.sleep(_LOOK_S)
    return total, each


def _held(watcher: psycopg.Connection[tuple[object, ...]], pids: set[str]) -> Counter[str]:
    """Connections by the name of the process that has them, which ends with its number."""
    held = Counter({str(name): int(str(number)) for name, number in watcher.execute(_HELD)})
    return Counter({name: number for name, number in held.items() if name.split()[-1] in pids})


def _segments(url: str, number: int) -> list[segment_moves.Dispatched]:
    """So many segments, each of a video of its own, that have been sent out."""
    info = MediaInfo(
        path=Path("/cam/any.mp4"), kind=MediaKind.VIDEO, width=1280, height=720, rotation=0, codec="h264",
        time_base=Fraction(1, 1000), start_pts=0, end_pts=10_000, frame_rate=30.0, keyframes=(0,), frames=300,
        problem=None,
    )  # fmt: skip
    with session(url) as db:
        job_id = create_job(db, f"{number} processes", JobOptions())
        add_videos(db, job_id, (NewVideo(f"/cam/{i}.mp4", f"print-{i}") for i in range(number)))
        for video_id in db.scalars(select(Video.id).where(Video.job_id == job_id)).all():
            split_video(db, video_id, info, [SegmentSpan(0, 0, 10_000)], None)
    with session(url) as db:
        return scheduler.take_pending(db, number, number)


def _work(url: str, segment: segment_moves.Dispatched, ready: Barrier, through: Barrier, leave: Event) -> None:
    # The parent's engine is named after the parent.
    engine_for.cache_clear()
    ready.wait()
    this, attempt = segment.segment_id, segment.attempt

    def renew() -> bool:
        with single(url) as db:
            return segment_moves.renew(db, this, attempt, _LEASE_S)

    try:
        retrying_single(
            url, lambda db: segment_moves.begin(db, this, attempt, SegmentState.DETECTING, "bench", _LEASE_S)
        )
        with Lease("a segment", renew, _LEASE_S):
            time.sleep(_WORK_S)
        retrying_single(url, lambda db: segment_moves.nothing_to_read(db, this, attempt, 1, None))
    finally:
        through.wait()
        leave.wait()


def main(numbers: Sequence[int]) -> None:
    """Print a table, a line for each number of processes."""
    print(f"max_connections = {MAX_CONNECTIONS}")
    print("| Processes | held while they work | by one process | held while they wait | by one process |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="dashplate-bench-") as folder, Stack.open(Path(folder) / "data") as stack:
        upgrade(stack.database_url)
        for number in numbers:
            held = measure(stack.database_url, number)
            print(f"| {number} | {held.busy} | {held.busy_each} | {held.idle} | {held.idle_each} |", flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [16, 64, 256])
