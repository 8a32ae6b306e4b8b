"""The sweeper on real servers: who counts as lost, what is sent again, what is given up."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import redis
from sqlalchemy import func, select

from db.engine import session
from db.jobs import cancel
from db.models import OutboxRow
from db.queue import last_sweep, outbox
from db.states import JobState, SegmentState, VideoState
from tests.support.database import (
    DETECTING,
    LEASE_S,
    SILENT,
    begin,
    begun,
    count,
    detect,
    job_state,
    leases_run_out,
    make_job,
    no_waiting,
    overlap,
    run_sql,
    stored,
    take,
    take_steps,
    video,
)
from workers.celery_app.app import DETECT, QUEUES, READ, express
from workers.maintenance.sweeper import SWEEP_LOCK, sweep
from workers.settings import settings

Sweep = Callable[[], int]


@pytest.fixture
def swept(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> Iterator[Sweep]:
    """A sweep of the test's servers; there has been one just before."""
    monkeypatch.setenv("DASHPLATE_DATABASE_URL", database_url)
    monkeypatch.setenv("DASHPLATE_REDIS_URL", redis_url)
    monkeypatch.setenv("DASHPLATE_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    assert sweep() == 0
    yield sweep
    monkeypatch.undo()
    settings.cache_clear()


def queued(redis_url: str) -> dict[str, int]:
    """Messages on each queue that has some."""
    with redis.Redis.from_url(redis_url) as client:
        lengths = {queue: int(client.llen(queue)) for queue in QUEUES}  # type: ignore[arg-type]
    return {queue: length for queue, length in lengths.items() if length}


def pause(url: str) -> None:
    """Everything stood still for a minute, the sweeper too."""
    run_sql(url, "UPDATE pulse SET at = now() - interval '1 minute'")


def test_a_silent_worker_is_lost_and_its_segment_waits_for_another(database_url: str, swept: Sweep) -> None:
    make_job(database_url, 1)
    (segment,) = begun(database_url)
    swept()
    assert stored(database_url, segment.segment_id).state is DETECTING
    leases_run_out(database_url)
    swept()
    row = stored(database_url, segment.segment_id)
    assert (row.state, row.losses, row.failures, row.problem) == (SegmentState.PENDING, 1, 0, SILENT)
    swept()
    assert stored(database_url, segment.segment_id).state is SegmentState.PENDING, "it waits"
    no_waiting(database_url)
    assert swept() == 1
    row = stored(database_url, segment.segment_id)
    assert (row.state, row.attempt) == (SegmentState.QUEUED, 2)


def test_after_a_pause_nobody_is_lost_before_he_could_answer(database_url: str, swept: Sweep) -> None:
    make_job(database_url, 1)
    _, (video_id,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    (segment,) = take(database_url)
    take_steps(database_url)
    assert begin(database_url, segment, DETECTING)
    with session(database_url) as db:
        assert outbox.begin(db, outbox.PROBE, video_id, LEASE_S)
    leases_run_out(database_url)
    pause(database_url)
    swept()
    row = stored(database_url, segment.segment_id)
    assert (row.state, row.losses) == (DETECTING, 0)
    with session(database_url) as db:
        assert db.scalars(select(OutboxRow.failures)).one() == 0
    leases_run_out(database_url)
    swept()
    assert stored(database_url, segment.segment_id).losses == 1, "who is silent once more is lost"
    with session(database_url) as db:
        assert db.scalars(select(OutboxRow.failures)).one() == 1


def test_the_pulse_knows_a_pause(database_url: str) -> None:
    with session(database_url) as db:
        assert not last_sweep.paused(db, 10.0), "the first sweep ever"
    with session(database_url) as db:
        assert not last_sweep.paused(db, 10.0)
    pause(database_url)
    with session(database_url) as db:
        assert last_sweep.paused(db, 10.0)
    with session(database_url) as db:
        assert not last_sweep.paused(db, 10.0), "noted"


def test_what_stands_on_an_empty_queue_is_sent_again(database_url: str, redis_url: str, swept: Sweep) -> None:
    make_job(database_url, 2)
    queued_one, detected_one = take(database_url)
    assert detect(database_url, detected_one)
    swept()
    assert queued(redis_url) == {}, "too early"
    run_sql(database_url, "UPDATE segments SET moved_at = now() - interval '11 s'")
    assert swept() == 2
    assert queued(redis_url) == {DETECT: 1, READ: 1}
    assert {stored(database_url, s.segment_id).attempt for s in (queued_one, detected_one)} == {1}
    run_sql(database_url, "UPDATE segments SET moved_at = now() - interval '11 s'")
    assert swept() == 0, "its queue has work; the message is there"


def test_a_redis_that_came_back_empty_is_filled_again(database_url: str, redis_url: str, swept: Sweep) -> None:
    make_job(database_url, 2)
    make_job(database_url, 0, state=VideoState.REGISTERED)
    assert swept() == 3
    before = queued(redis_url)
    assert sum(before.values()) == 3
    assert before[express(DETECT)] == 1
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    run_sql(database_url, "UPDATE segments SET moved_at = now() - interval '11 s'")
    run_sql(database_url, "UPDATE outbox SET sent_at = now() - interval '11 s'")
    assert swept() == 3
    assert sum(queued(redis_url).values()) == 3


def test_a_step_that_keeps_killing_its_worker_ends_its_video(database_url: str, swept: Sweep) -> None:
    job_id, (video_id,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    for _ in range(outbox.MAX_FAILURES):
        assert swept() == 1
        with session(database_url) as db:
            assert outbox.begin(db, outbox.PROBE, video_id, LEASE_S)
        leases_run_out(database_url)
    swept()
    row = video(database_url, video_id)
    assert (row.state, row.problem) == (
        VideoState.FAILED, f"Opening it was given up after 5 tries: {SILENT}",
    )  # fmt: skip
    assert (job_state(database_url, job_id), count(database_url, OutboxRow)) == (JobState.FINISHED, 0)


def test_a_cancellation_that_was_cut_short_is_completed(database_url: str, swept: Sweep) -> None:
    job_id, (video_id, _) = make_job(database_url, 1, 1)
    take(database_url)
    run_sql(database_url, "UPDATE jobs SET state = 'cancelled' WHERE id = :job", job=job_id)
    swept()
    assert video(database_url, video_id).state is VideoState.CANCELLED
    assert cancel.cancelled_jobs(database_url) == []


def test_two_sweepers_do_not_do_it_twice(database_url: str, redis_url: str, swept: Sweep) -> None:
    make_job(database_url, 1)
    (segment,) = take(database_url)
    run_sql(database_url, "UPDATE segments SET moved_at = now() - interval '11 s'")
    sent: list[int] = []
    overlap(
        database_url,
        lambda db: db.execute(select(func.pg_advisory_xact_lock(SWEEP_LOCK))),
        lambda _: sent.append(swept()),
    )
    assert (sent, queued(redis_url)) == ([0], {})
    assert swept() == 1
    assert stored(database_url, segment.segment_id).attempt == 1
