"""What the service does under load, and when its processes are killed: `python -m bench.service.load --calls 1000`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.service import faults, warm
from bench.service.flood import Flood, flood
from bench.service.pictures import frames, photographs
from bench.service.running import Service, service
from db.access.scopes import Scope

#: The second as many calls may hold so much more memory than the first: allocators settle.
_SHARE, _BYTES = 1.05, 10_000_000
#: Of 16 pictures this many are large, four medium, the others small.
_LARGE, _MEDIUM, _MIXED = 1, 4, 16
_VIEWS = 4
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What to do."""

    calls: int = 1000
    at_once: int = 200
    pairs: int = 20
    queue: int = 64
    #: Of the job whose submission is killed.
    files: int = 2000


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.service.load", description=(__doc__ or "").splitlines()[0])
    for name, value in (("calls", 1000), ("at-once", 200), ("pairs", 20), ("queue", 64), ("files", 2000)):
        parser.add_argument(f"--{name}", type=int, default=value, metavar="N")
    asked = parser.parse_args(argv)
    failed = run(Asked(asked.calls, asked.at_once, asked.pairs, asked.queue, asked.files), print)
    for sentence in failed:
        print(f"FAILED: {sentence}")
    return 1 if failed else 0


def run(asked: Asked, say: Callable[[str], None]) -> list[str]:
    """Do all of it on a service of its own; what fell short."""
    sized = photographs(frames(_VIEWS))
    mixed = _mixed(sized)
    with service(queue=asked.queue) as here:
        # Each token has a rate of its own: its limit is not what is measured.
        token = here.token("load", Scope.READ)
        parts = (
            _warm(here, token, sized, asked, say) if asked.pairs else (),
            _bound(here, token, sized["small"][0], asked, say),
            _floods(here, token, mixed, asked, say),
            _killed(here, token, mixed, asked, say),
            _ends(here, token, sized["small"][0], say),
        )
        return [sentence for part in parts for sentence in part]


def _warm(
    here: Service, token: str, sized: dict[str, list[bytes]], asked: Asked, say: Callable[[str], None]
) -> Iterator[str]:
    with here.client(token) as client:
        for row in warm.measure(here, client, sized, asked.pairs):
            say(
                f"{row.size:6} {row.bytes / 1000:5.0f} kB   models {row.models:6.1f} ms   decoding {row.decoding:5.1f}"
                f"   call {row.call:6.1f}   call / models {row.to_models:.2f}"
                f", to decoding and models {row.to_reading:.2f}, in processor time {row.processor:.2f}"
            )
            if row.to_reading > warm.MOST:
                yield f"a call with a {row.size} picture takes {row.to_reading} times decoding and models"
        alone, together = warm.throughput(client, sized["medium"], 4 * asked.pairs)
        say(f"one after the other {alone:.1f} photographs a second, {warm.AT_ONCE} at once {together:.1f}   {_load()}")


def _bound(here: Service, token: str, picture: bytes, asked: Asked, say: Callable[[str], None]) -> Iterator[str]:
    found = faults.beyond_the_bound(here, token, picture, asked.queue, more=32)
    say(f"{asked.queue + 32} calls while the reader stands still: {_counted(found)}")
    if found != {200: asked.queue, 429: 32}:
        yield f"the queue holds {asked.queue}, and {_counted(found)} were answered"


def _floods(
    here: Service, token: str, mixed: Sequence[bytes], asked: Asked, say: Callable[[str], None]
) -> Iterator[str]:
    first = flood(here, token, mixed, asked.calls, asked.at_once)
    yield from _judged(first, f"{asked.at_once} at once", say)
    second = flood(here, token, mixed, asked.calls, asked.at_once)
    yield from _judged(second, f"{asked.at_once} at once again", say)
    yield from _judged(flood(here, token, mixed, asked.calls, asked.calls), "all at once", say)
    for name, before, after in (
        ("web", first.web_bytes, second.web_bytes),
        ("photograph", first.reader_bytes, second.reader_bytes),
    ):
        if after > before * _SHARE + _BYTES:
            yield f"the {name} process grew from {before / _MB:.0f} to {after / _MB:.0f} MB"


def _killed(
    here: Service, token: str, mixed: Sequence[bytes], asked: Asked, say: Callable[[str], None]
) -> Iterator[str]:
    calls = min(asked.calls, asked.queue)
    yield from _judged(faults.reader_killed(here, token, mixed, calls), "photograph process killed", say)
    found, took = faults.service_killed(here, token, mixed, calls)
    yield from _judged(found, f"service killed, its reader ended {took:.1f} s later", say, cut=True)
    jobs, files = faults.submission_killed(here, here.token("jobs", Scope.SUBMIT), asked.files, "killed")
    say(f"a submission of {asked.files} files killed and repeated: {jobs} job, {files} files")
    if (jobs, files) != (1, asked.files):
        yield f"a submission that was killed and repeated left {jobs} jobs of {files} files"


def _ends(here: Service, token: str, picture: bytes, say: Callable[[str], None]) -> Iterator[str]:
    before, after, left = faults.hung_up(here, token, 60)
    say(f"60 uploads that broke off: {before} open files before, {after} after, {left} files left")
    if after > before + 2 or left:
        yield f"uploads that broke off left {after - before} open files, and {left} on the disk"
    statuses, took, processes = faults.ended(here, token, picture, 8)
    say(f"SIGTERM with 8 calls under way: {_counted(statuses)}, ended after {took:.1f} s, {processes} processes left")
    if processes or set(statuses) - {0, 200, 503}:
        yield f"the service's end left {processes} processes, and calls were answered {_counted(statuses)}"


def _judged(found: Flood, name: str, say: Callable[[str], None], *, cut: bool = False) -> Iterator[str]:
    say(
        f"{found.calls} calls, {name}: {found.seconds:.0f} s, {found.calls / found.seconds:.1f} a second, "
        f"{_counted(found.statuses)}; web {found.web_bytes / _MB:.0f} MB, "
        f"photographs {found.reader_bytes / _MB:.0f} MB   {_load()}"
    )
    if found.lost or found.different:
        yield f"{name}: {found.lost} calls lost, {found.different} answered otherwise than alone"
    if found.statuses[0] and not cut:
        yield f"{name}: {found.statuses[0]} connections cut, {dict(found.cuts)}"


def _mixed(sized: dict[str, list[bytes]]) -> list[bytes]:
    kinds = ["large"] * _LARGE + ["medium"] * _MEDIUM + ["small"] * (_MIXED - _LARGE - _MEDIUM)
    return [sized[kind][number % _VIEWS] for number, kind in enumerate(kinds)]


def _counted(statuses: dict[int, int]) -> str:
    return ", ".join(f"{status or 'cut'} x {count}" for status, count in sorted(statuses.items()))


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    sys.exit(main())
