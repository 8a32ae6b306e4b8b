"""Jobs whose plates can be matched and not read: no plate reaches PostgreSQL, a log or a sentence, at any time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from typer.testing import CliRunner

from bench.standin import Drive, StandIn, mended_by, plate_text
from dashplate import jobs
from dashplate.bring_up import everything
from dashplate.cli.program import app
from dashplate.commands.checks.verify import check
from dashplate.stack import Stack
from db.engine import session
from db.findings import queries
from db.findings.plate_hashing import PlateKeyError
from db.jobs import cancel, control
from db.models import CropRow, FrameRow, SightingRow
from db.states import SegmentState, VideoState
from tests.support.database import asked, count
from tests.support.processes import wait_until
from tests.support.road import KEY, Road, give_key
from tests.support.tables.plates import DRIVE, PLATES, WORDS, hashed, readable
from workers.steps import segment_stages
from workers.steps.segment_stages import read_segment

pytestmark = pytest.mark.usefixtures("plate_key")


@pytest.fixture
def sent(road: Road) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that goes to PostgreSQL, with what it carries."""
    with asked(road.url) as heard:
        yield heard


def test_no_plate_reaches_the_database_at_any_time(
    road: Road, sent: list[tuple[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    job = road.submit(DRIVE, hashed=True)
    road.open(job)
    segments = road.detect()
    for step in (lambda: road.read(segments[:1]), lambda: road.read(segments[1:]), road.aggregate):
        step()
        assert not readable(road.dump())
    assert len([said for said, _ in sent if "readings" in said or "sightings" in said]) > 4
    assert not readable(repr(sent))
    assert not readable(caplog.text)
    assert check(road.url, road.store, job).well


def test_the_same_run_in_clear_would_have_been_noticed(road: Road, sent: list[tuple[str, Any]]) -> None:
    road.run(DRIVE)
    assert set(readable(road.dump())) == set(readable(repr(sent))) == set(WORDS)


def test_the_rows_are_those_of_a_run_in_clear_under_hashes(road: Road) -> None:
    clear, _ = road.run(DRIVE)
    job, _ = road.run(DRIVE, hashed=True)
    with session(road.url) as db:
        seen, hidden = queries.sightings(db, clear), queries.sightings(db, job)
    texts = {"plate", "shown", "read_as", "characters", "alternatives"}
    # The drive is written anew for each.
    files = {"job", "video_id", "processed_at", "recorded_at", "first_seen_at", "last_seen_at", "drive"}
    own = {"crop", "frame", "sighting", "plate_id", "passing", *files, *texts}
    assert [{k: v for k, v in row.items() if k not in own} for row in hidden] == [
        {k: v for k, v in row.items() if k not in own} for row in seen
    ]
    assert [row["plate"] for row in hidden] == [hashed(row["plate"]) for row in seen]
    assert all(row["plate"] == row["shown"] == row["read_as"] and row["characters"] == [] for row in hidden)
    assert [row["alternatives"] for row in hidden] == [
        [{"text": hashed(c["text"]), "confidence": c["confidence"]} for c in row["alternatives"]] for row in seen
    ]
    assert any(row["alternatives"] for row in hidden)
    assert {row["sealed"] for row in road.ask("SELECT sealed FROM readings")} == {None}


def test_pictures_are_there_only_until_the_video_ends(road: Road) -> None:
    job = road.submit(DRIVE, hashed=True)
    road.open(job)
    segments = road.detect()
    assert len(road.files) == 8
    road.read(segments)
    road.aggregate()
    # Not left to the sweeper, which may have ended with the job.
    assert not road.files
    assert count(road.url, CropRow) == count(road.url, FrameRow) == 0
    assert {row["crop"] for row in road.ask("SELECT crop FROM sightings")} == {None}


def test_without_evidence_plates_are_kept_and_pictures_are_not(road: Road) -> None:
    job, _ = road.run(DRIVE, evidence=False)
    assert {row["text"] for row in road.ask("SELECT text FROM plates")} == set(PLATES)
    assert not road.files
    assert check(road.url, road.store, job).well


def test_a_cancelled_video_leaves_nothing_readable(road: Road) -> None:
    """One of which nothing is done ends without being aggregated."""
    job = road.submit(DRIVE, hashed=True)
    road.open(job)
    road.detect()
    cancel.cancel(road.url, job)
    road.clear()
    assert not road.files
    assert count(road.url, CropRow) == 0
    assert check(road.url, road.store, job).well


@pytest.mark.parametrize("options", [{"hashed": True}, {"evidence": False}])
def test_a_retried_stretch_brings_the_others_with_it(road: Road, options: dict[str, bool]) -> None:
    """What the other segments showed was wiped with the video's end, and has to be found again."""
    job = road.submit(DRIVE, drive=Drive(segments=2, poisoned=(1,)), **options)
    (video,) = road.open(job)
    road.finish()
    assert road.video(video).state is VideoState.TRUNCATED
    assert count(road.url, SightingRow) == 2
    mended_by(road.folder / DRIVE).touch()
    control.retry(road.url, job, failed=False, quarantined=True)
    road.finish()
    assert road.video(video).state is VideoState.DONE
    assert count(road.url, SightingRow) == 3
    assert check(road.url, road.store, job).well


def test_a_worker_without_the_key_hands_the_segment_back(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job = road.submit(DRIVE, hashed=True)
    road.open(job)
    (first, second) = road.detect()
    troubles = (("", "this worker has no DASHPLATE_PLATE_KEY"), ("not the key of this job", "is not the one"))
    for wrong, sentence in troubles:
        give_key(monkeypatch, wrong)
        with pytest.raises(PlateKeyError):
            read_segment(*first)
        segment = road.segments(job)[0]
        assert (segment.state, segment.failures) == (SegmentState.PENDING, 0)
        assert sentence in (segment.problem or "")
        first = _again(road)
    give_key(monkeypatch, KEY)
    road.read([first, second])
    give_key(monkeypatch, None)
    with pytest.raises(PlateKeyError):
        road.aggregate()
    (owed,) = road.ask("SELECT * FROM outbox")
    assert (owed["failures"], owed["sent_at"]) == (0, None)
    assert "this worker has no DASHPLATE_PLATE_KEY" in owed["problem"]
    assert not readable(road.dump())
    give_key(monkeypatch, KEY)
    road.aggregate()
    assert {row["text"] for row in road.ask("SELECT text FROM plates")} == {hashed(plate) for plate in PLATES}


def _again(road: Road) -> tuple[int, int]:
    road.do("UPDATE segments SET not_before = NULL")
    (sent,) = road.detect()
    return sent


def test_a_hashed_job_without_a_key_is_refused(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    Drive().write(road.folder / DRIVE)
    for wrong, sentence in (("", "set DASHPLATE_PLATE_KEY, here and for the workers"), ("short", "fewer than 16")):
        monkeypatch.setenv("DASHPLATE_PLATE_KEY", wrong)
        refused = CliRunner().invoke(app, ["submit", str(road.folder / DRIVE), "--hashed"])
        assert isinstance(refused.exception, PlateKeyError)
        assert sentence in str(refused.exception)
    assert not road.ask("SELECT 1 FROM jobs")


def test_an_error_that_quotes_a_plate_keeps_its_words_to_itself(
    road: Road, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def quote(self: StandIn, crops: Any, options: Any) -> Any:
        raise ValueError(f"the beam lost {PLATES[0]}")

    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(StandIn, "read", quote)
    job = road.submit(DRIVE, hashed=True)
    road.open(job)
    (first, _) = road.detect()
    with pytest.raises(Exception, match="its words are left out") as raised:
        segment_stages.read_segment(*first)
    assert not readable(repr(raised.value) + repr(raised.value.__cause__))
    assert raised.value.__suppress_context__
    assert road.segments(job)[0].failures == 1
    assert not readable(road.dump() + caplog.text)


def test_an_error_while_stitching_keeps_its_words_too(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job = road.submit(DRIVE, hashed=True)
    road.open(job)
    road.read(road.detect())

    def quote(*_: Any) -> Any:
        raise KeyError(PLATES[0])

    with monkeypatch.context() as patch:
        patch.setattr("workers.steps.aggregate.stitch", quote)
        with pytest.raises(Exception, match="KeyError; its words are left out"):
            road.aggregate()
    assert not readable(road.dump())
    assert road.ask("SELECT failures FROM outbox") == [{"failures": 1}]
    road.aggregate()
    assert count(road.url, SightingRow) == 3


def test_a_statement_that_fails_does_not_tell_what_it_carried(road: Road, stack: Stack) -> None:
    """Neither the error's text nor the server's log holds parameters."""
    with pytest.raises(Exception, match="nowhere") as failed:
        road.do("INSERT INTO nowhere VALUES (:plate)", plate=PLATES[0])
    assert not readable(str(failed.value))
    assert not any(readable(log.read_text(errors="replace")) for log in _server_logs(stack))


def _server_logs(stack: Stack) -> list[Path]:
    logs = list(stack._layout.logs.iterdir())
    assert any("postgres" in log.name for log in logs)
    return logs


def test_a_fleet_with_real_workers_leaves_no_plate_anywhere(
    road: Road, stack: Stack, capfd: pytest.CaptureFixture[str]
) -> None:
    """From submission to the finished job: tables looked at all the while, then logs, queues and files."""
    words = WORDS + [plate_text(DRIVE, number) for number in range(7)]
    looks: list[bool] = []
    with (
        redis.Redis.from_url(stack.redis_url, decode_responses=True) as client,
        everything(road.folder, [road.folder]),
    ):
        options = jobs.job_options(None, hashed=True)
        job = road.submit(DRIVE, drive=Drive(segments=6, look_s=0.05, read_s=0.1), **options.as_json())
        jobs.send(job)

        def done() -> bool:
            dump, queues = road.dump(), _queues(client)
            looks.append("gAAAA" in dump)
            found = [word for word in words if word in dump or word in queues]
            assert not found
            return road.job(job).finished_at is not None

        wait_until("the end of the job", done)
        assert any(looks), "nobody looked while readings were sealed"
        wait_until("the pictures' deletion", lambda: not road.files)
        texts = {row["text"] for row in road.ask("SELECT text FROM plates")}
        assert texts == {hashed(plate_text(DRIVE, number)) for number in range(7)}
    logs = [*_server_logs(stack), *(road.folder / "logs").iterdir()]
    told = "".join(log.read_text(errors="replace") for log in logs) + "".join(capfd.readouterr())
    assert "dashplate.read" in told
    assert not [word for word in words if word in told]
    assert KEY not in told


def _queues(client: Any) -> str:
    readers = {"list": lambda key: client.lrange(key, 0, -1), "hash": client.hgetall}
    found = [readers[kind](key) for key in client.scan_iter() if (kind := client.type(key)) in readers]
    return repr(found)
