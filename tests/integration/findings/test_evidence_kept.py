"""The end of a video: plates are stored whatever becomes of the frames, and by whoever has the step, nobody else."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.standin import Drive, StandIn
from dashplate.commands.checks.verify import check
from db.engine import session
from db.jobs import control
from db.queue import outbox
from db.states import Stage, VideoState
from pipeline.records import Image, MediaInfo
from store import Store, StoreFull
from tests.support.processes import PATIENCE_S
from tests.support.road import Road, stand_in_road
from workers import dispatch
from workers.settings import settings
from workers.steps import aggregate

HALF_A_DAY_S = 43_200.0


def ready(road: Road, **options: Any) -> tuple[int, int]:
    """A job, and its video that only has to be put together: 0.2 s long, three sightings."""
    job = road.submit("one.mp4", drive=Drive(segments=2, seconds=0.1), **options)
    (video,) = road.open(job)
    road.read(road.detect())
    return job, video


def step(road: Road) -> Any:
    (row,) = road.ask("SELECT *, extract(epoch FROM not_before - now()) AS waits FROM outbox")
    return row


def test_frames_that_take_too_long_cost_frames_only(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(self: StandIn, media: MediaInfo, wanted: Collection[int]) -> Iterator[tuple[int, Image]]:
        frames = fetch(self, media, wanted)
        yield next(frames)
        time.sleep(PATIENCE_S)
        yield from frames

    fetch = StandIn.frames
    monkeypatch.setattr(StandIn, "frames", slow)
    about = {"DASHPLATE_REDIS_URL": redis_url, "DASHPLATE_TIME_LIMIT_S": "1"}
    with stand_in_road(database_url, tmp_path / "data", **about) as road:
        job, video = ready(road)
        # Were it not cut off, it would give all three.
        road.aggregate()
        assert road.video(video).state is VideoState.DONE
        assert [len(road.ask(f"SELECT id FROM {table}")) for table in ("sightings", "frames")] == [3, 1]
        assert check(road.url, road.store, job).well


def test_frames_that_cannot_be_decoded_again_cost_frames_only(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: StandIn, media: MediaInfo, wanted: Collection[int]) -> Iterator[tuple[int, Image]]:
        yield from list(fetch(self, media, wanted))[:2]
        raise ValueError("the decoder gave up")

    fetch = StandIn.frames
    monkeypatch.setattr(StandIn, "frames", broken)
    job, video = ready(road)
    road.aggregate()
    assert road.video(video).state is VideoState.DONE
    assert [len(road.ask(f"SELECT id FROM {table}")) for table in ("sightings", "frames")] == [3, 2]
    assert check(road.url, road.store, job).well


def test_frames_that_kill_their_worker_are_done_without_in_the_end(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    def deadly(*_: Any) -> Iterator[tuple[int, Image]]:
        raise KeyboardInterrupt

    monkeypatch.setattr(StandIn, "frames", deadly)
    _, video = ready(road)
    for _ in range(outbox.MAX_FAILURES - 2):
        with pytest.raises(KeyboardInterrupt):
            road.aggregate()
        road.do("UPDATE outbox SET lease_until = now() - interval '1 s'")
        with session(road.url) as db:
            assert outbox.resend_lost(db) == 1
    road.aggregate()
    assert road.video(video).state is VideoState.DONE
    assert len(road.ask("SELECT id FROM sightings")) == 3


def test_a_long_video_is_given_its_time(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    _, video = ready(road)
    road.do("UPDATE videos SET duration_s = :long", long=HALF_A_DAY_S)
    sent: list[dict[str, Any]] = []
    given: list[float] = []
    limit = aggregate.time_limit

    def noted(seconds: float, *more: Any) -> Any:
        given.append(seconds)
        return limit(seconds, *more)

    monkeypatch.setattr(dispatch.app, "send_task", lambda name, **about: sent.append(about))
    for module in ("aggregate", "claim"):
        monkeypatch.setattr(f"workers.steps.{module}.time_limit", noted)
    dispatch.pump()
    road.aggregate()
    assert road.video(video).state is VideoState.DONE
    assert given == [3 * HALF_A_DAY_S, 1.5 * HALF_A_DAY_S]
    assert [about["time_limit"] for about in sent] == [3 * HALF_A_DAY_S + settings().kill_after_s]


def test_a_full_store_is_asked_before_anything_is_decoded(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Store, least_bytes: int = 0) -> None:
        raise StoreFull("The store is full.")

    decoded: list[int] = []
    _, video = ready(road)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "check_room", full)
        patch.setattr(StandIn, "frames", lambda *_: decoded.append(1) or iter(()))
        for _ in range(2):
            with pytest.raises(StoreFull):
                road.aggregate()
            row = step(road)
            assert (row["failures"], row["problem"], decoded) == (0, "The store is full.", [])
            assert 0.45 * settings().trouble_delay_s < row["waits"] <= settings().trouble_delay_s
    road.aggregate()
    assert road.video(video).state is VideoState.DONE
    assert len(road.ask("SELECT id FROM frames")) == 3


def test_the_first_failure_of_a_step_waits_the_first_delay(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("broken")

    ready(road)
    monkeypatch.setattr("workers.steps.aggregate.stitch", broken)
    with pytest.raises(ValueError, match="broken"):
        road.aggregate()
    row = step(road)
    assert row["failures"] == 1
    assert 0.45 * settings().retry_delay_s < row["waits"] <= settings().retry_delay_s


def test_an_aggregator_that_slept_through_a_rerun_stores_nothing(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, video = ready(road)
    asleep: list[bool] = []

    def sleeps(*given: Any) -> Any:
        frames = fetch(*given)
        if not asleep:
            asleep.append(True)
            road.do("UPDATE outbox SET lease_until = now() - interval '1 s'")
            road.aggregate()
            control.rerun(road.url, job, Stage.DETECT, {})
            road.read(road.detect())
            assert road.video(video).state is VideoState.AGGREGATING
            road.do("UPDATE sightings SET text = 'KEPT'")
        return frames

    fetch = aggregate._frames
    monkeypatch.setattr(aggregate, "_frames", sleeps)
    aggregate.aggregate(video)
    assert asleep
    assert road.video(video).state is VideoState.AGGREGATING
    assert {row["text"] for row in road.ask("SELECT text FROM sightings")} == {"KEPT"}
    assert step(road)["sent_at"] is None, "what is owed is still owed"
    road.aggregate()
    assert road.video(video).state is VideoState.DONE
    assert "KEPT" not in {row["text"] for row in road.ask("SELECT text FROM sightings")}
    assert check(road.url, road.store, job).well


def test_an_error_of_one_who_was_overtaken_is_not_his_successor_s(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    _, video = ready(road)

    def late(*_: Any) -> None:
        road.do("UPDATE outbox SET lease_until = now() - interval '1 s'")
        with session(road.url) as db:
            assert outbox.begin(db, outbox.AGGREGATE, video, 20.0)
        raise ValueError("late")

    monkeypatch.setattr(aggregate, "_frames", late)
    with pytest.raises(ValueError, match="late"):
        aggregate.aggregate(video)
    row = step(road)
    assert (row["failures"], row["problem"], row["lease_until"] is None) == (0, None, False)


def test_frames_of_one_who_was_overtaken_are_swept(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, video = ready(road)
    lost = f"frames/{job}/{video}/77.jpg"

    def late(*given: Any) -> Any:
        frames = fetch(*given)
        with monkeypatch.context() as patch:
            patch.setattr(aggregate, "_frames", fetch)
            road.do("UPDATE outbox SET lease_until = now() - interval '1 s'")
            road.aggregate()
        return {**frames, 77: road.store.put(lost, b"a frame")}

    fetch = aggregate._frames
    monkeypatch.setattr(aggregate, "_frames", late)
    aggregate.aggregate(video)
    assert lost in road.files
    assert check(road.url, road.store, job).well
    while aggregate.clear_video(road.url, job, video):
        pass
    assert lost not in road.files
    assert check(road.url, road.store, job).well
