"""Cancelled jobs, on a real PostgreSQL: their videos end, what was found is kept, late workers change nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from db.engine import session
from db.findings import queries
from db.jobs import cancel, control
from db.jobs.submit import NewVideo, add_videos
from db.jobs.videos import end_video
from db.models import Segment, Video
from db.queue import outbox, scheduler, segment_moves
from db.states import JobState, VideoState
from pipeline.job_options import JobOptions
from tests.support.database import (
    DETECTING,
    LEASE_S,
    READING,
    aggregate,
    begin,
    begun,
    count,
    detect,
    fail,
    finish,
    job,
    job_state,
    lose,
    make_job,
    overlap,
    owed,
    quarantine,
    read,
    run_sql,
    segment_states,
    split,
    stored,
    take,
    take_steps,
    video,
    video_state,
    work,
)
from tests.support.processes import PATIENCE_S
from tests.support.tables.counters import check_counters
from tests.support.tables.findings import store_all
from workers.settings import settings
from workers.steps.aggregate import aggregate as really_aggregate

PROBE, AGGREGATE = outbox.PROBE, outbox.AGGREGATE


@pytest.fixture
def aggregator(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """The real aggregator on the test's database, with a store of its own."""
    monkeypatch.setenv("DASHPLATE_DATABASE_URL", database_url)
    monkeypatch.setenv("DASHPLATE_STORE_DIR", str(tmp_path / "store"))
    settings.cache_clear()
    yield really_aggregate
    monkeypatch.undo()
    settings.cache_clear()


def test_cancelling_ends_videos_in_every_state(database_url: str, aggregator: Callable[[int], None]) -> None:
    job_id, videos = make_job(database_url, 1, 2, 3, 3, 1, 1)
    untouched, sent, partly, broken, aggregating, done = videos
    by_video: dict[int, list[segment_moves.Dispatched]] = {}
    for segment in take(database_url):
        by_video.setdefault(stored(database_url, segment.segment_id).video_id, []).append(segment)
    for step in ("detecting", "pending"):
        run_sql(database_url, "UPDATE segments SET state = :step WHERE video_id = :v", step=step, v=untouched)
    assert begin(database_url, by_video[sent][0], DETECTING)
    work(database_url, by_video[partly][0])
    assert detect(database_url, by_video[partly][1])
    assert begin(database_url, by_video[partly][1], READING)
    assert detect(database_url, by_video[partly][2])
    quarantine(database_url, by_video[broken][0], "It kills.")
    for video_id in (aggregating, done):
        work(database_url, by_video[video_id][0])
    aggregate(database_url, done)
    with session(database_url) as db:
        add_videos(db, job_id, [NewVideo("/cam/late.mp4", "late")])
        late = db.scalars(select(Video.id).where(Video.path == "/cam/late.mp4")).one()
    assert (PROBE, late) in owed(database_url)

    cancel.cancel(database_url, job_id)

    assert {v: str(video_state(database_url, v)) for v in [*videos, late]} == {
        untouched: "cancelled", sent: "cancelled", partly: "aggregating", broken: "aggregating",
        aggregating: "aggregating", done: "done", late: "cancelled",
    }  # fmt: skip
    assert owed(database_url) == [(AGGREGATE, v) for v in (partly, broken, aggregating)], "nothing is opened any more"
    assert set(segment_states(database_url, job_id)) == {"pending", "done", "quarantined"}
    assert video(database_url, late).problem == "The job was cancelled before it was looked at."
    assert (job_state(database_url, job_id), job(database_url, job_id).finished_at) == (JobState.CANCELLED, None)
    check_counters(database_url)

    assert {m.key for m in take_steps(database_url)} == {partly, broken, aggregating}
    assert take(database_url) == []
    for video_id in (partly, broken, aggregating):
        aggregator(video_id)
    assert (video_state(database_url, partly), video(database_url, partly).problem) == (
        VideoState.CANCELLED, "The job was cancelled after 1 of 3 segments; their plates are kept.",
    )  # fmt: skip
    assert video(database_url, broken).problem == (
        "The job was cancelled after 1 of 3 segments; their plates are kept. 0.0–10.0 s was left out: It kills."
    )
    assert video_state(database_url, aggregating) is VideoState.DONE
    row = job(database_url, job_id)
    assert (row.state, row.finished_at is not None, row.videos_ended) == (JobState.CANCELLED, True, 7)
    assert cancel.cancelled_jobs(database_url) == []
    check_counters(database_url)


def test_what_a_cancelled_video_showed_is_kept(database_url: str, aggregator: Callable[[int], None]) -> None:
    job_id, (video_id,) = make_job(database_url, 2, options=JobOptions(evidence=False))
    first, _ = take(database_url)
    assert detect(database_url, first)
    assert read(database_url, first)
    store_all(database_url, ["AB123CD", "KV70ABC"])
    cancel.cancel(database_url, job_id)
    aggregator(video_id)
    with session(database_url) as db:
        assert {row["plate"] for row in queries.sightings(db, job_id)} == {"AB123CD", "KV70ABC"}


def test_a_late_worker_of_a_cancelled_job_changes_nothing(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 4)
    detecting, reading, queued, detected = take(database_url)
    assert begin(database_url, detecting, DETECTING)
    assert detect(database_url, reading)
    assert begin(database_url, reading, READING)
    assert detect(database_url, detected)
    cancel.cancel(database_url, job_id)
    with session(database_url) as db:
        assert not segment_moves.detected(db, detecting.segment_id, detecting.attempt, 80, None)
        assert not finish(db, reading)
        for held in (detecting, reading):
            assert not segment_moves.renew(db, held.segment_id, held.attempt, LEASE_S), "it learns of it"
            assert not segment_moves.put_back(db, held.segment_id, held.attempt, "No room.")
    assert not fail(database_url, detecting)
    assert not lose(database_url, reading)
    assert not begin(database_url, queued, DETECTING)
    assert not begin(database_url, detected, READING)
    assert segment_states(database_url, job_id) == ["pending"] * 4
    assert video_state(database_url, video_id) is VideoState.CANCELLED


def test_a_message_that_comes_before_the_videos_are_ended_is_refused(database_url: str) -> None:
    """The job's state counts from the moment it is cancelled, however long its videos take to end."""
    job_id, _ = make_job(database_url, 1)
    (segment,) = take(database_url)
    run_sql(database_url, "UPDATE jobs SET state = 'cancelled' WHERE id = :job", job=job_id)
    assert not begin(database_url, segment, DETECTING)


def test_a_file_opened_too_late_stays_cancelled(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    take_steps(database_url)
    with session(database_url) as db:
        held = outbox.begin(db, PROBE, video_id, LEASE_S)
        assert held is not None
    cancel.cancel(database_url, job_id)
    with session(database_url) as db:
        assert not outbox.renew(db, held, LEASE_S), "its worker learns of it"
        assert not split(db, video_id, 3)
        assert not end_video(db, video_id, VideoState.UNREADABLE, "Noise.")
    assert (video_state(database_url, video_id), count(database_url, Segment)) == (VideoState.CANCELLED, 0)


def test_cancelling_goes_on_where_it_was_interrupted(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancel, "CHUNK", 2)
    job_id, videos = make_job(database_url, *[1] * 5)
    run_sql(database_url, "UPDATE jobs SET state = 'cancelled'")
    assert cancel.end_cancelled(database_url, job_id) == 2
    assert cancel.cancelled_jobs(database_url) == [job_id], "the sweeper finds it"
    cancel.cancel(database_url, job_id)
    assert {video_state(database_url, v) for v in videos} == {VideoState.CANCELLED}
    assert cancel.cancelled_jobs(database_url) == []
    cancel.cancel(database_url, job_id)


def test_a_paused_job_can_be_cancelled_and_an_open_one_ends(database_url: str) -> None:
    job_id, _ = make_job(database_url, 1)
    run_sql(database_url, "UPDATE jobs SET open = true")
    control.pause(database_url, job_id)
    cancel.cancel(database_url, job_id)
    row = job(database_url, job_id)
    assert (row.state, row.open, row.finished_at is not None) == (JobState.CANCELLED, False, True)


def test_a_dispatcher_that_overlaps_with_cancelling_leaves_nothing_on_the_queues(database_url: str) -> None:
    job_id, _ = make_job(database_url, 3)
    sent: list[segment_moves.Dispatched] = []
    overlap(
        database_url,
        lambda db: sent.extend(scheduler.take_pending(db, 10, 10)),
        lambda _: cancel.cancel(database_url, job_id),
    )
    assert len(sent) == 3
    assert segment_states(database_url, job_id) == ["pending"] * 3


def test_a_worker_that_ends_a_segment_while_its_job_is_cancelled_is_heard(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 2)
    first, second = take(database_url)
    for segment in (first, second):
        assert detect(database_url, segment)
        assert begin(database_url, segment, READING)
    overlap(database_url, lambda db: finish(db, first), lambda _: cancel.cancel(database_url, job_id))
    row = video(database_url, video_id)
    assert (row.state, row.segments_done) == (VideoState.AGGREGATING, 1)
    assert owed(database_url) == [(AGGREGATE, video_id)]
    check_counters(database_url)


def test_files_added_and_opened_while_a_job_is_cancelled_are_ended_too(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    overlap(
        database_url,
        lambda db: (add_videos(db, job_id, [NewVideo("/cam/new.mp4", "new")]), split(db, video_id, 2)),
        lambda _: cancel.cancel(database_url, job_id),
    )
    with session(database_url) as db:
        assert set(db.scalars(select(Video.state))) == {VideoState.CANCELLED}
    assert owed(database_url) == []
    check_counters(database_url)


def test_cancelling_while_many_workers_finish_neither_deadlocks_nor_miscounts(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancel, "CHUNK", 4)
    job_id, videos = make_job(database_url, *[3] * 24)
    segments = begun(database_url, step=READING)
    random.Random(5).shuffle(segments)

    def finish_all(mine: list[segment_moves.Dispatched]) -> int:
        done = 0
        for segment in mine:
            with session(database_url) as db:
                done += finish(db, segment)
        return done

    with ThreadPoolExecutor(5) as pool:
        finished = [pool.submit(finish_all, segments[i::3]) for i in range(3)]
        # A person and the sweeper may well do it at once.
        cancelling = [pool.submit(cancel.cancel, database_url, job_id) for _ in range(2)]
        done = sum(worker.result(timeout=PATIENCE_S) for worker in finished)
        for one in cancelling:
            one.result(timeout=PATIENCE_S)
    assert segment_states(database_url, job_id).count("done") == done
    assert set(segment_states(database_url, job_id)) <= {"done", "pending"}
    started = [v for v in videos if video(database_url, v).segments_done]
    assert owed(database_url) == [(AGGREGATE, v) for v in started]
    assert {video_state(database_url, v) for v in set(videos) - set(started)} <= {VideoState.CANCELLED}
    check_counters(database_url)
