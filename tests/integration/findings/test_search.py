"""Search on a real PostgreSQL: each kind finds what looking at every text finds, and nothing else."""

from __future__ import annotations

import datetime as dt
import fnmatch
import random
import unicodedata
from dataclasses import replace
from itertools import product

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from db.engine import session
from db.findings.search import (
    LEAST_CHARS,
    MOST_CHARS,
    Behind,
    Wanted,
    plates,
)
from db.findings.stage_results import store_sightings
from db.findings.typed import typed
from pipeline.errors import UsageError
from pipeline.formats.alphabet import CHARS, SEPARATORS
from pipeline.formats.confusions import CONFUSIONS, folded
from pipeline.records import Sighting
from pipeline.sightings import LIKE_COST, edit_cost
from tests.support.database import make_job, run_sql
from tests.support.searching import find, index_all, random_plate, saying, store, told


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
        for spelled in (f"ka{between}05-o i?*", "粤B·12345", "#0AF", " #0AF ", "", "-", "粵ｂ１２\t＊", "m-üß 1"):
            assert db.scalar(text("SELECT plate_key(:spelled)"), {"spelled": spelled}) == (
                typed(spelled) if "#" in spelled else folded(typed(spelled))
            )


def test_the_database_spells_every_character_as_the_reader_does(database_url: str) -> None:
    """Of the scripts that plates and keyboards have: also small Cyrillic, which PostgreSQL's `upper` may not know."""
    latin, greek, cyrillic, marks = (0x20, 0x250), (0x370, 0x3D0), (0x400, 0x530), (0x2000, 0x20D0)
    blocks = (latin, greek, cyrillic, marks, (0x2460, 0x2500), (0x3000, 0x3100), (0xFF00, 0xFFF0))
    signs = [chr(code) for first, last in blocks for code in range(first, last)] + list(CHARS + "粵滬臺\t\n\r\ufeff")
    signs = [sign for sign in signs if unicodedata.category(sign) != "Cn" and sign != "#"]
    question = text("SELECT s, plate_key('A' || s || 'B') AS key FROM unnest(CAST(:signs AS text[])) s")
    with session(database_url) as db:
        there = {row.s: row.key for row in db.execute(question, {"signs": signs})}
    assert there == {sign: folded(typed(f"A{sign}B")) for sign in signs}
    assert (there["ж"], there["ö"]) == ("AЖB", "A0B")


def test_what_is_typed_stands_in_no_text_of_a_statement(database_url: str) -> None:
    """Those texts end in logs where a statement fails."""
    for question in ("search_plates('KA05MH*34')", "search_plates('*05MH1?')", "plates_fitting('KA05MH1*')"):
        with session(database_url) as db:
            db.execute(text("REVOKE SELECT ON spellings FROM CURRENT_USER"))
            with pytest.raises(ProgrammingError, match="permission denied for table spellings") as caught:
                db.connection().exec_driver_sql(f"SELECT * FROM {question}")
            db.rollback()
        assert "05MH" not in str(caught.value.orig)


def test_signs_that_mean_something_to_sql_are_signs(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0)
    store(database_url, video, [saying(0, "A%B"), saying(1, "AXB"), saying(2, "A_B$$")])
    assert told(find(database_url, "A%B")) == [("A%B", "A%B", True)]
    assert told(find(database_url, "A%*")) == [("A%B", "A%B", True)]
    assert told(find(database_url, "A?B$*")) == [("A_B$$", "A_B$$", True)]
    assert find(database_url, "$';DROP*") == []
    assert told(find(database_url, "*$")) == [("A_B$$", "A_B$$", True)]


def test_only_a_whole_plate_can_be_like_another() -> None:
    for wanted in ("KA05*", "A?", "", "A" * (LEAST_CHARS - 1), "A" * (MOST_CHARS + 1)):
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


@pytest.fixture
def many_said(database_url: str) -> str:
    """More spellings than are gathered, in two jobs; what runs up to another fits where that does not."""
    for country, finished in (("IT", "2026-01-02"), ("GB", "2026-02-02")):
        _, (video,) = make_job(database_url, 0)
        with session(database_url) as db:
            seen = [
                saying(i, f"A{country}{i:04}", f"B{country}{i:04}", f"A{country}{i:04}8", sure=0.5 + i % 5 / 10)
                for i in range(1100)
            ]
            odd = replace(saying(1100, f"X{country}Y", f"A{country}9ÖÄ"), country="XX")
            store_sightings(db, video, [*(replace(one, country=country) for one in seen), odd])
        run_sql(database_url, f"UPDATE videos SET finished_at = '{finished}T00:00Z' WHERE id = {video}")
    index_all(database_url)
    return database_url


def test_a_broad_pattern_is_narrowed_as_looking_at_every_text_narrows(many_said: str) -> None:
    february = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    narrowings: tuple[dict[str, object], ...] = (
        {}, {"winners": True}, {"of_country": "GB"}, {"of_country": "XX"}, {"least_share": 0.8}, {"least_share": 0.03},
        {"of_job": 2}, {"since": february}, {"until": february}, {"of_job": 1, "since": february},
        {"of_country": "IT", "winners": True, "of_job": 1, "least_share": 0.6},
    )  # fmt: skip
    conditions = {
        "winners": "c.winner", "of_country": "c.country = :of_country", "least_share": "c.confidence >= :least_share",
        "of_job": "v.job_id = :of_job", "since": "v.finished_at >= :since", "until": "v.finished_at < :until",
    }  # fmt: skip
    for pattern, narrowed in product(("A*", "*9*", "?*", "*8"), narrowings):
        looked_at = f"""
            SELECT DISTINCT ON (c.sighting_id) c.sighting_id AS sighting, c.key AS said, c.winner, c.confidence AS share
            FROM sighting_candidates c JOIN videos v ON v.id = c.video_id
            WHERE c.key LIKE plate_like(:pattern) {"".join(f" AND {conditions[name]}" for name in narrowed)}
            ORDER BY c.sighting_id DESC, c.winner DESC, c.confidence DESC
        """
        rows = find(many_said, pattern, most=10_000, **narrowed)
        with session(many_said) as db:
            expected = db.execute(text(looked_at), {"pattern": pattern, **narrowed}).mappings().all()
        found = [{name: row[name] for name in ("sighting", "said", "winner", "share")} for row in rows]
        assert found == [dict(row) for row in expected], (pattern, narrowed)


def test_a_search_that_takes_too_long_ends_with_a_sentence(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.findings.search.MOST_S", 0.2)
    with session(database_url) as other:
        other.execute(text("LOCK TABLE spellings IN ACCESS EXCLUSIVE MODE"))
        for ask in (lambda: find(database_url, "KA05*"), lambda: find(database_url, "KA05MH1234")):
            with pytest.raises(UsageError, match=r"longer than 0\.2 s"):
                ask()


def test_what_is_typed_short_is_like_nothing_else(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0)
    store(database_url, video, [saying(0, "AB"), saying(1, "A8"), saying(2, "A")])
    question = text("SELECT said FROM search_plates(:wanted, alike => true)")
    with session(database_url) as db:
        told = {wanted: db.scalars(question, {"wanted": wanted}).all() for wanted in ("AB", "-", "", "A" * 17, "A?")}
    assert told == {"AB": ["AB"], "-": [], "": [], "A" * 17: [], "A?": ["A8", "AB"]}


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


@pytest.mark.parametrize("pattern", ["*", "KA*", "*B", "*05*", "KA05*8", "粤?0*"])
def test_unique_plates_come_the_most_seen_first(searched: str, fleet: list[Sighting], pattern: str) -> None:
    """Plates that some sighting was read as; runners-up are no plates."""
    fits = {folded(one.text) for one in fleet if fnmatch.fnmatchcase(folded(one.text), pattern)}
    with session(searched) as db:
        rows = plates(db, pattern, 1000)
    assert {row["key"] for row in rows} == fits
    assert [row["sightings"] for row in rows] == sorted((row["sightings"] for row in rows), reverse=True)
