"""The segments' moves on a real PostgreSQL: attempts, failures and losses, the end of a video."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from db.engine import session
from db.findings.stage_results import segment_problems
from db.models import OutboxRow, Segment
from db.queue import outbox, scheduler, segment_moves
from db.states import SegmentState, Stage, VideoState
from pipeline.job_options import JobOptions
from tests.support.database import (
    DETECTING,
    LEASE_S,
    READING,
    SILENT,
    begin,
    begun,
    count,
    delay_s,
    detect,
    fail,
    finish,
    lose,
    make_job,
    no_waiting,
    overlap,
    owed,
    quarantine,
    read,
    run_sql,
    stored,
    take,
    video,
    work,
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
        assert segment_moves.detected(db, segment.segment_id, segment.attempt, 80, "A torn frame.")
    row = stored(database_url, segment.segment_id)
    assert (row.state, row.frames_looked, row.damage) == (SegmentState.DETECTED, 80, "A torn frame.")
    assert row.lease_until is None

    assert begin(database_url, segment, READING)
    with session(database_url) as db:
        assert finish(db, segment)
    row = stored(database_url, segment.segment_id)
    assert (row.state, row.problem, row.lease_until) == (SegmentState.DONE, "A torn frame.", None)
    assert video(database_url, video_id).state is VideoState.AGGREGATING
    assert owed(database_url) == [(outbox.AGGREGATE, video_id)]


def test_what_the_work_needs_comes_with_the_lease(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 2, options=JobOptions(sample_fps=4.0))
    first, second = take(database_url)
    with session(database_url) as db:
        row = segment_moves.begin(db, second.segment_id, second.attempt, DETECTING, "host:1", LEASE_S)
    assert row is not None
    assert (row["job_id"], row["video_id"], row["options"]) == (job_id, video_id, JobOptions(sample_fps=4.0).as_json())
    assert (row["index"], row["start_pts"], row["end_pts"]) == (1, 10_000, 20_000)
    assert (row["path"], row["video_start_pts"], row["video_end_pts"]) == ("/cam/0.mp4", 0, 20_000)
    assert not row["recovered"]
    run_sql(database_url, "UPDATE videos SET recovered = true")
    with session(database_url) as db:
        row = segment_moves.begin(db, first.segment_id, first.attempt, DETECTING, "host:1", LEASE_S)
    assert row is not None
    assert row["recovered"]


def test_a_message_counts_once(database_url: str) -> None:
    make_job(database_url, 1)
    (segment,) = take(database_url)
    assert not begin(database_url, segment, READING), "reading before detecting"
    assert begin(database_url, segment, DETECTING)
    assert not begin(database_url, segment, DETECTING), "delivered twice"


def test_a_stale_attempt_changes_nothing(database_url: str) -> None:
    make_job(database_url, 1)
    (old,) = begun(database_url)
    assert fail(database_url, old)
    run_sql(database_url, "UPDATE segments SET not_before = NULL")
    (new,) = take(database_url)
    assert new.attempt == old.attempt + 1
    assert not begin(database_url, old, DETECTING), "the first message comes again while the second waits"
    assert begin(database_url, new, DETECTING, "host:2")
    before = stored(database_url, new.segment_id)

    assert not begin(database_url, old, DETECTING)
    with session(database_url) as db:
        assert not segment_moves.renew(db, old.segment_id, old.attempt, LEASE_S)
        assert not segment_moves.detected(db, old.segment_id, old.attempt, 1, None)
        assert not finish(db, old)
        assert not segment_moves.put_back(db, old.segment_id, old.attempt, "Too late.")
    assert not fail(database_url, old, "Too late.")
    assert not lose(database_url, old)

    after = stored(database_url, new.segment_id)
    columns = Segment.__table__.columns.keys()
    assert {name: getattr(after, name) for name in columns} == {name: getattr(before, name) for name in columns}


def test_two_dispatchers_send_each_segment_once_and_do_not_wait(database_url: str) -> None:
    make_job(database_url, 6)
    with session(database_url) as one:
        mine = scheduler.take_pending(one, 4, 100)
        with session(database_url) as other:
            other.execute(text("SET LOCAL lock_timeout = '1s'"))
            assert scheduler.take_pending(other, 6, 100) == [], "the other has its turn"
    assert sorted(s.index for s in [*mine, *take(database_url, window=6)]) == [0, 1, 2, 3, 4, 5]


def test_a_failed_attempt_waits_longer_each_time_and_ends_in_quarantine(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 1)
    for failures in range(1, segment_moves.MAX_FAILURES + 1):
        (segment,) = take(database_url)
        assert segment.attempt == failures
        assert begin(database_url, segment, DETECTING)
        assert fail(database_url, segment, f"Broke {failures} times.")
        row = stored(database_url, segment.segment_id)
        assert (row.failures, row.losses, row.lease_until) == (failures, 0, None)
        if failures < segment_moves.MAX_FAILURES:
            assert row.state is SegmentState.PENDING
            assert take(database_url) == [], "it waits"
            whole_s = segment_moves.RETRY_DELAY_S * 2 ** (failures - 1)
            assert 0.5 * whole_s <= delay_s(row) <= whole_s
            no_waiting(database_url)

    assert (row.state, row.problem) == (SegmentState.QUARANTINED, f"Broke {segment_moves.MAX_FAILURES} times.")
    assert take(database_url) == []
    assert video(database_url, video_id).state is VideoState.AGGREGATING, "the video goes on without it"
    assert owed(database_url) == [(outbox.AGGREGATE, video_id)]
    with session(database_url) as db:
        assert [(s.index, given_up) for s, given_up in segment_problems(db, video_id)] == [(0, True)]
    assert not fail(database_url, segment), "an end is an end"


def test_what_failed_together_does_not_come_back_together(database_url: str) -> None:
    make_job(database_url, 30)
    delays = []
    for segment in take(database_url):
        assert begin(database_url, segment, DETECTING)
        assert fail(database_url, segment)
        delays.append(delay_s(stored(database_url, segment.segment_id)))
    shortest, longest = segment_moves.RETRY_DELAY_S / 2, segment_moves.RETRY_DELAY_S
    assert all(shortest <= delay <= longest for delay in delays)
    assert max(delays) - min(delays) > (longest - shortest) / 3
    assert len(set(delays)) > 20


def test_the_delay_stops_growing(database_url: str) -> None:
    make_job(database_url, 1)
    (segment,) = take(database_url)
    run_sql(database_url, "UPDATE segments SET failures = 2, losses = 4")
    assert begin(database_url, segment, DETECTING)
    with session(database_url) as db, pytest.MonkeyPatch.context() as patch:
        patch.setattr(segment_moves, "LONGEST_DELAY_S", 10.0)
        assert segment_moves.failed(db, segment.segment_id, segment.attempt, "It broke.")
    assert 5.0 <= delay_s(stored(database_url, segment.segment_id)) <= 10.0


def test_failures_and_losses_are_counted_apart(database_url: str) -> None:
    """A worker may die for reasons of its own; so a segment may lose more workers than it may fail."""
    make_job(database_url, 1)
    counted = []
    for give_up in (fail, lose, lose, fail, lose, lose, fail):
        (segment,) = begun(database_url)
        assert give_up(database_url, segment)
        row = stored(database_url, segment.segment_id)
        assert row.state is SegmentState.PENDING
        counted.append((row.failures, row.losses))
        no_waiting(database_url)
    assert counted == [(1, 0), (1, 1), (1, 2), (2, 2), (2, 3), (2, 4), (3, 4)]
    (segment,) = begun(database_url)
    assert lose(database_url, segment)
    row = stored(database_url, segment.segment_id)
    assert (row.state, row.problem, row.failures, row.losses) == (SegmentState.QUARANTINED, SILENT, 3, 5)


def test_an_infrastructure_failure_uses_up_no_attempt(database_url: str) -> None:
    make_job(database_url, 1)
    for attempt in range(1, segment_moves.MAX_FAILURES + segment_moves.MAX_LOSSES + 2):
        (segment,) = take(database_url)
        assert segment.attempt == attempt
        assert begin(database_url, segment, DETECTING)
        with session(database_url) as db:
            assert segment_moves.put_back(db, segment.segment_id, segment.attempt, "The disk is full.")
        row = stored(database_url, segment.segment_id)
        assert (row.state, row.problem, row.lease_until) == (SegmentState.PENDING, "The disk is full.", None)
        assert (row.failures, row.losses) == (0, 0)
        assert segment_moves.TROUBLE_DELAY_S / 2 <= delay_s(row) <= segment_moves.TROUBLE_DELAY_S
        assert take(database_url) == [], "it waits"
        no_waiting(database_url)
    (segment,) = take(database_url)
    work(database_url, segment)
    assert stored(database_url, segment.segment_id).problem is None, "what was in the way is forgotten"


def test_a_reading_that_failed_is_all_that_is_done_again(database_url: str) -> None:
    make_job(database_url, 1)
    (segment,) = take(database_url)
    assert detect(database_url, segment, damage="A torn frame.")
    for only_read in (True, True):
        assert begin(database_url, segment, READING)
        assert not begin(database_url, segment, DETECTING)
        assert fail(database_url, segment)
        no_waiting(database_url)
        (segment,) = take(database_url)
        assert segment.only_read is only_read
        assert stored(database_url, segment.segment_id).state is SegmentState.DETECTED
    assert read(database_url, segment)
    row = stored(database_url, segment.segment_id)
    assert (row.state, row.problem) == (SegmentState.DONE, "A torn frame.")


def test_detection_is_done_again_where_its_pictures_are_gone(database_url: str) -> None:
    make_job(database_url, 1)
    (segment,) = begun(database_url, step=READING)
    assert fail(database_url, segment, "A crop is gone.", from_detect=True)
    assert stored(database_url, segment.segment_id).step is Stage.DETECT
    no_waiting(database_url)
    (again,) = take(database_url)
    assert (again.only_read, stored(database_url, again.segment_id).state) == (False, SegmentState.QUEUED)
    work(database_url, again)


def test_the_problem_of_a_failed_attempt_goes_with_success(database_url: str) -> None:
    make_job(database_url, 1)
    (segment,) = begun(database_url)
    assert fail(database_url, segment, "Out of memory.")
    assert stored(database_url, segment.segment_id).problem == "Out of memory."
    no_waiting(database_url)
    (segment,) = take(database_url)
    work(database_url, segment)
    row = stored(database_url, segment.segment_id)
    assert (row.problem, row.damage, row.failures) == (None, None, 1)


def test_one_bad_stretch_costs_that_segment(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 3)
    segments = take(database_url)
    quarantine(database_url, segments[1], "It kills.")
    for segment in (segments[0], segments[2]):
        assert video(database_url, video_id).state is VideoState.PROCESSING
        work(database_url, segment)
    row = video(database_url, video_id)
    assert (row.state, row.segments_done, row.segments_quarantined) == (VideoState.AGGREGATING, 2, 1)
    with session(database_url) as db:
        ((bad, given_up),) = segment_problems(db, video_id)
    assert (bad.start_s, bad.end_s, bad.problem, given_up) == (10.0, 20.0, "It kills.", True)


def test_the_last_two_segments_at_once_post_one_aggregation(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 3)
    segments = begun(database_url, step=READING)
    with session(database_url) as db:
        finish(db, segments[0])
    assert count(database_url, OutboxRow) == 0

    overlap(database_url, lambda db: finish(db, segments[1]), lambda db: finish(db, segments[2]))

    assert video(database_url, video_id).state is VideoState.AGGREGATING
    assert owed(database_url) == [(outbox.AGGREGATE, video_id)]


def test_many_workers_ending_many_videos(database_url: str) -> None:
    _, videos = make_job(database_url, *[4] * 6)
    segments = begun(database_url, step=READING)
    start = threading.Barrier(4)

    def work(mine: Iterable[segment_moves.Dispatched]) -> None:
        start.wait()
        for segment in mine:
            with session(database_url) as db:
                finish(db, segment)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, [segments[i::4] for i in range(4)]))
    assert owed(database_url) == [(outbox.AGGREGATE, video_id) for video_id in videos]
