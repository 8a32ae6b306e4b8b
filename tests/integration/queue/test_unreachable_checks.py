"""One segment looks whether its video is back; the others are parked until it is."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from db.engine import session
from db.findings import queries
from db.jobs import cancel
from db.models import Segment
from db.queue import unreachable as db_away
from db.states import SegmentState, VideoState
from tests.support.database import (
    DETECTING,
    away,
    begin,
    begun,
    make_job,
    no_waiting,
    quarantine,
    run_sql,
    stored,
    take,
    video,
    work,
)
from tests.support.road import stand_in_road
from workers.maintenance.sweeper import sweep


def parked(url: str) -> list[int]:
    """Indexes of the segments that wait for another to see their video."""
    with session(url) as db:
        return list(db.scalars(select(Segment.index).where(Segment.parked).order_by(Segment.id)))


def unpark(url: str) -> int:
    with session(url) as db:
        return db_away.unpark(db)


def test_one_segment_looks_whether_its_video_is_back_and_the_job_goes_on(database_url: str) -> None:
    job_id, (_, other) = make_job(database_url, 6, 2)
    first, second, third = take(database_url, window=3)
    for segment in (first, second):
        assert begin(database_url, segment, DETECTING)
        assert away(database_url, segment)
    assert parked(database_url) == [0, 1, 3, 4, 5], "the third is on the way, and will see"
    beside = take(database_url, window=3)
    assert [stored(database_url, s.segment_id).video_id for s in beside] == [other] * 2
    assert begin(database_url, third, DETECTING)
    assert away(database_url, third)
    assert parked(database_url) == [0, 1, 3, 4, 5]
    assert unpark(database_url) == 0, "there is a canary, and its video is away"
    with session(database_url) as db:
        (row,) = queries.jobs(db, job_id)
    assert row["segments_delayed"] == 6
    no_waiting(database_url)
    (again,) = take(database_url, window=3)
    assert again.segment_id == third.segment_id
    work(database_url, again)
    assert unpark(database_url) == 5, "its video is back"
    assert [s.index for s in take(database_url)] == [0, 1, 3, 4, 5]


def test_where_the_scout_fails_for_reasons_of_its_own_another_one_looks(database_url: str) -> None:
    make_job(database_url, 3)
    (canary,) = begun(database_url, window=1)
    assert away(database_url, canary)
    no_waiting(database_url)
    (canary,) = take(database_url)
    quarantine(database_url, canary)
    assert parked(database_url) == [1, 2]
    assert unpark(database_url) == 1
    assert parked(database_url) == [2]
    assert [s.index for s in take(database_url)] == [1]
    assert unpark(database_url) == 0


def test_the_sweeper_lets_go_what_is_back(database_url: str, redis_url: str, tmp_path: Path) -> None:
    make_job(database_url, 2)
    (canary,) = begun(database_url, window=1)
    assert away(database_url, canary)
    run_sql(database_url, "UPDATE videos SET away_since = NULL")
    with stand_in_road(database_url, tmp_path, DASHPLATE_REDIS_URL=redis_url):
        sweep()
    assert parked(database_url) == []
    with session(database_url) as db:
        states = db.scalars(select(Segment.state).order_by(Segment.index)).all()
    assert states == [SegmentState.PENDING, SegmentState.QUEUED], "the canary still waits, the other is on its way"


def test_a_cancelled_job_waits_for_nothing(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 5)
    one, two, _ = take(database_url, window=3)
    for segment in (one, two):
        assert begin(database_url, segment, DETECTING)
    assert away(database_url, one)
    unopened, (waits,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    run_sql(database_url, "UPDATE videos SET away_since = now() WHERE id = :video", video=waits)
    for cancelled in (job_id, unopened):
        cancel.cancel(database_url, cancelled)
    away(database_url, two)
    assert [video(database_url, v).away_since for v in (video_id, waits)] == [None, None]
    unpark(database_url)
    assert parked(database_url) == []
    with session(database_url) as db:
        assert {row["segments_delayed"] for row in queries.jobs(db, job_id)} <= {1, 2}
        assert queries.waiting_for(db, unopened) is None
