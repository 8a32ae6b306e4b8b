"""Retention where plates are watched by hash and workers lack the key: what can be judged goes, the rest waits."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from bench.standin import Drive, plate_text
from dashplate.cli.program import app
from dashplate.commands import privacy
from db.engine import session
from db.keeping import due
from db.keeping.due import Place, due_by_job
from tests.support.road import Road, give_key
from workers.maintenance import apply_retention as keeper
from workers.maintenance.apply_retention import apply_retention
from workers.settings import settings

pytestmark = pytest.mark.usefixtures("plate_key")
DAY_S = 86_400
#: What the drive of two segments shows.
PLATES = [plate_text("clear.mp4", number) for number in range(3)]


@pytest.fixture(autouse=True)
def nothing_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_looked_up_to", Place())


@pytest.fixture
def keyless(road: Road) -> Road:
    """A plate is watched by its hash."""
    privacy.watch_plate("KA05MX1234", None, None)
    return road


def _purged(road: Road) -> set[int]:
    return {row["id"] for row in road.ask("SELECT id FROM videos WHERE purged_at IS NOT NULL")}


def test_only_what_cannot_be_judged_waits(keyless: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    _, (clear,) = keyless.run("clear.mp4", retain_s=DAY_S)
    _, (hidden,) = keyless.run("hidden.mp4", retain_s=DAY_S, hashed=True)
    _, (empty,) = keyless.run("empty.mp4", retain_s=DAY_S)
    keyless.do("DELETE FROM sightings WHERE video_id = :id", id=empty)
    _, (watched,) = keyless.run("watched.mp4", retain_s=DAY_S)
    _, (young,) = keyless.run("young.mp4", retain_s=DAY_S)
    give_key(monkeypatch, None)
    for number in range(3):
        privacy.watch_plate(plate_text("watched.mp4", number), None, None)
    keyless.age(clear, hidden, empty, watched, days=2)
    assert apply_retention(keyless.url) == 3
    assert _purged(keyless) == {hidden, empty, watched}
    assert apply_retention(keyless.url) == 0
    assert {row["video_id"] for row in keyless.ask("SELECT video_id FROM sightings")} == {clear, watched, young}


def test_with_the_key_again_all_that_is_due_goes(keyless: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    privacy.watch_plate(PLATES[1], None, None)
    _, (clear,) = keyless.run("clear.mp4", retain_s=DAY_S)
    keyless.age(clear, days=2)
    with monkeypatch.context() as patch:
        give_key(patch, None)
        assert apply_retention(keyless.url) == 0
    settings.cache_clear()
    assert apply_retention(keyless.url) == 1
    assert [row["plate"] for row in keyless.ask("SELECT plate FROM plate_sightings")] == [PLATES[1]]


def test_a_key_that_is_none_is_taken_as_none(keyless: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    _, (clear,) = keyless.run("clear.mp4", retain_s=DAY_S)
    _, (hidden,) = keyless.run("hidden.mp4", retain_s=DAY_S, hashed=True)
    keyless.age(clear, hidden, days=2)
    give_key(monkeypatch, "short")
    assert apply_retention(keyless.url) == 1
    assert _purged(keyless) == {hidden}


@pytest.mark.parametrize("looked_at", [1, 2, 3, 500])
def test_those_that_wait_are_stepped_over(keyless: Road, monkeypatch: pytest.MonkeyPatch, looked_at: int) -> None:
    """Clear videos that wait were due before and after those that can go."""
    monkeypatch.setattr(keeper, "_LOOKED_AT", looked_at)
    names = [f"{number}.mp4" for number in range(6)]
    job, first = keyless.run(*names, drive=Drive(segments=1), retain_s=DAY_S)
    _, hidden = keyless.run("a.mp4", "b.mp4", drive=Drive(segments=1), retain_s=DAY_S, hashed=True)
    _, last = keyless.run(*names[:2], drive=Drive(segments=1), retain_s=DAY_S)
    between = first[3]
    keyless.do("DELETE FROM sightings WHERE video_id = :id", id=between)
    give_key(monkeypatch, None)
    keyless.age(*first, *hidden, *last, days=3)
    # As a cancelled job's: all of the same moment.
    keyless.do("UPDATE videos SET finished_at = (SELECT min(finished_at) FROM videos) WHERE job_id = :job", job=job)
    gone = 0
    for _ in range(30):
        gone += apply_retention(keyless.url)
    assert gone == 3
    assert _purged(keyless) == {between, *hidden}
    # And one that can go comes to be due after the rounds have passed its place.
    keyless.do("DELETE FROM sightings WHERE video_id = :id", id=first[0])
    assert sum(apply_retention(keyless.url) for _ in range(30)) == 1


def test_a_round_looks_at_a_bounded_number(road: Road) -> None:
    """20,000 due videos that wait: where the last round stopped, the next begins, by the index."""
    road.do(
        "INSERT INTO jobs (name, options, state, finished_at, retain_s) SELECT 'tour', '{}', 'finished', now(), 60"
        " FROM generate_series(1, 4)"
    )
    road.do(
        "INSERT INTO videos (job_id, path, fingerprint, state, finished_at) SELECT 1 + i % 4, '/cam/' || i, 'p' || i,"
        " 'done', now() - make_interval(days => 30, secs => i) FROM generate_series(1, 20000) i"
    )
    road.do("ANALYZE videos")
    with session(road.url) as db:
        some = due_by_job(db, 500, Place(job=2))
        more = due_by_job(db, 500, some[-1])
        values = {"limit": 500, "job": some[-1].job, "ended": some[-1].finished_at, "video": some[-1].video}
        plan = db.scalar(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {due._DUE_BY_JOB.text}"), values)
    assert {place.job for place in some} == {2}
    assert len({*some, *more}) == 1000
    root = plan[0]["Plan"]
    assert root["Shared Hit Blocks"] + root["Shared Read Blocks"] < 1200, plan


def test_people_are_told_what_waits(keyless: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, videos = keyless.run("clear.mp4", "more.mp4", retain_s=DAY_S)
    other, _ = keyless.run("other.mp4")
    give_key(monkeypatch, None)
    asked = [("status",), ("status", str(job)), ("status", str(job), "--json"), ("watched", "list"), ("doctor",)]

    def told(*words: str) -> str:
        result = CliRunner().invoke(app, list(words))
        assert "--json" not in words or json.loads(result.stdout)
        return " ".join(result.output.split())

    assert not [words for words in asked if "Retention waits" in told(*words)]
    keyless.age(*videos, days=2)
    assert apply_retention(keyless.url) == 0
    for words in asked:
        assert "Retention waits: 2 videos" in told(*words), words
        assert "DASHPLATE_PLATE_KEY for the workers" in told(*words), words
    assert "Retention waits" not in told("status", str(other))
