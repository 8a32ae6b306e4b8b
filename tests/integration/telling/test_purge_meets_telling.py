"""A purge and the matching of watch lists meet: whichever is first, no plate stays that was to go."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from db.engine import session
from db.findings.search import index_some
from db.findings.stage_results import store_sightings
from db.keeping.retention import PurgeScope, purge
from db.states import EventKind, VideoState
from db.telling import endpoints, watch_lists
from db.telling.watch_lists import Wish
from pipeline.alerts import Alerts
from pipeline.job_options import JobOptions
from tests.support.database import end, make_job, overlap, run_sql
from tests.support.searching import index_all, saying
from tests.support.watching import hits, watch


@pytest.fixture
def ended(database_url: str) -> int:
    """A video that has ended, of which everything is told, and what it showed is still to be made searchable."""
    with session(database_url) as db:
        endpoints.add(db, "gate", "https://example.org/", events=tuple(EventKind))
    options = JobOptions(alerts=Alerts.ALL)
    _, (video,) = make_job(database_url, 0, state=VideoState.AGGREGATING, options=options)
    with session(database_url) as db:
        store_sightings(db, video, [saying(0, "AA11"), saying(1, "AA22", at_s=60)])
    end(database_url, video)
    return video


def naming_plates(url: str) -> tuple[int, int]:
    """Hits, and events of sightings or hits."""
    with session(url) as db:
        events = db.scalar(text("SELECT count(*) FROM events WHERE kind IN ('sighting', 'hit') OR key IS NOT NULL"))
    return len(hits(url)), events or 0


@pytest.mark.parametrize("purge_first", [True, False])
def test_what_is_purged_while_it_is_matched_is_no_hit(database_url: str, ended: int, purge_first: bool) -> None:
    watch(database_url, Wish("AA11", "a"), Wish("AA*", "a"))

    def purging(db: Session) -> object:
        return purge(db, [ended], PurgeScope(older_than_s=0))

    overlap(database_url, *((purging, index_some) if purge_first else (index_some, purging)))
    index_all(database_url)
    assert naming_plates(database_url) == (0, 0)


@pytest.mark.parametrize("purge_first", [True, False])
def test_what_is_purged_while_a_new_entry_is_matched_is_no_hit(
    database_url: str, ended: int, purge_first: bool
) -> None:
    index_all(database_url)
    (entry,) = watch(database_url, Wish("AA*", "a", alert_existing=True), matched=False)

    def purging(db: Session) -> object:
        return purge(db, [ended], PurgeScope(older_than_s=0))

    def matching(db: Session) -> object:
        return watch_lists.match_existing(db, entry)

    overlap(database_url, *((purging, matching) if purge_first else (matching, purging)))
    index_all(database_url)
    assert naming_plates(database_url) == (0, 0)


def test_who_holds_a_video_may_take_its_plates_while_it_is_made_searchable(database_url: str, ended: int) -> None:
    """A purge and an aggregation lock the video, then its plates: matching keeps to that order."""
    watch(database_url, Wish("AA*", "a"))
    # Somebody loaded a row: the plates are counted anew.
    run_sql(database_url, "UPDATE plates SET sightings = 7")
    overlap(
        database_url,
        lambda db: db.execute(text("SELECT FROM videos WHERE id = :id FOR UPDATE"), {"id": ended}),
        index_some,
        rest=lambda db: db.execute(text("SELECT FROM plates FOR UPDATE")),
    )
    assert naming_plates(database_url) == (2, 4)
