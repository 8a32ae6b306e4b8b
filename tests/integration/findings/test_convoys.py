"""Convoys: plates that keep turning up near one's own vehicles, over drives and days."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from db.engine import session
from db.findings.corrections import Correction, correct
from db.where.asked import convoys
from tests.integration.findings.test_joining import OTHER, PLATE, Drive, passing
from tests.support.database import run_sql


def test_a_plate_that_keeps_turning_up(database_url: str) -> None:
    day = 86_400
    drive = Drive(database_url, (0, "front"), (day, "front"), (day + 4000, "front"), (2 * day, "front"), zone="+09:00")
    for number in range(4):
        seen = [passing(0, PLATE, 1, 2)] if number != 1 else []
        drive.end(number, *seen, passing(1, OTHER if number < 2 else f"Q{number}", 4, 5))
    run_sql(database_url, "UPDATE sightings SET lat = 48 + 0.01 * video_id, lon = 11")
    with session(database_url) as db:
        (found,) = convoys(db)
        assert (found["plate"], found["drives"], found["days_seen"], found["passings"]) == (PLATE, 3, 3, 3)
        assert found["apart_m"] == pytest.approx(3336, abs=1)
        assert convoys(db, least_apart_m=4000.0) == []
        assert [row["plate"] for row in convoys(db, least_drives=2)] == [PLATE, OTHER]
        assert convoys(db, days=1) == []
        assert convoys(db, job=drive.job + 1) == []


def test_seen_nowhere_a_plate_is_no_distance_apart(database_url: str) -> None:
    turning_up(database_url)
    with session(database_url) as db:
        assert [(row["plate"], row["apart_m"]) for row in convoys(db)] == [(PLATE, 0)]
        assert convoys(db, least_apart_m=1.0) == []
        assert db.scalar(text("SELECT metres_apart(1, NULL, NULL, NULL)")) is None


def turning_up(url: str, days: int = 3) -> Drive:
    drive = Drive(url, *((86_400 * day, "front") for day in range(days)))
    for number in range(days):
        drive.end(number, passing(0, PLATE, 1, 2))
    return drive


def test_a_zone_that_the_database_does_not_know_is_utc_there(database_url: str) -> None:
    turning_up(database_url)
    odd = Drive(database_url, (0, "front"), zone="localtime")
    odd.end(0, passing(0, PLATE, 1, 2))
    with session(database_url) as db:
        (found,) = convoys(db)
        assert (found["drives"], found["days_seen"]) == (4, 3)


def test_convoys_go_by_what_people_read(database_url: str) -> None:
    turning_up(database_url)
    with session(database_url) as db:
        numbers = db.execute(text("SELECT id FROM sightings ORDER BY id")).scalars().all()
        for number in numbers:
            correct(db, number, Correction(None, "me"))
        assert convoys(db) == []
        for number in numbers:
            correct(db, number, Correction("ONLY1", "me"))
        assert [(row["plate"], row["drives"]) for row in convoys(db)] == [("ONLY1", 3)]


def test_whoever_was_misread_in_a_passing_passed_too(database_url: str) -> None:
    like = PLATE.replace("B", "8")
    drive = Drive(database_url, *((second + 86_400 * day, "front") for day in range(3) for second in (0, 10)))
    for number in range(6):
        seen = passing(0, PLATE, 8, 9.9) if number % 2 == 0 else passing(0, like, 0.1, 1)
        drive.end(number, seen)
    assert [len(row["sightings"]) for row in drive.passings()] == [2, 2, 2]
    with session(database_url) as db:
        assert {row["plate"]: row["passings"] for row in convoys(db)} == {PLATE: 3, like: 3}
