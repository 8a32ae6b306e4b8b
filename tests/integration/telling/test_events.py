"""Which events are owed to whom: sightings and hits of what was recorded of late, states of jobs and videos."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import RowMapping, text

from db.engine import session
from db.jobs import cancel
from db.keeping.retention import PurgeScope, purge
from db.states import EventKind, VideoState
from db.telling import endpoints
from db.telling.watch_lists import Wish
from pipeline.alerts import Alerts
from pipeline.job_options import JobOptions
from tests.support.database import end, make_job
from tests.support.searching import saying, store
from tests.support.watching import recorded, watch


def tell(url: str, name: str, *events: EventKind, labels: Sequence[str] = ()) -> None:
    with session(url) as db:
        endpoints.add(db, name, "https://example.org/", events=events or tuple(EventKind), labels=labels)


def owed(url: str, name: str) -> list[RowMapping]:
    with session(url) as db:
        asked = text(
            "SELECT e.* FROM deliveries d JOIN events e ON e.id = d.event_id JOIN endpoints p ON p.id = d.endpoint_id"
            " WHERE p.name = :name ORDER BY e.id"
        )
        return list(db.execute(asked, {"name": name}).mappings())


def kinds(url: str, name: str) -> list[tuple[str, str | None]]:
    return [(row["kind"], row["state"]) for row in owed(url, name)]


@pytest.mark.parametrize(
    ("alerts", "ago", "told"),
    [
        (Alerts.RECENT, "1 hour", True), (Alerts.RECENT, "25 hours", False), (Alerts.RECENT, None, False),
        (Alerts.ALL, "1 year", True), (Alerts.ALL, None, True), (Alerts.NONE, "1 hour", False),
    ],
)  # fmt: skip
def test_an_old_drive_alerts_nobody_unless_told_to(
    database_url: str, alerts: Alerts, ago: str | None, told: bool
) -> None:
    tell(database_url, "gate", EventKind.SIGHTING, EventKind.HIT)
    _, (video,) = make_job(database_url, 0, options=JobOptions(alerts=alerts))
    recorded(database_url, video, ago)
    watch(database_url, Wish("AA11", "stolen"), matched=False)
    store(database_url, video, [saying(0, "AA11")])
    assert sorted(kinds(database_url, "gate")) == ([("hit", None), ("sighting", None)] if told else [])


@pytest.mark.parametrize(("ago", "told"), [("37 hours", True), ("39 hours", False)])
def test_a_clock_of_no_known_zone_may_be_hours_behind(database_url: str, ago: str, told: bool) -> None:
    tell(database_url, "gate", EventKind.SIGHTING)
    _, (video,) = make_job(database_url, 0)
    recorded(database_url, video, ago, zone=None)
    store(database_url, video, [saying(0, "AA11")])
    assert kinds(database_url, "gate") == ([("sighting", None)] if told else [])


def test_existing_sightings_are_told_where_the_entry_says_so(database_url: str) -> None:
    tell(database_url, "gate", EventKind.HIT)
    _, (video,) = make_job(database_url, 0)
    recorded(database_url, video, "1 hour")
    store(database_url, video, [saying(0, "AA11")])
    watch(database_url, Wish("AA11", "quiet"))
    assert owed(database_url, "gate") == []
    watch(database_url, Wish("AA11", "loud", alert_existing=True))
    assert len(owed(database_url, "gate")) == 1


def test_each_endpoint_is_told_what_it_wants(database_url: str) -> None:
    tell(database_url, "all")
    tell(database_url, "stolen", EventKind.HIT, labels=["stolen"])
    tell(database_url, "jobs", EventKind.JOB, EventKind.VIDEO)
    job, (video, _) = make_job(database_url, 0, 0, state=VideoState.AGGREGATING)
    recorded(database_url, video, "1 hour")
    watch(database_url, Wish("AA11", "stolen"), Wish("AA*", "fleet"), matched=False)
    store(database_url, video, [saying(0, "AA11")])
    end(database_url, video)
    cancel.cancel(database_url, job)
    assert [kind for kind, _ in kinds(database_url, "stolen")] == ["hit"]
    said = kinds(database_url, "jobs")
    assert ("video", "done") in said
    assert ("job", "cancelled") in said
    assert [kind for kind, _ in kinds(database_url, "all")].count("hit") == 2


def test_without_endpoints_nothing_is_written(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0, state=VideoState.AGGREGATING)
    recorded(database_url, video, "1 hour")
    watch(database_url, Wish("AA11", "stolen"), matched=False)
    store(database_url, video, [saying(0, "AA11")])
    end(database_url, video)
    with session(database_url) as db:
        assert db.scalar(text("SELECT count(*) FROM events")) == 0


def test_a_redo_tells_only_what_is_new(database_url: str) -> None:
    tell(database_url, "gate", EventKind.SIGHTING, EventKind.HIT)
    _, (video,) = make_job(database_url, 0)
    recorded(database_url, video, "1 hour")
    watch(database_url, Wish("AA*", "a"), matched=False)
    store(database_url, video, [saying(0, "AA11"), saying(1, "AA22", at_s=60)])
    before = owed(database_url, "gate")
    assert len(before) == 4
    for _ in range(3):
        store(database_url, video, [saying(0, "AA11", at_s=0.2), saying(1, "AA22", at_s=60)])
    again = owed(database_url, "gate")
    assert [row["uid"] for row in again] == [row["uid"] for row in before]
    # What is still to be told of leads to the sighting of now.
    with session(database_url) as db:
        there = set(db.scalars(text("SELECT id FROM sightings")))
    assert {row["sighting_id"] for row in again if row["kind"] == "sighting"} == there
    store(database_url, video, [saying(0, "AA11"), saying(1, "AA22", at_s=60), saying(2, "AA11", at_s=200)])
    assert len(owed(database_url, "gate")) == 6


def test_a_purge_leaves_no_plate_in_what_was_told(database_url: str) -> None:
    tell(database_url, "gate")
    _, (video,) = make_job(database_url, 0, state=VideoState.AGGREGATING)
    recorded(database_url, video, "1 hour")
    watch(database_url, Wish("AA11", "a"), matched=False)
    store(database_url, video, [saying(0, "AA11")])
    end(database_url, video)
    with session(database_url) as db:
        purge(db, [video], PurgeScope(older_than_s=0))
    assert {row["kind"] for row in owed(database_url, "gate")} <= {"video", "job"}
    with session(database_url) as db:
        assert db.scalar(text("SELECT count(*) FROM events WHERE key IS NOT NULL")) == 0
