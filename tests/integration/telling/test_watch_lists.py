"""Watch lists on a real PostgreSQL: what fits is a hit, whenever the entry came, and nothing else is."""

from __future__ import annotations

import datetime as dt
import fnmatch
import random
from dataclasses import replace

import pytest
from sqlalchemy import text

from db.engine import session
from db.findings.corrections import Correction, correct
from db.findings.plate_hashing import plate_key
from db.findings.stage_results import store_sightings
from db.keeping.retention import PurgeScope, purge
from db.states import VideoState, WatchKind
from db.telling import watch_lists
from db.telling.watch_lists import Wish
from pipeline.errors import UsageError
from pipeline.formats.confusions import CONFUSED_WITH, CONFUSIONS, folded
from pipeline.records import Sighting
from pipeline.sightings import LIKE_COST, edit_cost
from tests.support.database import end, make_job, run_sql
from tests.support.searching import index_all, saying, store
from tests.support.watching import hits, watch

CHARS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def fits(wish: Wish, said: str) -> bool:
    """The rule itself, said once more without an index."""
    key = folded(said)
    match wish.kind:
        case WatchKind.EXACT:
            return key == wish.key
        case WatchKind.WILDCARD:
            return fnmatch.fnmatchcase(key, wish.key)
        case WatchKind.LIKE:
            return edit_cost(wish.key, key) <= LIKE_COST + 1e-9


def drawn(chance: random.Random) -> str:
    length = chance.randint(3, 8)
    # Few characters, many of them alike, so that much is near.
    return "".join(chance.choice("0QDU8B36G5SA4KX1T7LM") for _ in range(length))


def changed(chance: random.Random, plate: str) -> str:
    place = chance.randrange(len(plate))
    other = chance.choice([chance.choice(CHARS), *CONFUSED_WITH.get(plate[place], ())])
    return chance.choice([
        plate[:place] + other + plate[place + 1 :], plate[:place] + plate[place + 1 :],
        plate[:place] + other + plate[place:], plate,
    ])  # fmt: skip


def wishes(chance: random.Random, plates: list[str]) -> list[Wish]:
    made = [Wish(chance.choice(plates), "exact") for _ in range(15)]
    made += [Wish(changed(chance, chance.choice(plates)), "like", alike=True) for _ in range(40)]
    for _ in range(25):
        plate = list(changed(chance, chance.choice(plates)))
        plate[chance.randrange(len(plate))] = chance.choice("*?")
        made.append(Wish("".join(plate) + chance.choice(["", "*"]), "pattern"))
    made += [Wish("*8*", "pattern"), Wish("???B*", "pattern")]
    return [wish for wish in made if wish.key.strip("*?")]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("entries_first", [True, False])
def test_hits_are_what_fits_and_nothing_else(database_url: str, seed: int, entries_first: bool) -> None:
    chance = random.Random(seed)
    plates = [drawn(chance) for _ in range(40)]
    wanted = wishes(chance, plates)
    seen = [
        saying(
            index, chance.choice(plates), *{changed(chance, chance.choice(plates)) for _ in range(2)}, at_s=100 * index
        )
        for index in range(40)
    ]
    _, (video,) = make_job(database_url, 0)
    if entries_first:
        entries = watch(database_url, *wanted, matched=False)
        store(database_url, video, seen)
    else:
        store(database_url, video, seen)
        entries = watch(database_url, *wanted)
    found = {(row["entry"], row["best_s"]) for row in hits(database_url)}
    right = {
        (entry, one.best.time_s)
        for entry, wish in zip(entries, wanted, strict=True)
        for one in seen
        if any(fits(wish, said) for said in (one.text, *(other.text for other in one.alternatives)))
    }
    assert found == right
    assert len(right) > 60, "else nothing was shown"
    assert {row["existing"] for row in hits(database_url)} == {not entries_first}


def test_a_hit_says_why(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0)
    watch(database_url, Wish("kb 05-1234", "stolen", alike=True, colour="red"), matched=False)
    store(database_url, video, [saying(0, "K805I234"), saying(1, "XY99", "KB051234", at_s=50)])
    late, early = hits(database_url)
    assert (early["label"], early["wanted"], early["said"], early["winner"], early["colour"]) == (
        "stolen", "KB051234", "K8051234", True, "red",
    )  # fmt: skip
    assert early["distance"] == pytest.approx(0.3)
    assert (late["said"], late["winner"], late["distance"], late["read_as"]) == ("KB051234", False, 0, "XY99")
    assert late["share"] == pytest.approx(0.04)
    assert [row["hit"] for row in hits(database_url, label="other")] == []


def test_an_entry_ends(database_url: str) -> None:
    _, (video, other) = make_job(database_url, 0, 0)
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    first, second = watch(database_url, Wish("AA11", "a", expires_at=soon), Wish("AA*", "a"))
    store(database_url, video, [saying(0, "AA11")])
    assert {row["entry"] for row in hits(database_url)} == {first, second}
    run_sql(database_url, "UPDATE watch_entries SET expires_at = now() WHERE kind = 'exact'")
    with session(database_url) as db:
        assert watch_lists.end(db, second)
        assert not watch_lists.end(db, second)
    store(database_url, other, [saying(0, "AA11")])
    assert len(hits(database_url)) == 2
    with session(database_url) as db:
        assert watch_lists.entries(db) == []
        assert [row["ended"] for row in watch_lists.entries(db, ended=True)] == [True, True]
        assert watch_lists.forget(db, first)
    assert [row["entry"] for row in hits(database_url)] == [second]


def test_the_same_entry_again_changes_it_and_keeps_its_hits(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0)
    (entry,) = watch(database_url, Wish("AA11", "a"))
    store(database_url, video, [saying(0, "AA11")])
    assert watch(database_url, Wish("aa-11", "a", colour="blue", note="again")) == [entry]
    (hit,) = hits(database_url)
    assert (hit["colour"], hit["existing"]) == ("blue", False)
    assert watch(database_url, Wish("AA11", "b")) != [entry], "another list"


def test_a_long_list_may_name_an_entry_twice(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_lists, "_ENTRIES_A_STATEMENT", 3)
    once, twice = Wish("AA11", " a "), Wish("aa 11", "a", note="again")
    others = [Wish(f"BB{number}*", "a") for number in range(5)]
    numbers = watch(database_url, once, *others, twice, twice)
    assert numbers[0] == numbers[-1] == numbers[-2]
    assert len(set(numbers)) == 6
    with session(database_url) as db:
        first, *_ = watch_lists.entries(db)
        assert (first["label"], first["note"]) == ("a", "again")
        terms = db.execute(text("SELECT kind, term FROM watch_terms ORDER BY 1, 2")).all()
    assert [tuple(row) for row in terms] == [("exact", "AA11"), *(("wildcard", f"BB{number}") for number in range(5))]


def test_what_a_person_reads_there_fits_too(database_url: str) -> None:
    """An entry that comes later, as one that is there already."""
    _, (video,) = make_job(database_url, 0)
    store(database_url, video, [saying(0, "AA11"), saying(1, "BB22", at_s=60)])
    earlier = watch(database_url, Wish("CC33", "a"))
    with session(database_url) as db:
        number = db.scalar(text("SELECT min(id) FROM sightings"))
        assert correct(db, number or 0, Correction("CC33", "ada"))
    index_all(database_url)
    later = watch(database_url, Wish("CC33", "b"), Wish("C*", "b"), Wish("*3", "b"), Wish("CC38", "b", alike=True))
    found = hits(database_url)
    assert {row["entry"] for row in found} == {*earlier, *later}
    said = {(row["sighting"], row["said"], row["winner"], row["share"]) for row in found}
    assert said == {(number, "CC33", True, 1.0)}


@pytest.mark.parametrize("plate", ["*", "??", "-", ""])
def test_what_would_fit_every_plate_is_refused(plate: str) -> None:
    with pytest.raises(UsageError, match="no letter or digit"):
        Wish(plate, "all")


@pytest.mark.parametrize(("plate", "alike"), [("AB*", True), ("A" * 17, True), ("#" + "a" * 32, True)])
def test_only_a_whole_plate_is_watched_by_likeness(plate: str, alike: bool) -> None:
    with pytest.raises(UsageError, match="likeness"):
        Wish(plate, "a", alike=alike)


def redone(one: Sighting, **about: object) -> Sighting:
    return replace(one, **about)  # type: ignore[arg-type]


def test_a_redo_keeps_hits_of_what_it_finds_again_and_of_what_it_does_not(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0)
    watch(database_url, Wish("AA*", "a"))
    store(database_url, video, [saying(0, "AA11"), saying(1, "AA22", at_s=60), saying(2, "AA33", at_s=120)])
    before = {row["read_as"]: row for row in hits(database_url)}
    # The second is read as something else, the third is found no more, a fourth is new.
    store(
        database_url,
        video,
        [saying(0, "AA11", at_s=0.5), saying(1, "AB22", at_s=60), saying(2, "AA44", at_s=180)],
    )
    after = {row["read_as"]: row for row in hits(database_url)}
    assert set(after) == {"AA11", "AA22", "AA33", "AA44"}
    assert after["AA11"]["hit"] == before["AA11"]["hit"]
    assert after["AA11"]["sighting"] not in (None, before["AA11"]["sighting"])
    assert after["AA11"]["best_s"] == 1.5
    assert (after["AA22"]["sighting"], after["AA33"]["sighting"]) == (None, None)
    assert after["AA44"]["sighting"] is not None


def test_two_cars_of_one_entry_stay_two_hits(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0)
    watch(database_url, Wish("AA*", "a"))
    for _ in range(3):
        store(database_url, video, [saying(0, "AA11"), saying(1, "AA22", at_s=1)])
        rows = hits(database_url)
        assert {row["read_as"] for row in rows} == {"AA11", "AA22"}
        assert len({row["sighting"] for row in rows}) == len(rows) == 2


def test_a_purge_takes_hits_along(database_url: str) -> None:
    _, (video, kept) = make_job(database_url, 0, 0, state=VideoState.AGGREGATING)
    watch(database_url, Wish("AA11", "a"))
    for one in (video, kept):
        store(database_url, one, [saying(0, "AA11")])
        store(database_url, one, [saying(0, "AB22")])
    for one in (video, kept):
        end(database_url, one)
    assert len(hits(database_url)) == 2
    with session(database_url) as db:
        purge(db, [video], PurgeScope(older_than_s=0))
    assert [row["video_id"] for row in hits(database_url)] == [kept]


def test_a_hash_is_watched_among_hashes(database_url: str) -> None:
    key = plate_key("a secret of sixteen characters")
    _, (video,) = make_job(database_url, 0)
    watch(database_url, Wish(key.hashed("AA11"), "a"), Wish("A*", "a"), Wish("AA11", "a", alike=True))
    with session(database_url) as db:
        store_sightings(db, video, [saying(0, "AA11")], key)
    index_all(database_url)
    (hit,) = hits(database_url)
    assert (hit["read_as"], hit["wanted"]) == (key.hashed("AA11"), key.hashed("AA11"))


def test_a_broad_entry_is_matched_piece_by_piece(database_url: str) -> None:
    """Three sightings at a time: `watch` goes on until all are matched."""
    _, (video,) = make_job(database_url, 0)
    store(database_url, video, [saying(index, f"AA{index:02d}", at_s=60 * index) for index in range(20)])
    watch(database_url, Wish("AA*", "a"))
    rows = hits(database_url)
    assert sorted(row["read_as"] for row in rows) == [f"AA{index:02d}" for index in range(20)]
    assert all(row["existing"] for row in rows)


def test_likeness_folds_whatever_may_be_taken_for_each_other(database_url: str) -> None:
    with session(database_url) as db:
        for pair in CONFUSIONS:
            said = [db.scalar(text("SELECT plate_likeness(:key)"), {"key": folded(char)}) for char in pair]
            assert said[0] == said[1], pair
