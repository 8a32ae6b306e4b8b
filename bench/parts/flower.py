"""What Flower and the workers' parents hold in memory as tasks of new files go by: `python -m bench.parts.flower`."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

import psutil
import typer
from prometheus_client.parser import text_string_to_metric_families

from bench.fleet.run import Fleet, fleet
from dashplate.bring_up import flower_command
from dashplate.stack.server import free_port
from db.queue.segment_moves import Dispatched
from workers.celery_app.app import DETECT, READ
from workers.celery_app.flower import MAX_TASKS
from workers.dispatch import send_segments, waiting
from workers.settings import settings

#: Tasks of one file, half of them detection and half reading.
_PER_FILE = 20
#: So many tasks are sent at once; more are when so few wait.
_AT_ONCE = 500
#: Memory is looked at after so many tasks.
_EVERY = 20_000
#: Flower hears by publications that nobody repeats: what it has not counted by then, it never will.
_DEAF_S = 20.0
#: No row has such ids: a worker asks the database for each segment once, and has nothing to do.
_NO_ROW = 1_000_000_000
#: Growth after the list was filled twice that counts as none: what the allocator keeps.
_FLAT = 1.05
_PARENTS = ("worker-detect", "worker-read", "worker-control")


@dataclass(frozen=True, slots=True)
class Look:
    """What stood after some tasks."""

    tasks: int
    #: Tasks that Flower has heard the end of, and series of its metrics.
    heard: int
    series: int
    #: Resident, by program.
    bytes: dict[str, int]


def main() -> None:
    """Run the command line."""
    typer.run(_flower)


def _flower(tasks: Annotated[int, typer.Option(help="So many tasks go by.")] = 200_000) -> None:
    """Send tasks through real workers beside a real Flower that somebody looks at, and print who holds how much."""
    print(
        f"{'tasks':>8}{'heard':>9}{'series':>8}{'Flower':>10}{'detect':>10}{'read':>10}{'control':>10}   resident, MB"
    )
    began, looks = time.monotonic(), []
    for look in watch(tasks):
        looks.append(look)
        held = "".join(f"{look.bytes[name] / 1e6:>10.1f}" for name in ("flower", *_PARENTS))
        print(f"{look.tasks:>8}{look.heard:>9}{look.series:>8}{held}", flush=True)
    print(f"{time.monotonic() - began:.0f} s, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    missed = growing(looks)
    for line in missed:
        print(f"MISSED: {line}")
    raise typer.Exit(1 if missed else 0)


def growing(looks: list[Look]) -> list[str]:
    """What holds more at the end than when the list had been filled twice, a sentence each."""
    settled = [look for look in looks if look.tasks >= 2 * MAX_TASKS]
    if not settled:
        return []
    first, last = settled[0], settled[-1]
    said = [
        f"{name} grew from {first.bytes[name] / 1e6:.1f} to {held / 1e6:.1f} MB."
        for name, held in last.bytes.items()
        if held > _FLAT * first.bytes[name]
    ]
    return said + ([f"series grew from {first.series} to {last.series}."] if last.series > first.series else [])


def watch(tasks: int) -> Iterator[Look]:
    """Send the tasks, and look at each `_EVERY`-th."""
    with fleet() as here:
        page = Page(free_port())
        here.start(flower_command(settings(), page.port))
        page.wait(workers=len(_PARENTS))
        sent = 0
        while sent < tasks:
            send_segments([_segment(number) for number in range(sent, sent + _AT_ONCE)])
            sent += _AT_ONCE
            while waiting(DETECT) + waiting(READ) > _AT_ONCE:
                time.sleep(0.05)
            page.look(_AT_ONCE)
            if sent % _EVERY == 0:
                yield _look(here, page, sent)


def _segment(number: int) -> Dispatched:
    video = f"/videos/2026-11-24 drive {number // _PER_FILE:06d} front.mp4"
    return Dispatched(_NO_ROW + number, 1, video, number % _PER_FILE, only_read=number % 2 == 1)


def _look(here: Fleet, page: Page, sent: int) -> Look:
    heard = page.hear(sent)
    page.look(MAX_TASKS)
    held = {name: psutil.Process(pid).memory_info().rss for name, pid in here.pids().items()}
    return Look(sent, heard, len(page.series()), held)


class Page:
    """Flower, as somebody sees it who has its pages open."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def wait(self, workers: int) -> None:
        """Until it answers and has heard of so many workers."""
        while True:
            try:
                if sum(name == "flower_worker_online" for name, _ in self.series()) >= workers:
                    return
            except OSError:
                pass
            time.sleep(0.5)

    def series(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Every figure of its metrics, by name and labels."""
        families = text_string_to_metric_families(self._get("/metrics").decode())
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }

    def ended(self) -> int:
        """Tasks that it has heard the end of."""
        counts = (
            (dict(labels), value) for (name, labels), value in self.series().items() if name == "flower_events_total"
        )
        return int(sum(value for labels, value in counts if labels["type"] in ("task-succeeded", "task-failed")))

    def hear(self, tasks: int) -> int:
        """Wait until it has heard of so many ends, or nothing more for a while; returns of how many."""
        heard, since = self.ended(), time.monotonic()
        while heard < tasks and time.monotonic() - since < _DEAF_S:
            time.sleep(0.3)
            now = self.ended()
            if now > heard:
                heard, since = now, time.monotonic()
        return heard

    def look(self, tasks: int) -> list[dict[str, object]]:
        """The newest of its tasks, as the page's table asks for them."""
        asked = {
            "draw": 1, "start": 0, "length": tasks,
            "order[0][column]": 0, "order[0][dir]": "desc", "columns[0][data]": "received",
        }  # fmt: skip
        found: list[dict[str, object]] = json.loads(self._get(f"/tasks/datatable?{urlencode(asked)}"))["data"]
        return found

    def _get(self, path: str) -> bytes:
        with self._opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return bytes(answer.read())


if __name__ == "__main__":
    main()
