"""The segments' moves on a real PostgreSQL: the window, leases, attempts, the barrier."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from db import moves, outbox
from db.engine import session
from db.models import (
    OutboxRow,
    Segment,
    Video,
)
from db.results import (
    end_video,
    segment_problems,
)
from pipeline.records import (
    SegmentState,
    VideoState,
)
from tests.helpers_db import (
    DETECTING,
    LEASE_S,
    READING,
    begin,
    count,
    detect,
    fail,
    finish,
    make_job,
    overlap,
    run_sql,
    stored,
    take,
    until,
    waiting,
)


def test_a_segment_goes_the_whole_way(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 1)
    (segment,) = take(database_url)
    assert (segment.attempt, segment.video, segment.index, segment.only_read) == (1, "/cam/0.mp4", 0, False)
    assert stored(database_url, segment.segment_id).state is SegmentState.QUEUED

    assert begin(database_url, segment, DETECTING, "camelot:7")
    row = stored(database_url, segment.segment_id)
    assert (row.state, row.worker) == (DETECTING, "camelot:7")
    assert row.lease_until is not None

    with session(database_url) as db:
        held = moves.hold(db, segment.segment_id, segment.attempt, DETECTING)
        assert held is not None
        moves.detected(held, 80, "A torn frame.")
    row = stored(database_url, segment.segment_id)
    assert (row.state, row.frames_looked, row.problem) == (SegmentState.DETECTED, 80, "A torn frame.")
    assert row.lease_until is None

    assert begin(database_url, segment, READING)
    with session(database_url) as db:
        assert finish(db, segment)
    assert stored(database_url, segment.segment_id).state is SegmentState.DONE
    with session(database_url) as db:
        assert db.get_one(Video, video_id).state is VideoState.AGGREGATING
        assert [(m.kind, m.key) for m in outbox.unsent(db, 10)] == [(outbox.AGGREGATE, video_id)]


def test_a_message_counts_once(database_url: str) -> None:
    make_job(database_url, 1)
    (segment,) = take(database_url)
    assert not begin(database_url, segment, READING), "reading before detecting"
    assert begin(database_url, segment, DETECTING)
    assert not begin(database_url, segment, DETECTING), "delivered twice"


def test_a_stale_attempt_changes_nothing(database_url: str) -> None:
    make_job(database_url, 1)
    (old,) = take(database_url)
    assert begin(database_url, old, DETECTING)
    assert fail(database_url, old)
    run_sql(database_url, "UPDATE segments SET not_before = NULL")
    (new,) = take(database_url)
    assert new.attempt == old.attempt + 1
    assert not begin(database_url, old, DETECTING), "the first message comes again while the second waits"
    assert begin(database_url, new, DETECTING, "host:2")
    before = stored(database_url, new.segment_id)

    assert not begin(database_url, old, DETECTING)
    with session(database_url) as db:
        assert not moves.renew(db, old.segment_id, old.attempt, LEASE_S)
        assert moves.hold(db, old.segment_id, old.attempt, DETECTING) is None
    assert not fail(database_url, old, "Too late.")

    after = stored(database_url, new.segment_id)
    assert (after.state, after.attempt, after.worker, after.lease_until, after.problem) == (
        before.state, before.attempt, before.worker, before.lease_until, before.problem,
    )  # fmt: skip


def test_the_window_counts_what_is_in_flight_of_each_job(database_url: str) -> None:
    make_job(database_url, 5)
    first = take(database_url, window=2)
    assert [s.index for s in first] == [0, 1]
    assert take(database_url, window=2) == []

    make_job(database_url, 3)
    assert len(take(database_url, window=2)) == 2, "another job has a window of its own"

    assert detect(database_url, first[0])
    assert take(database_url, window=2) == [], "a detected segment still flies"
    assert begin(database_url, first[0], READING)
    with session(database_url) as db:
        finish(db, first[0])
    assert [s.index for s in take(database_url, window=2)] == [2]
    assert take(database_url, window=1) == [], "a smaller window is no error"


def test_jobs_take_turns_and_videos_go_in_order(database_url: str) -> None:
    _, (a1, a2) = make_job(database_url, 2, 2)
    _, (b1,) = make_job(database_url, 3)
    taken = take(database_url)
    with session(database_url) as db:
        order = [(db.get_one(Segment, s.segment_id).video_id, s.index) for s in taken]
    assert order == [(a1, 0), (b1, 0), (a1, 1), (b1, 1), (a2, 0), (b1, 2), (a2, 1)]


def test_nothing_is_taken_of_what_has_ended(database_url: str) -> None:
    job_id, (video_id, _) = make_job(database_url, 1, 1)
    with session(database_url) as db:
        end_video(db, video_id, VideoState.FAILED, "No.")
    run_sql(database_url, "UPDATE jobs SET finished_at = now() WHERE id = :job", job=job_id)
    assert take(database_url) == []
    run_sql(database_url, "UPDATE jobs SET finished_at = NULL")
    assert [s.video for s in take(database_url)] == ["/cam/1.mp4"]


def test_two_dispatchers_send_each_segment_once_and_do_not_wait(database_url: str) -> None:
    make_job(database_url, 6)
    taken: list[moves.Dispatched] = []
    with session(database_url) as one:
        taken += moves.take_pending(one, 4)
        with session(database_url) as other:
            other.execute(text("SET LOCAL lock_timeout = '1s'"))
            taken += moves.take_pending(other, 6)
    assert sorted(s.index for s in taken) == [0, 1, 2, 3, 4, 5]


def test_a_failed_attempt_waits_longer_each_time_and_ends_in_quarantine(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 1)
    delays = []
    for attempt in range(1, moves.MAX_ATTEMPTS + 1):
        (segment,) = take(database_url)
        assert segment.attempt == attempt
        assert begin(database_url, segment, DETECTING)
        assert fail(database_url, segment, f"Broke {attempt} times.")
        row = stored(database_url, segment.segment_id)
        if attempt < moves.MAX_ATTEMPTS:
            assert (row.state, row.lease_until) == (SegmentState.PENDING, None)
            assert take(database_url) == [], "it waits"
            assert row.not_before is not None
            delays.append((row.not_before - row.moved_at).total_seconds())
            run_sql(database_url, "UPDATE segments SET not_before = now() - interval '1 ms'")

    assert delays == [moves.RETRY_DELAY_S * 2**i for i in range(moves.MAX_ATTEMPTS - 1)]
    row = stored(database_url, segment.segment_id)
    assert (row.state, row.problem) == (SegmentState.QUARANTINED, f"Broke {moves.MAX_ATTEMPTS} times.")
    assert take(database_url) == []
    with session(database_url) as db:
        assert db.get_one(Video, video_id).state is VideoState.AGGREGATING, "the video goes on without it"
        assert [(s.index, given_up) for s, given_up in segment_problems(db, video_id)] == [(0, True)]
    assert not fail(database_url, segment), "an end is an end"


def test_the_last_two_segments_at_once_post_one_aggregation(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 3)
    segments = take(database_url)
    for segment in segments:
        assert detect(database_url, segment)
        assert begin(database_url, segment, READING)
    with session(database_url) as db:
        finish(db, segments[0])
    assert count(database_url, OutboxRow) == 0

    overlap(database_url, lambda db: finish(db, segments[1]), lambda db: finish(db, segments[2]))

    with session(database_url) as db:
        assert db.get_one(Video, video_id).state is VideoState.AGGREGATING
        assert [(m.kind, m.key) for m in outbox.unsent(db, 10)] == [(outbox.AGGREGATE, video_id)]


def test_many_workers_ending_many_videos(database_url: str) -> None:
    _, videos = make_job(database_url, *[4] * 6)
    segments = take(database_url)
    for segment in segments:
        assert detect(database_url, segment)
        assert begin(database_url, segment, READING)
    start = threading.Barrier(4)

    def work(mine: Iterable[moves.Dispatched]) -> None:
        start.wait()
        for segment in mine:
            with session(database_url) as db:
                finish(db, segment)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, [segments[i::4] for i in range(4)]))
    with session(database_url) as db:
        assert sorted(m.key for m in outbox.unsent(db, 100)) == videos


def test_a_lease_that_runs_out_is_lost_and_renewing_keeps_it(database_url: str) -> None:
    make_job(database_url, 2)
    silent, busy = take(database_url)
    assert begin(database_url, silent, DETECTING)
    assert begin(database_url, busy, DETECTING)
    with session(database_url) as db:
        assert moves.lost(db) == []
    run_sql(database_url, "UPDATE segments SET lease_until = now() - interval '1 s'")
    with session(database_url) as db:
        assert moves.renew(db, busy.segment_id, busy.attempt, LEASE_S)
    with session(database_url) as db:
        assert moves.lost(db) == [(silent.segment_id, silent.attempt)]
        assert moves.failed(db, silent.segment_id, silent.attempt, "Its worker went silent.")

    with session(database_url) as db:
        assert not moves.renew(db, silent.segment_id, silent.attempt, LEASE_S), "the worker learns of it"
        assert moves.hold(db, silent.segment_id, silent.attempt, DETECTING) is None, "its result is not stored"
    assert stored(database_url, silent.segment_id).state is SegmentState.PENDING


def test_giving_up_several_segments_does_not_deadlock_with_a_worker_that_stores(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 3)
    segments = take(database_url)
    for segment in segments:
        assert detect(database_url, segment)
        assert begin(database_url, segment, READING)
    run_sql(
        database_url,
        "UPDATE segments SET lease_until = now() - interval '1 s', attempt = :last",
        last=moves.MAX_ATTEMPTS,
    )
    late = moves.Dispatched(segments[1].segment_id, moves.MAX_ATTEMPTS, "", 1)
    holds, may_end = threading.Event(), threading.Event()

    def worker() -> None:
        with session(database_url) as db:
            row = moves.hold(db, late.segment_id, late.attempt, READING)
            assert row is not None
            holds.set()
            may_end.wait(10)
            moves.finished(db, row)

    with ThreadPoolExecutor(1) as pool:
        through = pool.submit(worker)
        assert holds.wait(10)
        with session(database_url) as db:
            given_up = moves.lost(db)
            assert [i for i, _ in given_up] == [segments[0].segment_id, segments[2].segment_id]
            assert moves.failed(db, *given_up[0], "Silent.")
            may_end.set()
            until(lambda: waiting(database_url))
            assert moves.failed(db, *given_up[1], "Silent.")
        through.result(timeout=20)
    with session(database_url) as db:
        assert [(m.kind, m.key) for m in outbox.unsent(db, 10)] == [(outbox.AGGREGATE, video_id)]


def test_stranded_segments_are_sent_again_under_the_same_number(database_url: str) -> None:
    make_job(database_url, 3)
    queued, detected, working = take(database_url)
    assert detect(database_url, detected)
    assert begin(database_url, working, DETECTING)
    with session(database_url) as db:
        assert moves.stranded(db, SegmentState.QUEUED, 10.0) == [], "too early"
    run_sql(database_url, "UPDATE segments SET moved_at = now() - interval '11 s'")

    with session(database_url) as db:
        assert moves.stranded(db, SegmentState.QUEUED, 10.0) == [queued]
        assert moves.stranded(db, SegmentState.DETECTED, 10.0) == [
            moves.Dispatched(detected.segment_id, 1, "/cam/0.mp4", 1, 10.0, only_read=True)
        ]
    with session(database_url) as db:
        assert moves.stranded(db, SegmentState.QUEUED, 10.0) == [], "it has just been sent"
