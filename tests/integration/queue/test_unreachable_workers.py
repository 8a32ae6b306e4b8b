"""Workers whose folder or share is away wait for it, and give it up after its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tenacity import stop_after_attempt

from bench.standin import Drive, StandIn
from db.jobs import control
from db.states import SegmentState, VideoState
from pipeline.errors import Away, Inaccessible
from pipeline.retry_policy import SOURCE
from tests.support.database import no_waiting, run_sql, take, waits_for
from tests.support.road import Road, stand_in_road
from tests.support.tables.counters import check_counters
from workers.settings import settings
from workers.steps import probe, segment_stages


@pytest.fixture
def road(database_url: str, tmp_path: Path) -> Iterator[Road]:
    """Workers that may open the folder of the drives alone."""
    cards = tmp_path / "cards"
    cards.mkdir()
    with stand_in_road(database_url, tmp_path / "data", DASHPLATE_ROOTS=str(cards)) as road:
        yield Road(road.url, cards)


def put_away(road: Road) -> Callable[[], object]:
    """The folder goes; call what comes back, and so does it."""
    gone = road.folder.with_name("gone")
    road.folder.rename(gone)
    return lambda: gone.rename(road.folder)


def test_workers_wait_for_a_folder_that_is_away(road: Road) -> None:
    job_id = road.submit("a.mp4", "b.mp4", drive=Drive(segments=2))
    first, second = (row["id"] for row in road.ask("SELECT id FROM videos ORDER BY id"))
    probe.open_video(first)
    come_back = put_away(road)
    sentence = "the folder cards is missing or empty"
    with pytest.raises(Away, match=sentence):
        probe.open_video(second)
    (one, *_) = take(road.url)
    with pytest.raises(Away, match=sentence):
        segment_stages.detect_segment(one.segment_id, one.attempt)
    assert [road.video(v).away_since is None for v in (first, second)] == [False, False]
    assert [road.video(v).state for v in (first, second)] == [VideoState.PROCESSING, VideoState.REGISTERED]
    assert sum(s.failures + s.losses for s in road.segments(job_id)) == 0
    assert sentence in (waits_for(road.url, job_id) or "")

    come_back()
    road.do("UPDATE segments SET state = 'pending' WHERE state = 'queued'")
    probe.open_video(second)
    assert road.video(second).away_since is None
    road.finish()
    assert [road.video(v).state for v in (first, second)] == [VideoState.DONE] * 2
    assert [road.video(v).problem for v in (first, second)] == [None] * 2
    assert waits_for(road.url, job_id) is None


def test_a_share_that_goes_between_two_looks_at_it_is_away(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = road.submit("a.mp4", drive=Drive(segments=1))
    road.open(job_id)
    (one,) = take(road.url)

    def goes(*_: object) -> None:
        put_away(road)
        raise Inaccessible("a.mp4 is not there, or may not be read.")

    monkeypatch.setattr(StandIn, "detect", goes)
    with pytest.raises(Away):
        segment_stages.detect_segment(one.segment_id, one.attempt)
    (row,) = road.segments(job_id)
    assert (row.state, row.failures) == (SegmentState.PENDING, 0)


def test_what_was_given_up_says_so_once_and_is_tried_again(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHPLATE_AWAY_S", "60")
    settings.cache_clear()
    job_id = road.submit("a.mp4", drive=Drive(segments=4))
    (video_id,) = road.open(job_id)
    one, two, *_ = take(road.url, window=2)
    assert segment_stages.detect_segment(one.segment_id, one.attempt)
    assert segment_stages.read_segment(one.segment_id, one.attempt)
    come_back = put_away(road)
    road.do("UPDATE videos SET away_since = now() - interval '2 min', away_looked_at = now()")
    with pytest.raises(Away):
        segment_stages.detect_segment(two.segment_id, two.attempt)
    road.aggregate()
    row = road.video(video_id)
    assert (row.state, row.away_since) == (VideoState.TRUNCATED, None)
    assert row.problem == (
        "10.0–40.0 s was left out: Its video was away for more than 60 s: a.mp4 is not there, and the folder cards is"
        " missing or empty. Check the path, and that its share or disk is mounted."
    )
    come_back()
    assert control.retry(road.url, job_id, failed=True, quarantined=True) == (0, 3)
    assert road.video(video_id).away_since is None
    road.finish()
    row = road.video(video_id)
    assert (row.state, row.problem, row.segments_done) == (VideoState.DONE, None, 4)
    check_counters(road.url)


def test_what_nobody_has_ever_seen_is_not_waited_for(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path may be misspelt; an address is tried a few times, as after any failure."""
    monkeypatch.setattr("pipeline.retry_policy.SOURCE", SOURCE.copy(stop=stop_after_attempt(1)))
    monkeypatch.setenv("DASHPLATE_ROOTS", f"{road.folder}:http://127.0.0.1:9/")
    monkeypatch.setenv("DASHPLATE_WORK", "workers.steps.stage_engine:PipelineEngine")
    settings.cache_clear()
    probe.stage_engine.cache_clear()
    job_id = road.submit("a.mp4")
    run_sql(road.url, "UPDATE videos SET fingerprint = 'path:' || path")
    (video_id,) = [row["id"] for row in road.ask("SELECT id FROM videos")]
    put_away(road)
    probe.open_video(video_id)
    row = road.video(video_id)
    assert (row.state, row.away_since) == (VideoState.INACCESSIBLE, None)
    assert "is missing or empty" in (row.problem or "")

    assert control.retry(road.url, job_id, failed=True, quarantined=False) == (1, 0)
    run_sql(road.url, "UPDATE videos SET path = 'http://127.0.0.1:9/a.mp4'")
    with pytest.raises(Inaccessible, match="lost or refused") as problem:
        probe.open_video(video_id)
    assert not isinstance(problem.value, Away)
    assert road.ask("SELECT failures FROM outbox") == [{"failures": 1}]
    run_sql(road.url, "UPDATE videos SET fingerprint = 'seen'")
    no_waiting(road.url)
    with pytest.raises(Away, match="lost or refused"):
        probe.open_video(video_id)
    assert road.ask("SELECT failures FROM outbox") == [{"failures": 1}]
    assert road.video(video_id).away_since is not None
