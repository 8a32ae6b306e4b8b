"""A job's sightings a page at a time, and as an export reads them, while others write."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from db.engine import session
from db.findings import exported, pages
from db.findings.stage_results import store_sightings
from tests.support.database import make_job, run_sql
from tests.support.tables.findings import sighting


def test_a_page_that_a_redo_makes_short_is_not_the_last(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job, (first, second) = make_job(database_url, 0, 0)
    with session(database_url) as db:
        for video in (first, second):
            store_sightings(db, video, [sighting(index, f"AB{video}{index}CD") for index in range(2)])
    numbers = pages.numbers

    def redone(db: Session, job_id: int, after: int, most: int) -> list[int]:
        found = numbers(db, job_id, after, most)
        run_sql(database_url, f"DELETE FROM sightings WHERE video_id = {first}")
        return found

    monkeypatch.setattr(pages, "numbers", redone)
    seen, following = [], 0
    with session(database_url) as db:
        while following is not None:
            rows, following = pages.sightings(db, job, following, 2)
            seen += [row["video_id"] for row in rows]
    assert seen == [second, second]


def test_whoever_reads_an_export_may_rest(database_url: str) -> None:
    """Longer than a transaction that holds locks may, and no longer than the export."""
    asked = text("SELECT setting::int FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'")
    with exported.snapshot(database_url) as db:
        assert db.scalar(asked) == 3600_000
        assert db.scalar(text("SHOW transaction_isolation")) == "repeatable read"
    with session(database_url) as db:
        assert db.scalar(asked) == 120_000
