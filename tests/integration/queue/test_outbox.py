"""Steps on whole videos that transactions owe, on a real PostgreSQL."""

from __future__ import annotations

from sqlalchemy import select, text

from db.engine import session
from db.jobs.videos import end_video
from db.models import Job, OutboxRow, Segment, TrackletRow
from db.queue import outbox, scheduler
from db.states import VideoState
from tests.support.database import (
    LEASE_S,
    SILENT,
    count,
    job,
    leases_run_out,
    make_job,
    no_waiting,
    overlap,
    owed,
    resend,
    run_sql,
    split,
    take_steps,
)

PROBE, AGGREGATE = outbox.PROBE, outbox.AGGREGATE


def begin(url: str, kind: str, video_id: int) -> outbox.HeldTask | None:
    with session(url) as db:
        return outbox.begin(db, kind, video_id, LEASE_S)


def mine(held: outbox.HeldTask | None) -> outbox.HeldTask:
    assert held is not None
    return held


def put_back(url: str, held: outbox.HeldTask | None, reason: str, *, counts: bool) -> None:
    with session(url) as db:
        outbox.put_back(db, mine(held), reason, counts=counts)


def row_of(url: str, video_id: int) -> OutboxRow:
    with session(url) as db:
        return db.scalars(select(OutboxRow).where(OutboxRow.key == video_id)).one()


def test_owing_twice_is_owing_once(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 0, state=VideoState.AGGREGATING)
    with session(database_url) as db:
        outbox.post(db, AGGREGATE, video_id)
        outbox.post(db, AGGREGATE, video_id)
    (message,) = take_steps(database_url)
    assert take_steps(database_url) == []
    with session(database_url) as db:
        outbox.post(db, AGGREGATE, video_id)
    (again,) = take_steps(database_url)
    assert (again.id, again.video, row_of(database_url, video_id).sends) == (message.id, "/cam/0.mp4", 2)


def test_every_registered_video_is_to_be_opened(database_url: str) -> None:
    job_id, videos = make_job(database_url, 0, 0, state=VideoState.REGISTERED)
    make_job(database_url, 0, state=VideoState.PROCESSING)
    with session(database_url) as db:
        outbox.post_probes(db, job_id)
    assert owed(database_url) == [(PROBE, video_id) for video_id in videos]
    assert [(m.kind, m.key) for m in take_steps(database_url, 1)] == [(PROBE, videos[0])]


def test_two_senders_do_not_send_the_same_message(database_url: str) -> None:
    _, videos = make_job(database_url, 0, 0, 0, state=VideoState.REGISTERED)
    sent: list[int] = []
    overlap(
        database_url,
        lambda db: sent.extend(m.key for m in scheduler.take_messages(db, 2)),
        lambda db: sent.extend(m.key for m in scheduler.take_messages(db, 10)),
    )
    sent += [m.key for m in take_steps(database_url)]
    assert sent == videos


def test_only_what_still_waits_for_its_answer_is_owed_again(database_url: str) -> None:
    _, (waits, opened, held, fresh) = make_job(database_url, 0, 0, 0, 0, state=VideoState.REGISTERED)
    assert len(take_steps(database_url)) == 4
    assert resend(database_url) == 0, "too early"
    run_sql(database_url, "UPDATE outbox SET sent_at = now() - interval '61 s' WHERE key <> :fresh", fresh=fresh)
    assert begin(database_url, PROBE, held), "a worker has it"
    with session(database_url) as db:
        assert split(db, opened, 1)
    assert resend(database_url) == 1
    assert [m.key for m in take_steps(database_url)] == [waits]
    assert row_of(database_url, waits).sends == 2


def test_a_step_is_in_one_pair_of_hands(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    take_steps(database_url)
    assert not begin(database_url, AGGREGATE, video_id), "not owed"
    assert begin(database_url, PROBE, video_id)
    assert not begin(database_url, PROBE, video_id), "delivered twice"
    got: list[outbox.HeldTask | None] = []
    leases_run_out(database_url)
    overlap(
        database_url,
        lambda db: got.append(outbox.begin(db, PROBE, video_id, LEASE_S)),
        lambda db: got.append(outbox.begin(db, PROBE, video_id, LEASE_S)),
    )
    assert [held is not None for held in got] == [True, False], "two at once, after the first worker was lost"


def test_a_step_that_is_done_is_owed_no_more(database_url: str) -> None:
    _, (one, two) = make_job(database_url, 0, 0, state=VideoState.REGISTERED)
    take_steps(database_url)
    held = {video_id: begin(database_url, PROBE, video_id) for video_id in (one, two)}
    with session(database_url) as db:
        assert split(db, one, 1)
        assert end_video(db, two, VideoState.UNREADABLE, "Noise.")
    assert owed(database_url) == []
    for video_id in (one, two):
        assert not begin(database_url, PROBE, video_id)
        with session(database_url) as db:
            assert not outbox.renew(db, mine(held[video_id]), LEASE_S)
            assert not split(db, video_id, 1), "opened a second time"
    assert count(database_url, Segment) == 1


def test_renewing_keeps_a_step_and_silence_loses_it(database_url: str) -> None:
    _, (silent, busy) = make_job(database_url, 0, 0, state=VideoState.REGISTERED)
    take_steps(database_url)
    held = {video_id: mine(begin(database_url, PROBE, video_id)) for video_id in (silent, busy)}
    with session(database_url) as db:
        assert outbox.resend_lost(db) == 0
    leases_run_out(database_url)
    with session(database_url) as db:
        assert outbox.renew(db, held[busy], LEASE_S)
    with session(database_url) as db:
        assert outbox.resend_lost(db) == 1
        assert not outbox.renew(db, held[silent], LEASE_S), "the worker learns of it"
    row = row_of(database_url, silent)
    assert (row.failures, row.problem, row.lease_until) == (1, SILENT, None)
    assert [m.key for m in take_steps(database_url)] == [silent]


def test_a_step_that_keeps_failing_is_given_up(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    for failures in range(1, outbox.MAX_FAILURES + 1):
        assert len(take_steps(database_url)) == 1
        held = begin(database_url, PROBE, video_id)
        with session(database_url) as db:
            assert outbox.exhausted(db) == []
        if failures % 2:
            put_back(database_url, held, f"Broke {failures} times.", counts=True)
            with session(database_url) as db:
                waits = db.execute(text("SELECT extract(epoch FROM not_before - now()) FROM outbox")).scalar_one()
            whole_s = outbox.RETRY_DELAY_S * 2 ** (failures - 1)
            assert 0.5 * whole_s - 1 <= waits <= whole_s
            assert take_steps(database_url) == [], "it waits"
            no_waiting(database_url)
        else:
            leases_run_out(database_url)
            with session(database_url) as db:
                assert outbox.resend_lost(db) == 1
        assert row_of(database_url, video_id).failures == failures
    with session(database_url) as db:
        assert outbox.exhausted(db) == [(PROBE, video_id, "Broke 5 times.")]


def test_an_infrastructure_failure_uses_up_no_attempt(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    for _ in range(outbox.MAX_FAILURES + 2):
        assert len(take_steps(database_url)) == 1
        put_back(database_url, begin(database_url, PROBE, video_id), "The disk is full.", counts=False)
        no_waiting(database_url)
    row = row_of(database_url, video_id)
    assert (row.failures, row.problem) == (0, "The disk is full.")
    with session(database_url) as db:
        assert outbox.exhausted(db) == []


def test_who_was_overtaken_touches_nothing_of_his_successors(database_url: str) -> None:
    """As long as it is the same step, and when it is owed anew after somebody did it."""
    _, (video_id,) = make_job(database_url, 0, state=VideoState.AGGREGATING)
    with session(database_url) as db:
        outbox.post(db, AGGREGATE, video_id)
    take_steps(database_url)
    late = mine(begin(database_url, AGGREGATE, video_id))
    leases_run_out(database_url)
    second = mine(begin(database_url, AGGREGATE, video_id))
    with session(database_url) as db:
        assert outbox.holds(db, second)
        outbox.done(db, AGGREGATE, video_id)
        outbox.post(db, AGGREGATE, video_id)
    take_steps(database_url)
    third = mine(begin(database_url, AGGREGATE, video_id))
    run_sql(database_url, "UPDATE outbox SET lease_until = now() + interval '1 s'")
    before = row_of(database_url, video_id)
    for old in (late, second):
        with session(database_url) as db:
            assert not outbox.holds(db, old)
            assert not outbox.renew(db, old, LEASE_S)
        put_back(database_url, old, "Late.", counts=True)
    after = row_of(database_url, video_id)
    assert (after.lease_until, after.failures, after.sent_at) == (before.lease_until, 0, before.sent_at)
    with session(database_url) as db:
        assert outbox.holds(db, third)
        outbox.post(db, AGGREGATE, video_id)
    with session(database_url) as db:
        assert not outbox.holds(db, third), "owed anew under his hands"


def test_the_wait_after_an_infrastructure_failure_does_not_grow(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    for _ in range(3):
        take_steps(database_url)
        held = mine(begin(database_url, PROBE, video_id))
        with session(database_url) as db:
            outbox.put_back(db, held, "The disk is full.", counts=False, delay_s=20.0)
        with session(database_url) as db:
            waits = db.execute(text("SELECT extract(epoch FROM not_before - now()) FROM outbox")).scalar_one()
        assert 9.0 < waits <= 20.0
        no_waiting(database_url)


def test_after_a_pause_of_everything_every_step_gets_a_whole_lease(database_url: str) -> None:
    _, (held, sent) = make_job(database_url, 0, 0, state=VideoState.REGISTERED)
    take_steps(database_url)
    assert begin(database_url, PROBE, held)
    leases_run_out(database_url)
    with session(database_url) as db:
        outbox.prolong_all(db, LEASE_S)
        assert outbox.resend_lost(db) == 0
    assert row_of(database_url, sent).lease_until is None


def test_a_job_that_is_deleted_takes_what_is_owed_with_it(database_url: str) -> None:
    job_id, _ = make_job(database_url, 1, 0, state=VideoState.REGISTERED)
    other, (kept,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    with session(database_url) as db:
        db.delete(db.get_one(Job, job_id))
    assert owed(database_url) == [(PROBE, kept)]
    assert (count(database_url, Job), count(database_url, TrackletRow)) == (1, 0)
    assert job(database_url, other).videos == 1
