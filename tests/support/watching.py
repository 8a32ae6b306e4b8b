"""Sightings that are stored and made searchable, for tests of watch lists and of what is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import RowMapping, text

from db.engine import session
from db.findings.search import index_some
from db.findings.stage_results import store_sightings
from db.telling import watch_lists
from db.telling.watch_lists import Wish
from pipeline.records import Candidate, Sighting
from tests.support.tables.findings import observation, sighting


def saying(index: int, plate: str, *others: str, at_s: float = 0.0, sure: float = 0.9) -> Sighting:
    """A sighting of a plate that may have been others."""
    runners_up = tuple(Candidate(other, 0.04 / (rank + 1)) for rank, other in enumerate(others))
    first, best, last = (observation(at_s + step) for step in range(3))
    made = replace(sighting(index, plate), alternatives=runners_up, confidence=sure)
    return replace(made, first=first, best=best, last=last)


def store(url: str, video_id: int, seen: Iterable[Sighting]) -> None:
    """As an aggregator does it, replacing what the video showed before; then searchable."""
    with session(url) as db:
        store_sightings(db, video_id, list(seen))
    index_all(url)


def index_all(url: str) -> None:
    taken = 1
    while taken:
        with session(url) as db:
            taken = index_some(db)


def watch(url: str, *wishes: Wish, matched: bool = True) -> list[int]:
    """Add entries, and match them with what is there unless that is left to the workers."""
    with session(url) as db:
        entries = watch_lists.add(db, wishes, "ann")
    for entry in entries if matched else ():
        while True:
            with session(url) as db:
                watch_lists.match_existing(db, entry, 3)
                if entry not in watch_lists.unmatched(db, 10_000):
                    break
    return entries


def hits(url: str, **narrowed: object) -> Sequence[RowMapping]:
    with session(url) as db:
        return watch_lists.hits(db, **narrowed, most=100_000)  # type: ignore[arg-type]


def recorded(url: str, video_id: int, ago: str | None) -> None:
    """Let a video's file say that it was recorded so long ago; None: it says nothing."""
    with session(url) as db:
        said = text("UPDATE videos SET recorded_at = now() - CAST(:ago AS interval) WHERE id = :id")
        db.execute(said, {"ago": ago, "id": video_id})
