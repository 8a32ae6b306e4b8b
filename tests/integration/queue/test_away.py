"""Videos that cannot be reached: waited for without being counted, and given up as a whole; on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bench.standin import Drive, StandIn
from db.engine import session
from db.findings import queries
from db.jobs import control
from db.models import Segment
from db.queue import outbox, scheduler, segment_moves
from db.queue import unreachable as db_away
from db.queue.videos import step_away
from pipeline.errors import Away, Inaccessible
from pipeline.records import JobState, SegmentState, Step, VideoState
from tests.support.database import (
    DETECTING,
    LEASE_S,
    READING,
    begin,
    detect,
    fail,
    finish,
    job,
    make_job,
    no_waiting,
    overlap,
    owed,
    quarantine,
    read,
    run_sql,
    stored,
    take,
    take_steps,
    video,
    work,
)
from tests.support.road import Road, stand_in_road
from tests.support.tables.counters import check_counters
from workers.maintenance.sweeper import sweep
from workers.settings import settings
from workers.steps import probe, segment_stages

SAID = "a.mp4 cannot be reached."
GIVEN_UP = f"Its video was away for more than 1800 s: {SAID}"


def away(url: str, segment: segment_moves.Dispatched) -> bool:
    with session(url) as db:
        return db_away.unreachable(db, segment.segment_id, segment.attempt, SAID)


def long_ago(url: str) -> None:
    """What is away has been so for an hour, and somebody has just looked."""
    run_sql(url, "UPDATE videos SET away_since = now() - interval '1 hour', away_looked_at = now()")


def waits_for(url: str, job_id: int) -> str | None:
    with session(url) as db:
        return queries.waiting_for(db, job_id)


# Segments


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
        assert row.not_before is not None
        delay_s = (row.not_before - row.moved_at).total_seconds()
        assert segment_moves.TROUBLE_DELAY_S / 2 <= delay_s <= segment_moves.TROUBLE_DELAY_S
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
    assert by_index[1].step is Step.READ, "its crops are there: it needs no video"
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
        row = stored(database_url, segment.segment_id)
        assert row.not_before is not None
        assert least_s <= (row.not_before - row.moved_at).total_seconds() <= most_s + 1


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


# Scouts


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
    assert unpark(database_url) == 0, "there is a scout, and its video is away"
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
    (scout,) = begun(database_url, window=1)
    assert away(database_url, scout)
    no_waiting(database_url)
    (scout,) = take(database_url)
    quarantine(database_url, scout)
    assert parked(database_url) == [1, 2]
    assert unpark(database_url) == 1
    assert parked(database_url) == [2]
    assert [s.index for s in take(database_url)] == [1]
    assert unpark(database_url) == 0


def test_the_sweeper_lets_go_what_is_back(database_url: str, redis_url: str, tmp_path: Path) -> None:
    make_job(database_url, 2)
    (scout,) = begun(database_url, window=1)
    assert away(database_url, scout)
    run_sql(database_url, "UPDATE videos SET away_since = NULL")
    with stand_in_road(database_url, tmp_path, DASHPLATE_REDIS_URL=redis_url):
        sweep()
    assert parked(database_url) == []
    with session(database_url) as db:
        states = db.scalars(select(Segment.state).order_by(Segment.index)).all()
    assert states == [SegmentState.PENDING, SegmentState.QUEUED], "the scout still waits, the other is on its way"


# Openings


def test_a_cancelled_job_waits_for_nothing(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 5)
    one, two, _ = take(database_url, window=3)
    for segment in (one, two):
        assert begin(database_url, segment, DETECTING)
    assert away(database_url, one)
    unopened, (waits,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    run_sql(database_url, "UPDATE videos SET away_since = now() WHERE id = :video", video=waits)
    for cancelled in (job_id, unopened):
        control.cancel(database_url, cancelled)
    away(database_url, two)
    assert [video(database_url, v).away_since for v in (video_id, waits)] == [None, None]
    unpark(database_url)
    assert parked(database_url) == []
    with session(database_url) as db:
        assert {row["segments_delayed"] for row in queries.jobs(db, job_id)} <= {1, 2}
        assert queries.waiting_for(db, unopened) is None


# Openings


def test_an_opening_waits_and_is_given_up_after_its_time(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    before: list[outbox.Held] = []
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


# Workers


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
        segment_stages.detect(one.segment_id, one.attempt)
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

    monkeypatch.setattr(StandIn, "look", goes)
    with pytest.raises(Away):
        segment_stages.detect(one.segment_id, one.attempt)
    (row,) = road.segments(job_id)
    assert (row.state, row.failures) == (SegmentState.PENDING, 0)


def test_what_was_given_up_says_so_once_and_is_tried_again(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHPLATE_AWAY_S", "60")
    settings.cache_clear()
    job_id = road.submit("a.mp4", drive=Drive(segments=4))
    (video_id,) = road.open(job_id)
    one, two, *_ = take(road.url, window=2)
    assert segment_stages.detect(one.segment_id, one.attempt)
    assert segment_stages.read(one.segment_id, one.attempt)
    come_back = put_away(road)
    road.do("UPDATE videos SET away_since = now() - interval '2 min', away_looked_at = now()")
    with pytest.raises(Away):
        segment_stages.detect(two.segment_id, two.attempt)
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
    monkeypatch.setattr("pipeline.sources.retry.WAITS_S", ())
    monkeypatch.setenv("DASHPLATE_ROOTS", f"{road.folder}:http://127.0.0.1:9/")
    monkeypatch.setenv("DASHPLATE_WORK", "workers.steps.stage_engine:Road")
    settings.cache_clear()
    probe.work.cache_clear()
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
