"""What people read in passings: beside the machine's reading, found by search, kept through a redo, purged with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from bench.standin import Drive
from dashplate.commands.checks.verify import check
from dashplate.commands.findings.correct import correct_sighting
from db.engine import session
from db.findings import corrections, pages
from db.findings.corrections import Correction, box_at
from db.findings.plate_hashing import PlateKey, PlateKeyError, plate_key
from db.findings.search import Wanted, index_some, plates, search
from db.findings.stage_results import store_sightings
from db.jobs import control
from db.keeping.retention import PurgeScope, purge
from db.keeping.watched import watch
from db.models import CorrectionRow
from db.states import Stage
from pipeline.errors import UsageError
from pipeline.records import Box, Observation, Sighting
from tests.support.database import count, make_job, overlap, run_sql
from tests.support.road import KEY, Road, give_key
from tests.support.tables.findings import sighting
from tests.support.tables.plates import DRIVE, PLATES, hashed, readable

SAID = Correction("AB12CDF", "ada", "seen in the frame")


def passing(index: int, plate: str, *times_s: float, x: float = 100.0, speed: float = 0.0) -> Sighting:
    """A plate of 100 x 30 px, seen first, best and last at these times, moving so many pixels a second to the right."""

    def seen(at_s: float) -> Observation:
        left = x + speed * (at_s - times_s[0])
        return Observation(round(1000 * at_s), at_s, Box(left, 200.0, left + 100, 230.0), 0.9)

    first, best, last = map(seen, times_s)
    return replace(sighting(index, plate), first=first, best=best, last=last)


def store(url: str, video: int, *seen: Sighting) -> list[int]:
    """The numbers of a video's new sightings."""
    with session(url) as db:
        store_sightings(db, video, seen)
    with session(url) as db:
        return list(db.scalars(text("SELECT id FROM sightings WHERE video_id = :v ORDER BY index"), {"v": video}))


def correct(url: str, number: int, said: Correction = SAID) -> bool:
    with session(url) as db:
        return corrections.correct(db, number, said)


def told(url: str, video: int) -> list[tuple[Any, ...]]:
    """What each sighting was read as, and what a person reads there."""
    with session(url) as db:
        rows = db.execute(text("SELECT * FROM plate_sightings WHERE video_id = :v ORDER BY sighting"), {"v": video})
        return [(row.read_as, row.corrected) for row in rows]


def index_all(url: str) -> None:
    taken = 1
    while taken:
        with session(url) as db:
            taken = index_some(db)


def found(url: str, wanted: str, **narrowed: Any) -> list[int]:
    index_all(url)
    with session(url) as db:
        return [row["sighting"] for row in search(db, Wanted(wanted, **narrowed))]


@pytest.fixture
def video(database_url: str) -> int:
    # Without segments, so that nothing of what is stored waits to be done again.
    _, (made,) = make_job(database_url, 0)
    return made


# Beside, never over.


def test_it_stands_beside_the_machines_reading(database_url: str, video: int) -> None:
    (number,) = store(database_url, video, passing(0, "AB12CDE", 1, 2, 3))
    with session(database_url) as db:
        before = dict(pages.sighting(db, number) or {})
    assert before["corrected"] is None
    assert correct(database_url, number)
    with session(database_url) as db:
        after = dict(pages.sighting(db, number) or {})
    assert (after["corrected"], after["corrected_by"], after["correction_note"]) == (SAID.text, SAID.by, SAID.note)
    assert after["corrected_at"] is not None
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"corrected", "corrected_by", "corrected_at", "correction_note"}


def test_another_replaces_it_and_it_can_be_taken_back(database_url: str, video: int) -> None:
    (number,) = store(database_url, video, passing(0, "AB12CDE", 1, 2, 3))
    correct(database_url, number)
    correct(database_url, number, Correction(None, "bob"))
    assert told(database_url, video) == [("AB12CDE", "")]
    with session(database_url) as db:
        assert corrections.take_back(db, number)
        assert not corrections.take_back(db, number)
    assert told(database_url, video) == [("AB12CDE", None)]
    assert not correct(database_url, number + 1), "no such sighting"
    assert count(database_url, CorrectionRow) == 0


# Search.


def test_search_finds_both_readings(database_url: str, video: int) -> None:
    one, other = store(database_url, video, passing(0, "AB12CDE", 1, 2, 3), passing(1, "XY34ZZZ", 1, 2, 3, x=600))
    assert found(database_url, "AB12CDF") == []
    correct(database_url, one)
    for wanted in ("AB12CDE", "AB12CDF", "*2CDF", "AB*F", "*12CD*"):
        assert found(database_url, wanted) == [one], wanted
    assert found(database_url, "AB12CDF", winners=True, least_share=1.0) == [one]
    assert found(database_url, "AB12CDFX", alike=True) == [one]
    assert found(database_url, "XY34ZZZ") == [other]
    with session(database_url) as db:
        for wanted in ("AB12CDE", "AB12CDF", "*CDF"):
            (plate,) = plates(db, wanted)
            assert (plate["plate"], plate["corrected"]) == ("AB12CDE", ["AB12CDF"]), wanted
        assert plates(db, "XY34ZZZ")[0]["corrected"] is None
        corrections.take_back(db, one)
    assert found(database_url, "AB12CDF") == []
    with session(database_url) as db:
        assert plates(db, "AB12CDF") == []


def test_search_finds_a_persons_reading_among_very_many(database_url: str, video: int) -> None:
    """More spellings fit than are gathered: sightings are looked through."""
    (number,) = store(database_url, video, passing(0, "XY34ZZZ", 1, 2, 3))
    correct(database_url, number, Correction("KA05MH1234", "ada"))
    run_sql(database_url, "INSERT INTO spellings (key) SELECT 'KA' || n FROM generate_series(1000, 4500) n")
    assert found(database_url, "KA*") == [number]
    assert found(database_url, "KA*", winners=True) == [number]


def test_what_is_no_plate_is_still_found_by_what_the_machine_read(database_url: str, video: int) -> None:
    (number,) = store(database_url, video, passing(0, "SALE50", 1, 2, 3))
    correct(database_url, number, Correction(None, "ada"))
    assert found(database_url, "SALE50") == [number]


# A redo.


def test_a_redo_keeps_it_with_the_passing(database_url: str, video: int) -> None:
    """Two cars at once, another order, other texts: each correction follows its place."""
    left, right = store(
        database_url, video, passing(0, "AB12CDE", 1, 2, 3, speed=40), passing(1, "XY34ZZZ", 1, 2, 3, x=600)
    )
    correct(database_url, left)
    correct(database_url, right, Correction(None, "bob"))
    store(
        database_url, video,
        passing(0, "QQ99QQQ", 1.2, 2.6, 3.1, x=602), passing(1, "AB12C0E", 0.8, 1.5, 2.9, x=95, speed=38),
        passing(2, "AB12CDE", 20, 21, 22, speed=40),
    )  # fmt: skip
    assert told(database_url, video) == [("QQ99QQQ", ""), ("AB12C0E", "AB12CDF"), ("AB12CDE", None)]


def test_what_moved_too_unevenly_is_known_by_its_text(database_url: str, video: int) -> None:
    (number,) = store(database_url, video, passing(0, "AB12CDE", 1, 2, 3))
    correct(database_url, number)
    store(database_url, video, passing(0, "AB12CDF", 1.5, 2, 4, x=900), passing(1, "ZZ11ZZZ", 1.5, 2, 4, x=600))
    assert told(database_url, video) == [("AB12CDF", "AB12CDF"), ("ZZ11ZZZ", None)]


def test_it_waits_for_a_redo_that_finds_the_passing_again(database_url: str, video: int) -> None:
    (number,) = store(database_url, video, passing(0, "AB12CDE", 1, 2, 3))
    correct(database_url, number)
    store(database_url, video)
    assert told(database_url, video) == []
    assert count(database_url, CorrectionRow) == 1
    assert found(database_url, "AB12CDF") == []
    (number,) = store(database_url, video, passing(0, "AB12CDE", 1, 2, 3))
    assert told(database_url, video) == [("AB12CDE", "AB12CDF")]
    assert found(database_url, "AB12CDF") == [number]
    with session(database_url) as db:
        assert plates(db, "AB12CDF")[0]["plate"] == "AB12CDE"


def test_two_that_became_one_passing_leave_the_likelier(database_url: str, video: int) -> None:
    first, second = store(database_url, video, passing(0, "AB12CDE", 1, 2, 3), passing(1, "AB12CDE", 5, 6, 7, x=130))
    correct(database_url, first, Correction("FIRST1", "ada"))
    correct(database_url, second, Correction("SECOND", "ada"))
    store(database_url, video, passing(0, "AB12CDE", 1, 2, 7))
    assert told(database_url, video) == [("AB12CDE", "FIRST1")]
    assert count(database_url, CorrectionRow) == 2


def test_a_box_is_where_it_was_at_a_time() -> None:
    seen = passing(0, "AB12CDE", 1, 2, 4, x=0, speed=10)
    lefts: Sequence[float] = [box_at(seen, at_s).x1 for at_s in (0, 1, 1.5, 2, 3, 4, 9)]
    assert lefts == [0, 0, 5, 10, 20, 30, 30]
    photo = passing(0, "AB12CDE", 0, 0, 0)
    assert box_at(photo, 0.0) == photo.best.box


@pytest.mark.parametrize("step", [Stage.DETECT, Stage.READ])
def test_rerun_keeps_it(road: Road, step: Stage) -> None:
    """Through the whole road, with new numbers."""
    job, _ = road.run(DRIVE, drive=Drive(segments=2))
    before = road.ask("SELECT sighting, first_s, read_as FROM plate_sightings ORDER BY first_s, read_as")
    correct(road.url, before[1]["sighting"])
    control.rerun(road.url, job, step, {})
    road.finish()
    after = road.ask("SELECT sighting, first_s, read_as, corrected FROM plate_sightings ORDER BY first_s, read_as")
    assert {row["sighting"] for row in after}.isdisjoint(row["sighting"] for row in before)
    assert [(row["read_as"], row["corrected"]) for row in after] == [
        (row["read_as"], SAID.text if place == 1 else None) for place, row in enumerate(before)
    ]


# Purge and retention.


def purged(url: str, video: int, *, keep_watched: bool = False, key: PlateKey | None = None) -> None:
    run_sql(url, "UPDATE videos SET finished_at = now() - interval '1 day' WHERE id = :v", v=video)
    with session(url) as db:
        purge(db, [video], PurgeScope(0, keep_watched=keep_watched, key=key))


def test_a_purge_takes_it_along(database_url: str, video: int) -> None:
    (number,) = store(database_url, video, passing(0, "AB12CDE", 1, 2, 3))
    correct(database_url, number)
    index_all(database_url)
    purged(database_url, video)
    index_all(database_url)
    assert count(database_url, CorrectionRow) == 0
    with session(database_url) as db:
        assert db.scalar(text("SELECT count(*) FROM spellings")) == 0, "nothing of it is left in clear"


def test_a_purge_takes_those_along_that_wait(database_url: str, video: int) -> None:
    (number,) = store(database_url, video, passing(0, "AB12CDE", 1, 2, 3))
    correct(database_url, number)
    store(database_url, video)
    purged(database_url, video)
    assert count(database_url, CorrectionRow) == 0


def test_a_video_that_is_being_purged_or_done_again_is_waited_for(database_url: str, video: int) -> None:
    """Both lock the video, then take its sightings away: what is corrected meanwhile is not there any more."""
    (number,) = store(database_url, video, passing(0, "AB12CDE", 1, 2, 3))
    said: list[bool] = []
    overlap(
        database_url,
        lambda db: db.execute(text("SELECT FROM videos WHERE id = :id FOR UPDATE"), {"id": video}),
        lambda db: said.append(corrections.correct(db, number, Correction("CC33CCC", "ada"))),
        rest=lambda db: db.execute(text("DELETE FROM sightings WHERE video_id = :id"), {"id": video}),
    )
    assert said == [False]
    assert count(database_url, CorrectionRow) == 0


def test_a_watched_plate_is_kept_where_a_person_reads_it(database_url: str, video: int) -> None:
    one, other = store(database_url, video, passing(0, "AB12CDE", 1, 2, 3), passing(1, "XY34ZZZ", 1, 2, 3, x=600))
    correct(database_url, one)
    correct(database_url, other, Correction("XY34ZZ2", "ada"))
    with session(database_url) as db:
        watch(db, "AB12CDF", "AB12CDF", None)
    purged(database_url, video, keep_watched=True)
    assert told(database_url, video) == [("AB12CDE", "AB12CDF")]
    assert count(database_url, CorrectionRow) == 1


def test_a_plate_that_is_watched_by_its_hash_is_kept_by_who_has_the_key(database_url: str, video: int) -> None:
    one, _ = store(database_url, video, passing(0, "AB12CDE", 1, 2, 3), passing(1, "XY34ZZZ", 1, 2, 3, x=600))
    correct(database_url, one)
    key = plate_key(KEY)
    with session(database_url) as db:
        watch(db, key.hashed("AB12CDF"), key.hashed("AB12CDF"), None)
    purged(database_url, video, keep_watched=True, key=key)
    assert told(database_url, video) == [("AB12CDE", "AB12CDF")]


# The command, and hashed jobs.


def command(number: int, plate: str | None = None, **given: Any) -> None:
    correct_sighting(number, plate, **{"no_plate": False, "take_back": False, "note": None, "data": None, **given})


def test_the_command_says_who_reads_what(
    road: Road, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHPLATE_USER", "ada")
    road.run(DRIVE)
    row = road.ask("SELECT sighting, read_as FROM plate_sightings ORDER BY sighting LIMIT 1")[0]
    number, machine = row["sighting"], row["read_as"]
    command(number, "ab-12 cdf", note="in the frame")
    assert capsys.readouterr().out == f"Sighting {number} was read as {machine}; ada says AB12CDF.\n"
    command(number, no_plate=True)
    assert "ada says that it is no plate." in capsys.readouterr().out
    command(number, take_back=True)
    assert "nobody corrects it any more" in capsys.readouterr().out
    asked = road.ask("SELECT who, action, query, rows FROM audit ORDER BY id")
    assert [tuple(row.values()) for row in asked] == [
        ("ada", "correct", f"sighting {number}", 1), ("ada", "correct", f"sighting {number}", 1),
        ("ada", "correct", f"sighting {number} taken back", 1),
    ]  # fmt: skip
    for given, sentence in (
        ({}, "Give the plate"), ({"plate": "AB1", "no_plate": True}, "Give the plate"),
        ({"plate": "AB*"}, "is no plate"), ({"plate": "A" * 17}, "is no plate"), ({"take_back": True}, "Nobody"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=sentence):
            command(number, **given)
    with pytest.raises(UsageError, match="There is no sighting 99999"):
        command(99_999, "AB12CDF")
    assert count(road.url, CorrectionRow) == 0


@pytest.mark.usefixtures("plate_key")
def test_a_hashed_job_stores_the_hash_of_it(
    road: Road, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, _ = road.run(DRIVE, hashed=True)
    number = road.ask("SELECT sighting FROM plate_sightings WHERE read_as = :h", h=hashed(PLATES[0]))[0]["sighting"]
    with pytest.raises(UsageError, match="take no note"):
        command(number, PLATES[1], note=f"it says {PLATES[1]}")
    command(number, PLATES[1])
    assert not readable(capsys.readouterr().out)
    (row,) = road.ask("SELECT corrected FROM plate_sightings WHERE sighting = :n", n=number)
    assert row["corrected"] == hashed(PLATES[1])
    assert not readable(json.dumps([str(row) for row in road.ask("SELECT * FROM corrections")]))
    assert not readable(road.dump())
    index_all(road.url)
    with session(road.url) as db:
        assert number in [one["sighting"] for one in search(db, Wanted(PLATES[1], hashed=hashed(PLATES[1])))]
    assert check(road.url, road.store, job).well
    give_key(monkeypatch, None)
    with pytest.raises(PlateKeyError, match="DASHPLATE_PLATE_KEY"):
        command(number, PLATES[2])
    run_sql(road.url, "UPDATE corrections SET text = 'KA05MX1234'")
    assert "clear" in check(road.url, road.store, job).counts
