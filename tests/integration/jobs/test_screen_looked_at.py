"""Read workers and the clock on screen: one of them looks, once a video, and no plate is lost over it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bench.standin import Drive, StandIn
from db.engine import Executor, session
from db.models import ReadingRow, Video
from db.queue import segment_moves
from db.states import SegmentState, VideoState
from db.where.clocks import CLOCK_COLUMNS, clock_of, store_clock
from pipeline.camera.records import Clock, ClockClaim
from pipeline.errors import Inaccessible
from pipeline.job_options import JobOptions
from pipeline.records import Box, MediaInfo, RecordedFrom
from tests.support.database import count, take
from tests.support.road import Road, stand_in_road
from workers.celery_app.time_limit import TimeIsUp
from workers.steps import segment_stages

NOON = dt.datetime(2026, 3, 1, 12)
SAID = ClockClaim(NOON, RecordedFrom.OVERLAY, 0.3)
WRITTEN = ClockClaim(NOON, RecordedFrom.CONTAINER, 61.0)
COPIED = ClockClaim(dt.datetime(2026, 5, 1, tzinfo=dt.UTC), RecordedFrom.FILE, 1.0)
BEFORE = Clock(COPIED, "UTC", (), (WRITTEN,))


@pytest.fixture
def road(database_url: str, tmp_path: Path) -> Iterator[Road]:
    cards = tmp_path / "cards"
    cards.mkdir()
    with stand_in_road(database_url, tmp_path / "data", DASHPLATE_ROOTS=str(cards)) as road:
        yield Road(road.url, cards)


def opened(road: Road, segments: int) -> tuple[int, int]:
    """Job and video, of which every segment waits to be read."""
    job_id = road.submit("a.mp4", drive=Drive(segments=segments))
    (video_id,) = road.open(job_id)
    with session(road.url) as db:
        store_clock(db, video_id, BEFORE)
    road.do("UPDATE videos SET make = 'BlackVue', model = 'DR900', overlays = '[[1, 2, 3, 4]]', camera = 'rear'")
    return job_id, video_id


def clock(road: Road, video_id: int) -> Clock | None:
    with session(road.url) as db:
        return clock_of(db.execute(select(*CLOCK_COLUMNS).where(Video.id == video_id)).mappings().one())


def looks(monkeypatch: pytest.MonkeyPatch, *answers: Clock | Exception | Callable[[], Clock]) -> list[MediaInfo]:
    """What is looked at, one after the other, with these answers."""
    seen: list[MediaInfo] = []

    def look(self: StandIn, media: MediaInfo, before: Clock | None, options: JobOptions) -> Clock:
        seen.append(media)
        assert before == BEFORE
        answer = answers[len(seen) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Clock) else answer()

    monkeypatch.setattr(StandIn, "screen_clock", look)
    return seen


def test_the_look_knows_what_the_probe_learnt_and_what_agrees_comes_back(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, video_id = opened(road, 1)
    after = Clock(SAID, None, (COPIED,), (WRITTEN,))
    seen = looks(monkeypatch, after)
    road.finish()
    (media,) = seen
    assert (media.make, media.model, media.camera) == ("BlackVue", "DR900", "rear")
    assert media.overlays == (Box(1, 2, 3, 4),)
    assert clock(road, video_id) == after
    assert road.video(video_id).state is VideoState.DONE


@pytest.mark.parametrize("problem", [TimeIsUp(), RuntimeError("It broke.")])
def test_no_plate_is_lost_where_the_look_takes_too_long_or_breaks(
    road: Road, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    job_id, video_id = opened(road, 2)
    seen = looks(monkeypatch, problem)
    road.finish()
    assert [(s.state, s.failures) for s in road.segments(job_id)] == [(SegmentState.DONE, 0)] * 2
    assert count(road.url, ReadingRow) > 0
    assert len(seen) == 1
    assert clock(road, video_id) == BEFORE


def test_one_worker_looks_and_its_segment_ends_after_the_clock_is_stored(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id, video_id = opened(road, 2)
    one, two = take(road.url)
    for each in (one, two):
        assert segment_stages.detect_segment(each.segment_id, each.attempt)
    after = replace(BEFORE, start=SAID, zone=None)

    def meanwhile() -> Clock:
        # The other segment is read while this one's worker looks.
        assert segment_stages.read_segment(two.segment_id, two.attempt)
        assert road.video(video_id).state is VideoState.PROCESSING
        return after

    real = segment_moves.finished

    def finished(db: Executor, segment_id: int, attempt: int, readings: Sequence[dict[str, Any]]) -> bool:
        if segment_id == one.segment_id:
            assert clock(road, video_id) == after
        return real(db, segment_id, attempt, readings)

    monkeypatch.setattr(segment_moves, "finished", finished)
    seen = looks(monkeypatch, meanwhile)
    assert segment_stages.read_segment(one.segment_id, one.attempt)
    assert len(seen) == 1
    assert [s.state for s in road.segments(job_id)] == [SegmentState.DONE] * 2


def test_where_the_file_cannot_be_opened_here_another_segment_asks_again(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, video_id = opened(road, 2)
    after = replace(BEFORE, start=SAID, zone=None)
    seen = looks(monkeypatch, Inaccessible("It may not be opened here."), after)
    road.finish()
    assert len(seen) == 2
    assert clock(road, video_id) == after
