"""Videos that cannot be reached: waited for without being counted, and given up as a whole; on a real PostgreSQL."""

from __future__ import annotations

from sqlalchemy.orm import Session

from db.engine import session
from db.jobs import control
from db.jobs.videos import step_away
from db.queue import outbox, scheduler, segment_moves
from db.queue import unreachable as db_away
from db.states import JobState, SegmentState, Stage, VideoState
from tests.support.database import (
    DETECTING,
    LEASE_S,
    READING,
    SAID,
    away,
    begin,
    begun,
    delay_s,
    detect,
    fail,
    finish,
    job,
    make_job,
    no_waiting,
    overlap,
    owed,
    read,
    run_sql,
    stored,
    take,
    take_steps,
    video,
    waits_for,
    work,
)
from tests.support.tables.counters import check_counters

GIVEN_UP = f"Its video was away for more than 1800 s: {SAID}"


def long_ago(url: str) -> None:
    """What is away has been so for an hour, and somebody has just looked."""
    run_sql(url, "UPDATE videos SET away_since = now() - interval '1 hour', away_looked_at = now()")


def test_a_segment_whose_video_is_away_waits_and_is_counted_nowhere(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 1)
    since = None
    for attempt in range(1, segment_moves.MAX_FAILURES + segment_moves.MAX_LOSSES + 2):
        (segment,) = take(database_url)
        assert segment.attempt == attempt
        assert begin(database_url, segment, DETECTING)
        assert away(database_url, segment)
        row = stored(database_url, segment.segment_id)
        assert (row.state, row.problem, row.lease_until) == (SegmentState.PENDING, SAID, None)
        assert (row.failures, row.losses) == (0, 0)
        assert segment_moves.TROUBLE_DELAY_S / 2 <= delay_s(row) <= segment_moves.TROUBLE_DELAY_S
        assert waits_for(database_url, job_id) == SAID
        since = since or video(database_url, video_id).away_since
        assert video(database_url, video_id).away_since == since is not None, "since the first time"
        assert take(database_url) == [], "it waits"
        no_waiting(database_url)
    assert not away(database_url, segment), "it has been put back already"


def test_a_video_is_there_again_with_the_first_segment_that_is_done(database_url: str) -> None:
    _, (one, other) = make_job(database_url, 3, 1)
    first, second, third, beside = begun(database_url)
    assert away(database_url, first)
    assert away(database_url, beside)
    for _ in range(segment_moves.MAX_FAILURES):
        assert fail(database_url, second)
        run_sql(database_url, "UPDATE segments SET not_before = NULL WHERE id = :id", id=second.segment_id)
        if stored(database_url, second.segment_id).state is SegmentState.QUARANTINED:
            break
        (second,) = begun(database_url)
    assert video(database_url, one).away_since is not None, "a segment that failed has not shown that it is there"
    with session(database_url) as db:
        assert segment_moves.nothing_to_read(db, third.segment_id, third.attempt, 80, None)
    assert video(database_url, one).away_since is None
    assert video(database_url, other).away_since is not None, "of another one nothing was done"
    check_counters(database_url)


def test_a_video_that_is_away_for_too_long_is_given_up_as_a_whole(database_url: str) -> None:
    _, (video_id, other) = make_job(database_url, 6, 1)
    segments = take(database_url, window=5)
    done, to_read, held, asks, again = segments
    work(database_url, done)
    assert detect(database_url, to_read)
    assert begin(database_url, to_read, READING)
    assert fail(database_url, to_read)
    for segment in (held, asks, again):
        assert begin(database_url, segment, DETECTING)
    assert away(database_url, again)
    long_ago(database_url)
    assert away(database_url, asks)

    by_index = {s.index: stored(database_url, s.segment_id) for s in segments}
    assert by_index[1].state is SegmentState.PENDING
    assert by_index[1].step is Stage.READ, "its crops are there: it needs no video"
    assert by_index[2].state is DETECTING, "whoever holds it will see for himself"
    for index in (3, 4):
        assert (by_index[index].state, by_index[index].problem) == (SegmentState.QUARANTINED, GIVEN_UP)
        assert (by_index[index].not_before, by_index[index].lease_until) == (None, None)
    row = video(database_url, video_id)
    assert (row.state, row.segments_done, row.segments_quarantined) == (VideoState.PROCESSING, 1, 3)
    assert video(database_url, other).segments_quarantined == 0
    assert owed(database_url) == []
    check_counters(database_url)

    assert away(database_url, held), "the next one is given up at once"
    assert stored(database_url, held.segment_id).state is SegmentState.QUARANTINED
    assert owed(database_url) == []
    no_waiting(database_url)
    last = next(s for s in take(database_url) if s.segment_id == to_read.segment_id)
    assert last.only_read
    assert read(database_url, last)
    assert owed(database_url) == [(outbox.AGGREGATE, video_id)]
    assert video(database_url, video_id).state is VideoState.AGGREGATING
    check_counters(database_url)


def test_giving_a_video_up_that_this_completes_owes_its_aggregation_once(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 40)
    one, two = begun(database_url, window=2)
    with session(database_url) as db:
        assert segment_moves.nothing_to_read(db, one.segment_id, one.attempt, 80, None)
    assert away(database_url, two)
    long_ago(database_url)
    no_waiting(database_url)
    last = next(s for s in take(database_url, window=1))
    assert begin(database_url, last, DETECTING)
    assert away(database_url, last)
    row = video(database_url, video_id)
    assert (row.state, row.segments_done, row.segments_quarantined) == (VideoState.AGGREGATING, 1, 39)
    assert owed(database_url) == [(outbox.AGGREGATE, video_id)]
    assert take(database_url) == []
    check_counters(database_url)

    assert control.retry(database_url, job_id, failed=True, quarantined=True) == (0, 0), "it is not put together yet"
    with session(database_url) as db:
        assert outbox.begin(db, outbox.AGGREGATE, video_id, LEASE_S)
    assert video(database_url, video_id).away_since is not None


def test_two_workers_give_the_same_video_up_at_once(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 5)
    one, two = begun(database_url, window=2)
    long_ago(database_url)
    overlap(
        database_url,
        lambda db: db_away.unreachable(db, one.segment_id, one.attempt, SAID),
        lambda db: db_away.unreachable(db, two.segment_id, two.attempt, SAID),
    )
    row = video(database_url, video_id)
    assert (row.state, row.segments_quarantined) == (VideoState.AGGREGATING, 5)
    assert owed(database_url) == [(outbox.AGGREGATE, video_id)]
    check_counters(database_url)


def test_a_dispatcher_that_sends_meanwhile_keeps_what_it_sent(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 3)
    (one,) = begun(database_url, window=1)
    long_ago(database_url)
    sent: list[segment_moves.Dispatched] = []

    def sends(db: Session) -> None:
        sent.extend(scheduler.take_pending(db, 2, 1000))

    overlap(database_url, sends, lambda db: db_away.unreachable(db, one.segment_id, one.attempt, SAID))
    (other,) = sent
    assert stored(database_url, other.segment_id).state is SegmentState.QUEUED
    row = video(database_url, video_id)
    assert (row.state, row.segments_quarantined) == (VideoState.PROCESSING, 2)
    check_counters(database_url)


def test_time_in_which_nobody_looks_is_no_time_away(database_url: str) -> None:
    """The job was paused, or the workers were down."""
    _, (video_id,) = make_job(database_url, 1)
    (segment,) = begun(database_url)
    assert away(database_url, segment)
    run_sql(
        database_url,
        "UPDATE videos SET away_since = now() - interval '1 hour', away_looked_at = now() - interval '10 min'",
    )
    no_waiting(database_url)
    (segment,) = begun(database_url)
    assert away(database_url, segment)
    row = video(database_url, video_id)
    assert row.segments_quarantined == 0
    assert row.away_since == row.away_looked_at is not None, "it begins anew"


def test_the_longer_a_video_is_away_the_less_often_somebody_looks(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 1)
    for minutes, least_s, most_s in ((0, 10, 20), (10, 30, 60), (29, 60, 120)):
        run_sql(
            database_url,
            "UPDATE videos SET away_since = now() - :m * interval '1 min', away_looked_at = now() WHERE id = :video",
            m=minutes, video=video_id,
        )  # fmt: skip
        no_waiting(database_url)
        (segment,) = begun(database_url)
        assert away(database_url, segment)
        assert least_s <= delay_s(stored(database_url, segment.segment_id)) <= most_s + 1


def test_what_is_read_says_nothing_of_a_video_and_what_is_detected_does(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 4)
    to_read, other, last = take(database_url, window=3)
    assert detect(database_url, to_read)
    for segment in (other, last):
        assert begin(database_url, segment, DETECTING)
    assert away(database_url, other)
    assert begin(database_url, to_read, READING)
    with session(database_url) as db:
        assert finish(db, to_read)
    assert video(database_url, video_id).away_since is not None
    with session(database_url) as db:
        assert segment_moves.detected(db, last.segment_id, last.attempt, 80, None)
    assert video(database_url, video_id).away_since is None
    check_counters(database_url)


def test_an_opening_waits_and_is_given_up_after_its_time(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    before: list[outbox.HeldTask] = []
    for _ in range(outbox.MAX_FAILURES + 2):
        (message,) = take_steps(database_url)
        with session(database_url) as db:
            held = outbox.begin(db, outbox.PROBE, message.key, LEASE_S)
            assert held is not None
            assert held.failures == 0
            step_away(db, held, SAID)
            before.append(held)
        assert take_steps(database_url) == [], "it waits"
        assert waits_for(database_url, job_id) == SAID
        assert video(database_url, video_id).away_since is not None
        no_waiting(database_url)
    with session(database_url) as db:
        assert outbox.exhausted(db) == []
        step_away(db, before[0], "One who has been overtaken.")
    assert waits_for(database_url, job_id) == SAID

    long_ago(database_url)
    take_steps(database_url)
    with session(database_url) as db:
        held = outbox.begin(db, outbox.PROBE, video_id, LEASE_S)
        assert held is not None
        step_away(db, held, SAID)
    row = video(database_url, video_id)
    assert (row.state, row.problem) == (VideoState.FAILED, f"Opening it was given up after 1800 s: {SAID}")
    assert (job(database_url, job_id).state, owed(database_url)) == (JobState.FINISHED, [])
    check_counters(database_url)
    assert control.retry(database_url, job_id, failed=True, quarantined=False) == (1, 0)
    row = video(database_url, video_id)
    assert (row.state, row.problem, row.away_since) == (VideoState.REGISTERED, None, None)
