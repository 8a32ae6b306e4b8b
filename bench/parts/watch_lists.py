"""What a long watch list costs each sighting, and what an entry costs that is added to many sightings.

`python -m bench.parts.watch_lists --data FOLDER` uses the database that `python -m bench.search --data FOLDER` made;
without one it loads its own. A tenth of the entries are patterns, a tenth plates with what is like them.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text

from bench.search.command import prepare
from bench.search.fleet import Fleet
from dashplate.stack import Stack, stop
from db.engine import session
from db.telling import watch_lists
from db.telling.watch_lists import Wish

#: What a sighting may cost, milliseconds, and what adding an entry may take, seconds.
MOST_MS, MOST_S = 2.0, 2.0
#: Sightings that are matched at a time: as many as a video shows.
_A_VIDEO = 200
_LABEL = "a long list"


def main(argv: Sequence[str] | None = None) -> None:
    """Print the figures; exits with 1 where a limit is passed."""
    parser = argparse.ArgumentParser(prog="python -m bench.parts.watch_lists", description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--sightings", type=int, default=1_000_000)
    parser.add_argument("--plates", type=int, default=300_000)
    parser.add_argument("--videos", type=int, default=20, help="so many times, sightings of one video are matched")
    parser.add_argument("--data", type=Path, help="keep the database there, and use it if it is there")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.data or Path(temporary)
        try:
            slow = _measured(folder, asked)
        finally:
            stop(folder)
    if slow:
        raise SystemExit(1)


def _measured(folder: Path, asked: argparse.Namespace) -> bool:
    fleet, chance = Fleet(asked.plates), random.Random(5)
    with Stack.open(folder, keep=True) as stack:
        url = stack.database_url
        prepare(url, fleet, asked.sightings)
        began = time.perf_counter()
        with session(url) as db:
            db.execute(text("DELETE FROM watch_entries"))
            watch_lists.add(db, entries(fleet, chance, asked.entries), "bench")
            # Matching all that is there is another figure.
            db.execute(text("UPDATE watch_entries SET matched_below = NULL"))
        print(f"{asked.entries:,} entries added in {time.perf_counter() - began:.1f} s")
        with session(url) as db:
            db.execute(text("ANALYZE watch_terms"))
            db.execute(text("ANALYZE watch_entries"))
            newest = list(db.scalars(text("SELECT id FROM sightings ORDER BY id DESC LIMIT :most"), {
                "most": asked.videos * _A_VIDEO,
            }))  # fmt: skip
        each = [_matched(url, newest[start : start + _A_VIDEO]) for start in range(0, len(newest), _A_VIDEO)]
        middle, worst = statistics.median(each), max(each)
        print(
            f"matching costs a sighting {middle:.2f} ms in the median video of {_A_VIDEO}, {worst:.2f} ms in the worst"
        )
        alone = statistics.median(_matched(url, [one]) for one in newest[:: len(newest) // 40 or 1])
        print(f"one sighting alone: {alone:.2f} ms")
        plate = fleet.plates[3][0]
        slowest = 0.0
        for wish in (
            Wish(plate, _LABEL), Wish(f"{plate[:4]}*", _LABEL), Wish(f"*{plate[-4:]}", _LABEL), Wish("*1*", _LABEL),
            Wish(plate, _LABEL, alike=True),
        ):  # fmt: skip
            spent, hits = _added(url, wish)
            slowest = max(slowest, spent)
            print(
                f"{wish.plate + (' and alike' if wish.alike else ''):<24} added in {spent:.2f} s, {hits:,} hits so far"
            )
    return middle > MOST_MS or slowest > MOST_S


def entries(fleet: Fleet, chance: random.Random, count: int) -> list[Wish]:
    """Different entries: plates of the fleet that pass seldom, patterns of four kinds, plates by likeness."""
    made: dict[tuple[str, bool], Wish] = {}
    while len(made) < count:
        plate, _ = fleet.plates[chance.randrange(len(fleet.plates))]
        kind = len(made) % 10
        if kind == 0:
            keep = chance.randrange(4, len(plate))
            cut = chance.randrange(len(plate) - keep + 1)
            plate = chance.choice((f"{plate[:keep]}*", f"*{plate[-keep:]}", f"*{plate[cut : cut + keep]}*",
                                   plate[:keep] + "?" * (len(plate) - keep)))  # fmt: skip
        made[plate, kind == 1] = Wish(plate, _LABEL, alike=kind == 1)
    return list(made.values())


def _matched(url: str, ids: Sequence[int]) -> float:
    """Milliseconds a sighting that matching these takes; what fits is noted, and taken back."""
    with session(url) as db:
        began = time.perf_counter()
        db.execute(text("SELECT note_hits(:ids)"), {"ids": list(ids)})
        spent = time.perf_counter() - began
        db.rollback()
    return 1000 * spent / len(ids)


def _added(url: str, wish: Wish) -> tuple[float, int]:
    """Seconds that a person waits who adds an entry, and its hits by then."""
    began = time.perf_counter()
    with session(url) as db:
        (entry,) = watch_lists.add(db, [wish], "bench")
    with session(url) as db:
        hits = watch_lists.match_existing(db, entry)
    return time.perf_counter() - began, hits


if __name__ == "__main__":
    main()
