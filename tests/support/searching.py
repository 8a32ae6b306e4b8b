"""Sightings that may be several plates, stored and searched on a real PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import RowMapping

from db.engine import session
from db.findings.search import Behind, Wanted, index_some, said, search
from db.findings.stage_results import store_sightings
from db.findings.typed import typed
from pipeline.records import Candidate, Sighting
from tests.support.tables.findings import observation, sighting


def saying(index: int, plate: str, *others: str, at_s: float = 1.0, sure: float = 0.9) -> Sighting:
    """A sighting, from that second on, of a plate that may have been others."""
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


def find(url: str, wanted: str, most: int = 100, behind: Behind | None = None, **narrowed: object) -> list[RowMapping]:
    with session(url) as db:
        return list(search(db, Wanted(typed(wanted), **narrowed), most, behind))  # type: ignore[arg-type]


def told(rows: Sequence[RowMapping]) -> list[tuple[str, str, bool]]:
    return [(row["plate"], said(row), row["winner"]) for row in rows]


def random_plate(rng: random.Random) -> str:
    """Short of characters, so that many are alike."""
    return rng.choice(("KA05", "KA5", "B", "粤B", "")) + "".join(rng.choices("08BDQ1LI5S6G", k=rng.randrange(3, 7)))
