"""Loads, asks, prints: the time of each kind of question, cold and warm, and what storing sightings costs."""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psycopg
from sqlalchemy import text

from bench.search.fleet import A_VIDEO, Fleet, load
from bench.search.plans import scans
from bench.search.questions import KINDS, Question, questions
from dashplate.stack import Stack, stop
from db.engine import engine_for, session
from db.findings.stage_results import store_sightings
from db.migrate import upgrade
from pipeline.records import Box, Candidate, Character, Observation, Sighting

#: Says that a database folder holds nothing but what this measurement put there: it stores sightings anew.
_MARK = "made-by-bench-search"
#: What a search may take in the median, milliseconds; and storing sightings beside what it takes without search.
MOST_MS, MOST_RATIO = 50.0, 1.1
_STORED_VIDEOS, _ROUNDS = 20, 5


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table; exits with 1 where a limit is passed."""
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--sightings", type=int, default=1_000_000)
    parser.add_argument("--plates", type=int, default=300_000)
    parser.add_argument("--asked", type=int, default=40, help="questions of each kind")
    parser.add_argument("--starts", type=int, default=5, help="cold starts: the server anew, its files read anew")
    parser.add_argument("--data", type=Path, help="keep the database there, and use it if it is there")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        folder = _own(asked.data or Path(temporary))
        try:
            slow = _measured(folder, asked)
        finally:
            stop(folder)
    if slow:
        raise SystemExit(1)


def _own(folder: Path) -> Path:
    """The folder, marked as the measurement's own; ends where it holds something else."""
    mark = folder / _MARK
    if not mark.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SystemExit(f"{folder} holds something that this measurement did not make. Name an empty folder.")
        mark.touch()
    return folder


def _measured(folder: Path, asked: argparse.Namespace) -> bool:
    fleet = Fleet(asked.plates)
    with Stack.open(folder, keep=True) as stack:
        prepare(stack.database_url, fleet, asked.sightings)
        wanted = questions(fleet, asked.asked)
    cold = {kind: [_cold(folder, wanted[kind][start]) for start in range(asked.starts)] for kind in KINDS}
    with Stack.open(folder, keep=True) as stack:
        print(f"\n{'':<28}{'warm':>7}{'95%':>7}{'cold':>7}  ms, {asked.asked} questions, {asked.starts} cold starts")
        slow = False
        for kind in KINDS:
            before = scans(stack.database_url)
            times = sorted([_once(stack.database_url, one) for one in wanted[kind] * 2][asked.asked :])
            used = scans(stack.database_url) - before
            middle, first = statistics.median(times), statistics.median(cold[kind] or [0.0])
            slow |= max(middle, first) > MOST_MS
            late = times[round(0.95 * (len(times) - 1))]
            print(f"{kind:<28}{middle:7.1f}{late:7.1f}{first:7.1f}  {', '.join(sorted(used))}")
        ratio = _stored(stack.database_url, fleet)
    print(f"storing sightings: {ratio:.2f} of what it takes where nothing is noted for search")
    return slow or ratio > MOST_RATIO


def prepare(url: str, fleet: Fleet, sightings: int) -> None:
    """Load the fleet and make it searchable, where that has not been done."""
    upgrade(url)
    with psycopg.connect(url.replace("postgresql+psycopg:", "postgresql:")) as connection:
        if connection.execute("SELECT EXISTS (SELECT 1 FROM sightings)").fetchone() != (True,):
            began = time.perf_counter()
            load(connection, fleet, sightings)
            print(f"{sightings} sightings of {len(fleet.plates)} plates loaded in {time.perf_counter() - began:.0f} s")
        if connection.execute("SELECT EXISTS (SELECT 1 FROM search_backlog)").fetchone() != (True,):
            return
        began = time.perf_counter()
        while connection.execute("SELECT index_sightings(20)").fetchone() != (0,):
            connection.commit()
        print(f"made searchable in {time.perf_counter() - began:.0f} s")
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
        for table in ("sightings", "spellings", "candidates", "plates"):
            row = connection.execute(
                f"SELECT count(*), pg_table_size('{table}') / 1e6, pg_indexes_size('{table}') / 1e6 FROM {table}"
            ).fetchone()
            print("{:<12}{:>9} rows{:8.0f} MB, indexes{:8.0f} MB".format(table, *row or ()))


def _once(url: str, question: Question) -> float:
    began = time.perf_counter()
    with session(url) as db:
        question(db)
    return 1000 * (time.perf_counter() - began)


def _cold(folder: Path, question: Question) -> float:
    """Milliseconds on a server that has just started, whose files the system has forgotten where it lets us."""
    stop(folder)
    os.sync()
    with suppress(OSError):
        Path("/proc/sys/vm/drop_caches").write_text("3")
    with Stack.open(folder, keep=True) as stack:
        with session(stack.database_url) as db:
            db.execute(text("SELECT 1"))
        spent = _once(stack.database_url, question)
        engine_for(stack.database_url).dispose()
    return spent


def _stored(url: str, fleet: Fleet) -> float:
    """How much longer it takes to store a video's sightings with the triggers than without, medians in turns."""
    with session(url) as db:
        videos = list(db.scalars(text("SELECT id FROM videos ORDER BY id DESC LIMIT :most"), {"most": _STORED_VIDEOS}))
    spent: dict[bool, list[float]] = {True: [], False: []}
    try:
        for noted in [True, False] * _ROUNDS:
            _note(url, noted)
            for video in videos:
                seen = [_sighting(index, *fleet.plates[fleet.passing()], fleet) for index in range(A_VIDEO)]
                began = time.perf_counter()
                with session(url) as db:
                    store_sightings(db, video, seen)
                spent[noted].append(time.perf_counter() - began)
    finally:
        _note(url, True)
    return statistics.median(spent[True]) / statistics.median(spent[False])


def _note(url: str, noted: bool) -> None:
    """Have what is stored noted for search, or not."""
    with session(url) as db:
        db.execute(text(f"ALTER TABLE sightings {'ENABLE' if noted else 'DISABLE'} TRIGGER USER"))


def _sighting(index: int, said: str, country: str, fleet: Fleet) -> Sighting:
    first, best, last = (
        Observation(1000 * at, float(at), Box(1, 2, 121, 32), 0.9) for at in range(3 * index, 3 * index + 3)
    )
    return Sighting(
        index=index, text=said, country=country, confidence=0.9,
        characters=tuple(Character(char, 0.95) for char in said),
        alternatives=tuple(Candidate(str(c["text"]), 0.05) for c in fleet.runners_up(said)),
        first=first, last=last, best=best, crop=None, reads=3, confirmed=True, tracklets=((0, index),),
    )  # fmt: skip
