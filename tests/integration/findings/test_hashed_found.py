"""Hashed plates asked for: found, watched and kept by who has the key, or by their hash; exported as hashes."""

from __future__ import annotations

import json

import pytest

from dashplate import export
from dashplate.commands import privacy
from dashplate.commands.findings import search
from dashplate.export.command import export_job
from db.engine import session
from db.findings import queries
from db.findings.plate_hashing import PlateKeyError
from db.keeping import watched
from db.keeping.retention import PurgeScope
from tests.support.road import KEY, Road, give_key
from tests.support.tables.plates import DRIVE, PLATES, hashed, readable
from workers.maintenance.apply_retention import apply_retention, purge_all

pytestmark = pytest.mark.usefixtures("plate_key")


def test_who_has_the_key_finds_a_plate(road: Road, capsys: pytest.CaptureFixture[str]) -> None:
    road.run(DRIVE, hashed=True)
    search.show_plates(f" {PLATES[0][:2].lower()} {PLATES[0][2:]} ", 10, as_json=True, data=None)
    said = capsys.readouterr()
    (found,) = [json.loads(line) for line in said.out.splitlines()]
    assert (found["plate"], found["sightings"]) == (hashed(PLATES[0]), 1)
    assert said.err == ""
    # What was looked for is on record, and as unreadable as what it was looked for in.
    assert [row["query"] for row in road.ask("SELECT query FROM audit")] == [hashed(PLATES[0])]


def test_a_hash_is_asked_for_as_it_is(road: Road, capsys: pytest.CaptureFixture[str]) -> None:
    """And not by its own hash, which is nobody's: neither to be found by, nor on record, nor watched."""
    road.run(DRIVE, hashed=True)
    wanted = hashed(PLATES[0])
    search.show_plates(f" {wanted.upper()}", 10, as_json=True, data=None)
    assert json.loads(capsys.readouterr().out)["plate"] == wanted
    privacy.watch_plate(wanted, None, None)
    privacy.unwatch_plate(PLATES[0], None)
    privacy.show_hash(wanted)
    assert capsys.readouterr().out.splitlines()[-1] == wanted
    queries_on_record = [row["query"].strip().lower() for row in road.ask("SELECT query FROM audit ORDER BY id")]
    assert queries_on_record == [wanted, f"add {wanted}", f"remove {wanted}"]


def test_what_cannot_be_found_is_said(
    road: Road, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    road.run(DRIVE, hashed=True)
    search.show_plates(f"{PLATES[0][:3]}*", 10, as_json=True, data=None)
    said = capsys.readouterr()
    assert (said.out, "wildcards cannot match those" in said.err) == ("", True)
    monkeypatch.delenv("DASHPLATE_PLATE_KEY")
    search.show_plates(PLATES[0], 10, as_json=True, data=None)
    said = capsys.readouterr()
    assert (said.out, "set DASHPLATE_PLATE_KEY to find them" in said.err) == ("", True)
    search.show_plates(hashed(PLATES[0]), 10, as_json=True, data=None)
    said = capsys.readouterr()
    assert json.loads(said.out)["plate"] == hashed(PLATES[0])
    assert said.err == ""


def test_another_key_finds_nothing(
    road: Road, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    road.run(DRIVE, hashed=True)
    give_key(monkeypatch, "a key that came after it")
    search.show_plates(PLATES[0], 10, as_json=True, data=None)
    assert capsys.readouterr().out == ""


def test_the_hash_of_a_plate_for_sql(road: Road, capsys: pytest.CaptureFixture[str]) -> None:
    """Who else may have been the wanted plate: matched among the runners-up."""
    road.run(DRIVE, hashed=True)
    doubted = PLATES[0][:-1] + "1"
    privacy.show_hash(doubted)
    said = capsys.readouterr().out.strip()
    (found,) = road.ask(
        "SELECT plate FROM plate_sightings WHERE alternatives @> CAST(:wanted AS jsonb)",
        wanted=json.dumps([{"text": said}]),
    )
    assert found["plate"] == hashed(PLATES[0])


def test_exports_and_the_live_view_show_the_hash(road: Road, capsys: pytest.CaptureFixture[str]) -> None:
    job, _ = road.run(DRIVE, hashed=True)
    for form in ("csv", "jsonl", "json"):
        export_job(job, form, "plates", None, append=False, data=None)
    said = capsys.readouterr().out
    assert not readable(said)
    assert said.count(hashed(PLATES[0])) >= 3
    with session(road.url) as db:
        fresh = queries.fresh_readings(db, job, 0, queries.newest_reading(db))
        rows = list(export.unique_plates(queries.sightings(db, job), str))
    assert {row["text"] for row in fresh} == {row.shown for row in rows} == {hashed(plate) for plate in PLATES}


def test_a_watched_plate_is_kept_by_its_hash(road: Road, capsys: pytest.CaptureFixture[str]) -> None:
    _, (video,) = road.run(DRIVE, hashed=True)
    privacy.watch_plate(PLATES[0].lower(), "stolen", None)
    assert not readable(capsys.readouterr().out + road.dump())
    with session(road.url) as db:
        assert [row.key for row in watched.watched(db)] == [hashed(PLATES[0])]
    road.age(video, days=31)
    assert purge_all(road.url, PurgeScope(86_400, keep_watched=True)).sightings == 2
    assert [row["plate"] for row in road.ask("SELECT plate FROM plate_sightings")] == [hashed(PLATES[0])]
    privacy.unwatch_plate(PLATES[0], None)
    with session(road.url) as db:
        assert not watched.watched(db)


def test_a_plate_watched_by_its_hash_is_kept_in_clear_too(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    _, (hidden,) = road.run(DRIVE, hashed=True)
    _, (clear,) = road.run(DRIVE, retain_s=60)
    _, (of_hashed,) = road.run("other.mp4", hashed=True, retain_s=60)
    privacy.watch_plate(PLATES[0], None, None)
    road.age(hidden, clear, of_hashed, days=31)
    give_key(monkeypatch, None)
    # Without the key nobody can tell which plate in clear that is: what shows one waits, and nothing else does.
    assert apply_retention(road.url) == 1
    assert road.video(of_hashed).purged_at is not None
    with pytest.raises(PlateKeyError, match=r"1 video that is due stays: .* watched by their hash"):
        privacy.purge("30d", keep_watched=True, job=None, forget=False, dry_run=False, yes=True, data=None)
    assert road.video(hidden).purged_at is not None
    assert road.video(clear).purged_at is None
    give_key(monkeypatch, KEY)
    assert purge_all(road.url, PurgeScope(86_400, keep_watched=True)).sightings == 2
    kept = road.ask("SELECT video_id, plate FROM plate_sightings ORDER BY video_id")
    assert [tuple(row.values()) for row in kept] == [(hidden, hashed(PLATES[0])), (clear, PLATES[0])]
