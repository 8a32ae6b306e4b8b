"""Which segment is due, on a real PostgreSQL: windows, shares, the express queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest
from sqlalchemy import select, update

from db.engine import session
from db.jobs import control
from db.models import Job, Segment
from db.queue import scheduler
from db.queue.segment_moves import Dispatched, described
from db.states import JobState, Priority, SegmentState
from tests.support.database import (
    DETECTING,
    READING,
    begin,
    begun,
    detect,
    fail,
    job,
    make_job,
    no_waiting,
    read,
    run_sql,
    stored,
    take,
    work,
)

LOW, NORMAL, HIGH = Priority.LOW, Priority.NORMAL, Priority.HIGH


def in_flight(url: str) -> Counter[int]:
    """Segments on the way by job."""
    flying = select(Segment.job_id).where(Segment.state.in_(("queued", "detecting", "detected", "reading")))
    with session(url) as db:
        return Counter(db.scalars(flying))


def waiting_for_detection(url: str) -> int:
    with session(url) as db:
        return len(db.scalars(select(Segment.id).where(Segment.state == SegmentState.QUEUED)).all())


def test_the_window_counts_what_is_in_flight_of_each_job(database_url: str) -> None:
    make_job(database_url, 5)
    first = take(database_url, window=2)
    assert [s.index for s in first] == [0, 1]
    assert take(database_url, window=2) == []

    make_job(database_url, 3)
    assert len(take(database_url, window=2)) == 2, "another job has a window of its own"

    assert detect(database_url, first[0])
    assert take(database_url, window=2) == [], "a detected segment still flies"
    assert read(database_url, first[0])
    assert [s.index for s in take(database_url, window=2)] == [2]
    assert take(database_url, window=1) == [], "a smaller window is no error"


def test_more_workers_have_more_segments_of_a_job(database_url: str) -> None:
    make_job(database_url, 40)
    held = 0
    for number in (2, 2, 4, 8):
        taken = take(database_url, window=2)
        assert len(taken) == number, "twice as many on the way as workers hold"
        assert take(database_url, window=2) == []
        for segment in taken:
            assert begin(database_url, segment, DETECTING)
        held += number
    assert in_flight(database_url).total() == held == 16


def test_what_waits_for_another_attempt_keeps_its_place_in_the_window(database_url: str) -> None:
    """Or a job whose every segment fails would send out all of them before the first is given up."""
    make_job(database_url, 5)
    bad, other = take(database_url, window=2)
    assert begin(database_url, bad, DETECTING)
    assert fail(database_url, bad)
    assert take(database_url, window=2) == []
    work(database_url, other)
    assert [s.index for s in take(database_url, window=2)] == [2]
    no_waiting(database_url)
    assert take(database_url, window=2) != [], "its time has come"
    assert stored(database_url, bad.segment_id).state is SegmentState.QUEUED


def test_jobs_take_turns_and_videos_go_in_order(database_url: str) -> None:
    _, (a1, a2) = make_job(database_url, 2, 2)
    _, (b1,) = make_job(database_url, 3)
    taken = take(database_url)
    with session(database_url) as db:
        order = [(db.get_one(Segment, s.segment_id).video_id, s.index) for s in taken]
    assert order == [(a1, 0), (b1, 0), (a1, 1), (b1, 1), (a2, 0), (b1, 2), (a2, 1)]


@pytest.mark.parametrize("state", [JobState.PAUSED, JobState.CANCELLED])
def test_nothing_is_taken_of_a_job_that_does_not_run(database_url: str, state: JobState) -> None:
    held, _ = make_job(database_url, 2)
    other, _ = make_job(database_url, 1)
    run_sql(database_url, "UPDATE jobs SET state = :state WHERE id = :job", state=state.value, job=held)
    taken = take(database_url)
    assert [stored(database_url, s.segment_id).job_id for s in taken] == [other]


def test_a_paused_job_goes_on_where_it_was(database_url: str) -> None:
    job_id, _ = make_job(database_url, 3)
    (first,) = take(database_url, window=1)
    control.pause(database_url, job_id)
    assert take(database_url) == []
    work(database_url, first)
    control.resume(database_url, job_id)
    assert [s.index for s in take(database_url)] == [1, 2]


def test_jobs_share_by_their_priority(database_url: str) -> None:
    """16 to 4 to 1 of what is in flight, while all want more than they get."""
    jobs = {priority: make_job(database_url, 200, priority=priority)[0] for priority in (LOW, NORMAL, HIGH)}
    assert len(take(database_url, window=200, depth=21)) == 21
    flying = in_flight(database_url)
    assert [flying[jobs[priority]] for priority in (LOW, NORMAL, HIGH)] == [1, 4, 16]


def worked(url: str, depth: int) -> Iterator[int]:
    """Do one segment after the other, the express queue first, with `depth` waiting; gives the job of each."""
    queue: list[Dispatched] = []
    while queue := sorted(queue + take(url, window=200, depth=depth), key=lambda one: not one.express):
        segment = queue.pop(0)
        work(url, segment)
        yield stored(url, segment.segment_id).job_id


@pytest.mark.parametrize("depth", [1, 8])
def test_shares_hold_while_work_is_done(database_url: str, depth: int) -> None:
    """However few are on the way at once."""
    jobs = {make_job(database_url, 200, priority=priority)[0]: priority for priority in (LOW, NORMAL, HIGH)}
    done = Counter(jobs[job_id] for job_id in islice(worked(database_url, depth), 63))
    assert done[HIGH] == pytest.approx(48, abs=3)
    assert done[NORMAL] == pytest.approx(12, abs=2)
    assert done[LOW] == pytest.approx(3, abs=1)


@pytest.mark.parametrize(("depth", "first"), [(scheduler.LEAST_DEPTH, LOW), (16, HIGH)])
def test_an_important_job_keeps_its_share_beside_hundreds_that_begin(
    database_url: str, depth: int, first: Priority
) -> None:
    """300 of weight 1 and one of 16: 16 of 316 segments, 15 of 288."""
    important = make_job(database_url, 60, priority=HIGH)[0] if first is HIGH else 0
    crowd = {make_job(database_url, 2)[0] for _ in range(300)}
    run_sql(database_url, "UPDATE jobs SET priority = 'low' WHERE id = ANY(:crowd)", crowd=list(crowd))
    important = important or make_job(database_url, 60, priority=HIGH)[0]
    done = Counter(islice(worked(database_url, depth), 288))
    assert done[important] == pytest.approx(15, abs=3)
    assert max(done[one] for one in crowd) == 1, "nobody twice before all have had their turn"


def test_a_crowd_that_comes_later_leaves_the_important_one_its_share(database_url: str) -> None:
    important, _ = make_job(database_url, 200, priority=HIGH)
    done = worked(database_url, 8)
    assert set(islice(done, 40)) == {important}
    for _ in range(100):
        make_job(database_url, 2, priority=LOW)
    # 16 of 116, and those of the important one that were on the way.
    assert Counter(islice(done, 88))[important] == pytest.approx(12 + 8, abs=5)


def test_who_comes_late_begins_where_the_others_are(database_url: str) -> None:
    """It neither catches up on what they have had, nor waits for what they will have."""
    early, _ = make_job(database_url, 200)
    done = worked(database_url, 4)
    assert set(islice(done, 24)) == {early}
    late, _ = make_job(database_url, 200)
    assert Counter(islice(done, 24))[late] == pytest.approx(12, abs=3)


def test_a_job_that_was_paused_does_not_catch_up(database_url: str) -> None:
    one, two = (make_job(database_url, 200)[0] for _ in range(2))
    done = worked(database_url, 2)
    control.pause(database_url, two)
    assert Counter(islice(done, 24))[one] >= 22
    control.resume(database_url, two)
    assert Counter(islice(done, 24))[one] == pytest.approx(12, abs=3)


def test_a_job_whose_row_is_held_keeps_nobody_waiting(database_url: str) -> None:
    """Who ends a video of it counts that in the job's row."""
    job_id, _ = make_job(database_url, 20)
    with session(database_url) as db:
        db.execute(update(Job).where(Job.id == job_id).values(videos=Job.videos))
        assert len(take(database_url, depth=4)) == 4
    assert job(database_url, job_id).turn == 0
    assert len(take(database_url, depth=6)) == 2
    assert job(database_url, job_id).turn > 0


def test_equal_jobs_get_equal_shares_however_long_they_are(database_url: str) -> None:
    jobs = [make_job(database_url, count)[0] for count in (100, 20, 100)]
    take(database_url, window=50, depth=30)
    assert [in_flight(database_url)[job] for job in jobs] == [10, 10, 10]


def test_little_waits_for_detection_over_all_jobs(database_url: str) -> None:
    for _ in range(3):
        make_job(database_url, 50)
    taken = take(database_url, depth=scheduler.LEAST_DEPTH)
    assert len(taken) == waiting_for_detection(database_url) == scheduler.LEAST_DEPTH
    assert take(database_url, depth=scheduler.LEAST_DEPTH) == []
    for detecting in range(1, 7):
        segment = taken.pop(0)
        assert begin(database_url, segment, DETECTING)
        taken += take(database_url, depth=scheduler.LEAST_DEPTH)
        assert waiting_for_detection(database_url) == max(scheduler.LEAST_DEPTH, 2 * detecting)


def test_a_job_with_nothing_on_the_way_sends_one_at_once_however_full_the_queues_are(database_url: str) -> None:
    make_job(database_url, 50)
    first, *others = take(database_url, depth=4)
    assert (first.express, {s.express for s in others}) == (True, {False})
    small, (video_id,) = make_job(database_url, 3, priority=LOW)
    (one,) = take(database_url, depth=4)
    assert (stored(database_url, one.segment_id).video_id, one.index, one.express) == (video_id, 0, True)
    assert take(database_url, depth=4) == [], "the next waits its turn"
    work(database_url, one)
    assert take(database_url, depth=4) == [], "or it would overtake the others with every segment"
    run_sql(database_url, "UPDATE segments SET moved_at = now() - interval '15 s' WHERE id = :id", id=one.segment_id)
    assert take(database_url, depth=4) == []
    run_sql(database_url, "UPDATE segments SET moved_at = now() - interval '17 s' WHERE id = :id", id=one.segment_id)
    (two,) = take(database_url, depth=4)
    assert (two.index, two.express, in_flight(database_url)[small]) == (1, True, 1)


@pytest.mark.parametrize(("priority", "seconds"), [(LOW, 16), (NORMAL, 4), (HIGH, 1)])
def test_the_express_is_for_a_job_of_which_nothing_has_ended_lately(
    database_url: str, priority: Priority, seconds: int
) -> None:
    make_job(database_url, 5, priority=priority)
    (first,) = take(database_url, window=1)
    work(database_url, first)
    for ago, express in ((seconds - 0.5, False), (seconds + 0.5, True)):
        run_sql(
            database_url,
            "UPDATE segments SET moved_at = now() - :ago * interval '1 s' WHERE state = 'done'",
            ago=ago,
        )
        (segment,) = take(database_url, window=1)
        assert segment.express is express
        work(database_url, segment)


def test_a_job_whose_only_segment_waits_for_another_attempt_does_not_use_the_express(database_url: str) -> None:
    make_job(database_url, 1)
    (segment,) = begun(database_url)
    assert fail(database_url, segment)
    assert take(database_url, depth=0) == []
    no_waiting(database_url)
    (again,) = take(database_url, depth=0)
    assert (again.segment_id, again.attempt, again.express) == (segment.segment_id, 2, True)


def test_what_only_has_to_be_read_goes_to_the_read_queue_past_the_depth(database_url: str) -> None:
    make_job(database_url, 4)
    for segment in begun(database_url, step=READING):
        assert fail(database_url, segment)
    no_waiting(database_url)
    make_job(database_url, 10)
    again = take(database_url, window=3, depth=1)
    reading = [s for s in again if s.only_read]
    assert [s.index for s in reading] == [0, 1, 2], "the window counts for them too"
    assert {stored(database_url, s.segment_id).state for s in reading} == {SegmentState.DETECTED}
    assert [s.express for s in reading] == [True, False, False]
    assert all(s.attempt == 2 for s in reading)
    for segment in reading:
        assert read(database_url, segment)


def test_a_segment_that_is_sent_out_starts_clean(database_url: str) -> None:
    make_job(database_url, 1)
    (segment,) = begun(database_url)
    assert fail(database_url, segment)
    no_waiting(database_url)
    (again,) = take(database_url)
    row = stored(database_url, again.segment_id)
    assert (row.worker, row.lease_until, row.not_before, row.attempt) == (None, None, None, 2)
    assert (again.duration_s, again.video) == (10.0, "/cam/0.mp4")


def test_segments_that_are_sent_again_are_described_as_they_were(database_url: str) -> None:
    make_job(database_url, 1)
    (sent,) = take(database_url)
    with session(database_url) as db:
        assert described(db, [sent.segment_id]) == [replace(sent, express=False)]
        assert described(db, []) == []
