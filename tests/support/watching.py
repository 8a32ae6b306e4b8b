"""Entries and their hits, for tests of watch lists and of what is told."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, text

from db.engine import session
from db.telling import watch_lists
from db.telling.watch_lists import Wish


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


def recorded(url: str, video_id: int, ago: str | None, zone: str | None = "+00:00") -> None:
    """Let a video's file say that it was recorded so long ago, in a zone or in none; None: it says nothing."""
    with session(url) as db:
        said = text("UPDATE videos SET recorded_at = now() - CAST(:ago AS interval), clock_zone = :zone WHERE id = :id")
        db.execute(said, {"ago": ago, "zone": zone, "id": video_id})
