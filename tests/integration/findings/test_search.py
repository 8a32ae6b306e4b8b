"""Search on a real PostgreSQL: each kind finds what looking at every text finds, and nothing else."""

from __future__ import annotations

import datetime as dt
import fnmatch
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import RowMapping, text

from db.engine import session
from db.findings.search import MOST_CHARS, Behind, Wanted, index_some, is_complete, plates, said, search
from db.findings.stage_results import store_sightings
from db.findings.typed import typed
from db.keeping.retention import PurgeScope, purge
from pipeline.errors import UsageError
from pipeline.formats.alphabet import CHARS, SEPARATORS
from pipeline.formats.confusions import CONFUSIONS, folded
from pipeline.records import Candidate, Sighting
from pipeline.sightings import LIKE_COST, edit_cost
from tests.support.database import end, make_job, run_sql
from tests.support.tables.findings import sighting

COUNTED = "plate, country, sightings, videos, reads, confidence, confirmed, key"
#: `unique_plates` as it was before plates had counters.
LOOKED_AT = """
SELECT p.text AS plate, mode() WITHIN GROUP (ORDER BY s.country) AS country, count(*) AS sightings,
       count(DISTINCT s.video_id) AS videos, sum(s.reads) AS reads, max(s.confidence) AS confidence,
       bool_or(s.confirmed) AS confirmed, p.key
FROM plates p JOIN sightings s ON s.plate_id = p.id GROUP BY p.id
"""


def saying(index: int, plate: str, *others: str, sure: float = 0.9) -> Sighting:
    """A sighting of a plate that may have been others."""
    runners_up = tuple(Candidate(other, 0.04 / (rank + 1)) for rank, other in enumerate(others))
    return replace(sighting(index, plate), alternatives=runners_up, confidence=sure)


def store(url: str, video_id: int, seen: Iterable[Sighting]) -> None:
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


@pytest.fixture(scope="module")
def fleet() -> list[Sighting]:
    rng = random.Random(3)
    return [
        saying(index, random_plate(rng), *{random_plate(rng) for _ in range(rng.randrange(4))})
        for index in range(400)
    ]  # fmt: skip


@pytest.fixture
def searched(database_url: str, fleet: list[Sighting]) -> str:
    _, videos = make_job(database_url, 0, 0)
    store(database_url, videos[0], fleet[:200])
    store(database_url, videos[1], [replace(one, index=one.index - 200) for one in fleet[200:]])
    return database_url


def keys(one: Sighting) -> set[str]:
    return {folded(one.text), *(folded(other.text) for other in one.alternatives)}


@pytest.mark.parametrize(
    "pattern",
    ["KA05*", "*05*", "*B", "*8B", "K?0*", "?A0?8*", "*0?1*", "*", "??????", "粤*", "*粤B*", "B*8", "*L", "K*5*1"],
)
def test_a_pattern_finds_every_sighting_that_may_say_so(searched: str, fleet: list[Sighting], pattern: str) -> None:
    fits = [one for one in fleet if any(fnmatch.fnmatchcase(key, pattern) for key in keys(one))]
    rows = find(searched, pattern, most=1000)
    assert len(rows) == len(fits)
    assert sorted(row["read_as"] for row in rows) == sorted(one.text for one in fits)
    assert all(fnmatch.fnmatchcase(row["said"], pattern) for row in rows)
    assert [row["sighting"] for row in rows] == sorted((row["sighting"] for row in rows), reverse=True)


def test_a_plate_finds_those_read_as_it_and_those_that_may_have_been_it(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0)
    store(database_url, video, [saying(0, "LSI5EBC"), saying(1, "LS15EB8", "LS15EBC"), saying(2, "XY99ABC", "XY99A8C")])
    assert told(find(database_url, "ls15 ebc")) == [("LS15EB8", "LS15EBC", False), ("LSI5EBC", "LSI5EBC", True)]
    assert told(find(database_url, "LS15EBC", winners=True)) == [("LSI5EBC", "LSI5EBC", True)]
    assert find(database_url, "LS15EB") == []


def test_what_is_alike_is_what_the_distance_says_of_every_text(searched: str, fleet: list[Sighting]) -> None:
    """Also what no sighting says, and a text that lacks a character at an end, of whatever alphabet."""
    rng = random.Random(5)
    for wanted in [*(random_plate(rng) for _ in range(30)), "B8D0", "05粤", fleet[0].text[:-1], "粤" + fleet[1].text]:
        costs = {
            one.index: min(edit_cost(folded(wanted), key) for key in keys(one))
            for one in fleet
        }  # fmt: skip
        rows = find(searched, wanted, most=1000, alike=True)
        expected = sorted(round(cost, 6) for cost in costs.values() if cost <= LIKE_COST + 1e-9)
        assert [round(row["distance"], 6) for row in rows] == expected, wanted


def test_the_databases_distance_is_that_by_which_sightings_are_put_together(database_url: str) -> None:
    rng = random.Random(11)
    pairs = [(folded(random_plate(rng)), folded(random_plate(rng))) for _ in range(500)] + [
        ("", "A"),
        ("A", ""),
        ("", ""),
    ]
    with session(database_url) as db:
        for a, b in pairs:
            there = db.scalar(text("SELECT plate_distance(:a, :b)"), {"a": a, "b": b})
            assert there == pytest.approx(edit_cost(a, b)), (a, b)


def test_the_database_knows_the_same_characters_look_alikes_and_separators(database_url: str) -> None:
    with session(database_url) as db:
        known = db.scalar(text("SELECT plate_characters()"))
        assert sorted(known) == sorted(set(folded(CHARS)))
        pairs = {frozenset(folded(a + b)) for a, b in CONFUSIONS} - {frozenset("0"), frozenset("1")}
        looked = {
            frozenset((char, like))
            for char in known
            for like in db.scalar(text("SELECT look_alikes(:char)"), {"char": char})
        }
        assert looked == pairs
        between = "".join(sorted(SEPARATORS - {"*"}))
        for spelled in (f"ka{between}05-o i?*", "粤B·12345", "#0AF", " #0AF "):
            assert db.scalar(text("SELECT plate_key(:spelled)"), {"spelled": spelled}) == (
                typed(spelled) if "#" in spelled else folded(typed(spelled))
            )


def test_signs_that_mean_something_to_sql_are_signs(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0)
    store(database_url, video, [saying(0, "A%B"), saying(1, "AXB"), saying(2, "A_B$$")])
    assert told(find(database_url, "A%B")) == [("A%B", "A%B", True)]
    assert told(find(database_url, "A%*")) == [("A%B", "A%B", True)]
    assert told(find(database_url, "A?B$*")) == [("A_B$$", "A_B$$", True)]
    assert find(database_url, "$';DROP*") == []
    assert told(find(database_url, "*$")) == [("A_B$$", "A_B$$", True)]


def test_only_a_whole_plate_can_be_like_another() -> None:
    for wanted in ("KA05*", "A?", "A" * (MOST_CHARS + 1)):
        with pytest.raises(UsageError, match="whole plate"):
            Wanted(wanted, alike=True)


def test_a_search_is_narrowed_by_job_country_time_and_share(database_url: str) -> None:
    job, (early,) = make_job(database_url, 0)
    other, (late,) = make_job(database_url, 0)
    store(database_url, early, [saying(0, "AB123CD", sure=0.6), saying(1, "AB128CD", "AB123CD")])
    with session(database_url) as db:
        store_sightings(db, late, [replace(saying(0, "AB123CD"), country="GB")])
    index_all(database_url)
    run_sql(database_url, f"UPDATE videos SET finished_at = '2026-01-02T00:00Z' WHERE id = {early}")
    run_sql(database_url, f"UPDATE videos SET finished_at = '2026-02-02T00:00Z' WHERE id = {late}")
    new_year, february = (dt.datetime(2026, month, 1, tzinfo=dt.UTC) for month in (1, 2))

    def jobs(**narrowed: object) -> list[tuple[int, bool]]:
        return [(row["job"], row["winner"]) for row in find(database_url, "AB123CD", **narrowed)]

    assert jobs() == [(other, True), (job, False), (job, True)]
    assert jobs(of_job=job) == [(job, False), (job, True)]
    assert jobs(of_country="GB") == [(other, True)]
    assert jobs(since=february) == [(other, True)]
    assert jobs(since=new_year, until=february, winners=True) == [(job, True)]
    assert jobs(least_share=0.5) == [(other, True), (job, True)]
    assert jobs(least_share=0.7, of_job=job) == []


@pytest.mark.parametrize("kind", ["few", "many", "alike"])
def test_pages_follow_each_other_without_gap_or_repetition(database_url: str, kind: str) -> None:
    """`many` is what more texts fit than are gathered."""
    _, (video,) = make_job(database_url, 0)
    number = 2100 if kind == "many" else 60
    store(database_url, video, [saying(i, f"AB{i:04}", f"AB{i:04}8", f"AC{i:04}") for i in range(number)])
    wanted, narrowed = ("AB0010", {"alike": True}) if kind == "alike" else ("AB*", {})
    whole = find(database_url, wanted, most=10_000, **narrowed)
    assert kind == "alike" or len(whole) == number
    pages, behind = [], None
    while page := find(database_url, wanted, 9 if kind != "many" else 500, behind, **narrowed):
        pages += page
        behind = Behind(page[-1]["distance"], page[-1]["sighting"])
    assert [row["sighting"] for row in pages] == [row["sighting"] for row in whole]
    assert all(row["winner"] for row in whole if row["distance"] == 0)


def test_what_is_gone_is_not_found_and_leaves_no_text_behind(database_url: str) -> None:
    _, (video, other) = make_job(database_url, 0, 0)
    store(database_url, video, [saying(0, "AB123CD", "AB128CD")])
    store(database_url, other, [saying(0, "AB128CD", "AB188CD")])
    run_sql(database_url, f"UPDATE videos SET state = 'aggregating' WHERE id = {video}")
    end(database_url, video)
    with session(database_url) as db:
        assert purge(db, [video], PurgeScope(older_than_s=0)).sightings == 1
    assert told(find(database_url, "AB123CD")) == []
    assert told(find(database_url, "AB128CD")) == [("AB128CD", "AB128CD", True)]
    index_all(database_url)
    with session(database_url) as db:
        assert db.scalars(text("SELECT key FROM spellings ORDER BY key")).all() == ["AB128CD", "AB188CD"]
        assert db.scalar(text("SELECT count(*) FROM candidates")) == 2
    store(database_url, other, [saying(0, "XY999ZZ")])
    with session(database_url) as db:
        assert db.scalars(text("SELECT key FROM spellings")).all() == ["XY999ZZ"]


def test_rows_that_somebody_loads_are_found_and_counted(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0)
    with session(database_url) as db:
        store_sightings(db, video, [saying(0, "AB123CD", "AB128CD")])
        assert not is_complete(db)
    assert find(database_url, "AB123CD") == []
    run_sql(
        database_url,
        """
        INSERT INTO plates (key, text, country) VALUES ('L0ADED1', 'LOADED1', 'IT');
        INSERT INTO sightings (video_id, plate_id, index, text, shown, country, confidence, characters, alternatives,
               first_s, last_s, best_s, first_pts, last_pts, best_pts, x1, y1, x2, y2, reads, confirmed, tracklets)
        SELECT video_id, (SELECT id FROM plates WHERE key = 'L0ADED1'), 100 + n, 'LOADED1', shown, country, confidence,
               characters, '[{"text": "LOADEDI", "confidence": 0.1}]', first_s, last_s, best_s, first_pts, last_pts,
               best_pts, x1, y1, x2, y2, reads, confirmed, tracklets
        FROM sightings, generate_series(1, 3) n
        """,
    )
    index_all(database_url)
    assert told(find(database_url, "loaded*")) == [("LOADED1", "LOADED1", True)] * 3
    with session(database_url) as db:
        (plate,) = plates(db, "LOADED1", 10)
    assert (plate["sightings"], plate["videos"], plate["reads"]) == (3, 1, 6)


def test_plates_count_what_their_sightings_say(searched: str, fleet: list[Sighting]) -> None:
    def counted(query: str) -> list[tuple[object, ...]]:
        with session(searched) as db:
            return [tuple(row) for row in db.execute(text(f"SELECT {COUNTED} FROM {query} ORDER BY key"))]

    assert counted("unique_plates") == counted(f"({LOOKED_AT}) whole") != []
    # Stored again with less, and with other texts.
    store(searched, 1, [replace(one, index=index, country=None) for index, one in enumerate(fleet[150:250])])
    assert counted("unique_plates") == counted(f"({LOOKED_AT}) whole") != []


@pytest.mark.parametrize("pattern", ["*", "KA*", "*B", "*05*", "KA05*8", "粤?0*"])
def test_unique_plates_come_the_most_seen_first(searched: str, fleet: list[Sighting], pattern: str) -> None:
    """Plates that some sighting was read as; runners-up are no plates."""
    fits = {folded(one.text) for one in fleet if fnmatch.fnmatchcase(folded(one.text), pattern)}
    with session(searched) as db:
        rows = plates(db, pattern, 1000)
    assert {row["key"] for row in rows} == fits
    assert [row["sightings"] for row in rows] == sorted((row["sightings"] for row in rows), reverse=True)
