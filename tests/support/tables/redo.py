"""A drive that is done twice, what a person can see of what was found, and how the second pass fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import RowMapping

from bench.standin import StandIn
from dashplate.commands.checks.verify import check
from db.engine import session
from db.queue.outbox import MAX_FAILURES
from db.queue.scheduler import take_pending
from pipeline.records import Reading
from tests.support.road import Road
from workers.maintenance import sweeper
from workers.steps import segment_stages

DRIVE = "one.mp4"
SEGMENTS = 4
#: What a job keeps decides what a second pass has to go on from.
KEEPING: list[dict[str, Any]] = [{}, {"evidence": False}, {"hashed": True}]
every_job = pytest.mark.parametrize("options", KEEPING, ids=("evidence", "no evidence", "hashed"))


def texts(road: Road) -> list[str]:
    return sorted(row["text"] for row in road.ask("SELECT text FROM sightings"))


def known(road: Road) -> dict[str, Sequence[RowMapping]]:
    """All that a person can see of what was found, but for ids."""
    return {name: road.ask(query) for name, query in _KNOWN.items()}


_KNOWN = {
    "sightings": """
        SELECT text, shown, country, confidence, characters, alternatives, first_pts, last_pts, best_pts,
               x1, y1, x2, y2, reads, confirmed, crop, tracklets
        FROM sightings ORDER BY first_pts, text
    """,
    "readings": """
        SELECT g.index AS segment, t.index, r.text, r.confidence, r.best_crop
        FROM readings r JOIN tracklets t ON t.id = r.tracklet_id JOIN segments g ON g.id = t.segment_id
        WHERE NOT t.provisional ORDER BY 1, 2
    """,
    "files": "SELECT name, sha256 FROM crops UNION ALL SELECT name, sha256 FROM frames ORDER BY 1",
    "plates": "SELECT key, text, country FROM plates ORDER BY key",
}


def well(road: Road, job: int) -> None:
    """What had to go is gone, and every row has its file."""
    road.clear()
    assert check(road.url, road.store, job).well


def lose(road: Road) -> None:
    """The card was wiped."""
    (road.folder / DRIVE).unlink()


def detect_some(road: Road, count: int) -> list[tuple[int, int]]:
    """Detect what is due up to `count` segments; returns them with their attempt."""
    with session(road.url) as db:
        taken = take_pending(db, count, 1000)
    assert all(segment_stages.detect_segment(one.segment_id, one.attempt) for one in taken)
    return [(one.segment_id, one.attempt) for one in taken]


def other_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another reader may find another picture the best, whose frame is not there yet."""
    read = StandIn.read

    def other(self: StandIn, *given: Any) -> Sequence[Reading | None]:
        return [reading and replace(reading, best_crop=1) for reading in read(self, *given)]

    monkeypatch.setattr(StandIn, "read", other)


def give_up_putting_together(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("workers.steps.aggregate.stitch", lambda *_: 1 / 0)
        for _ in range(MAX_FAILURES):
            with pytest.raises(ZeroDivisionError):
                road.aggregate()
        sweeper.sweep()
