"""Segments whose worker or message has gone silent, on a real PostgreSQL: leases, and sending again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sqlalchemy import text

from db.engine import session
from db.queue import outbox, segment_moves
from db.states import SegmentState
from tests.support.database import (
    DETECTING,
    LEASE_S,
    READING,
    SILENT,
    begin,
    begun,
    detect,
    finish,
    leases_run_out,
    make_job,
    owed,
    run_sql,
    stored,
    take,
    waiting,
)
from tests.support.processes import PATIENCE_S, wait_until


def test_a_lease_that_runs_out_is_lost_and_renewing_keeps_it(database_url: str) -> None:
    make_job(database_url, 2)
    silent, busy = take(database_url)
    assert begin(database_url, silent, DETECTING)
    assert begin(database_url, busy, DETECTING)
    with session(database_url) as db:
        assert segment_moves.lost(db) == []
    run_sql(database_url, "UPDATE segments SET lease_until = now() - interval '1 s'")
    with session(database_url) as db:
        assert segment_moves.renew(db, busy.segment_id, busy.attempt, LEASE_S)
    with session(database_url) as db:
        assert segment_moves.lost(db) == [(silent.segment_id, silent.attempt)]
        assert segment_moves.lost_attempt(db, silent.segment_id, silent.attempt, SILENT)

    with session(database_url) as db:
        assert not segment_moves.renew(db, silent.segment_id, silent.attempt, LEASE_S), "the worker learns of it"
        assert not segment_moves.detected(db, silent.segment_id, silent.attempt, 80, None), "its result is not stored"
    assert stored(database_url, silent.segment_id).state is SegmentState.PENDING


def test_giving_up_several_segments_does_not_deadlock_with_a_worker_that_stores(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 3)
    segments = begun(database_url, step=READING)
    run_sql(database_url, "UPDATE segments SET losses = :last", last=segment_moves.MAX_LOSSES - 1)
    leases_run_out(database_url)
    holds, may_end = threading.Event(), threading.Event()

    def worker() -> None:
        with session(database_url) as db:
            db.execute(text("SELECT id FROM segments WHERE id = :id FOR UPDATE"), {"id": segments[1].segment_id})
            holds.set()
            may_end.wait(PATIENCE_S)
            assert finish(db, segments[1])

    with ThreadPoolExecutor(1) as pool:
        through = pool.submit(worker)
        assert holds.wait(PATIENCE_S)
        with session(database_url) as db:
            given_up = segment_moves.lost(db)
            assert [i for i, _ in given_up] == [segments[0].segment_id, segments[2].segment_id]
            assert segment_moves.lost_attempt(db, *given_up[0], SILENT)
            may_end.set()
            wait_until("the worker to wait", lambda: waiting(database_url))
            assert segment_moves.lost_attempt(db, *given_up[1], SILENT)
        through.result(timeout=PATIENCE_S)
    assert owed(database_url) == [(outbox.AGGREGATE, video_id)]


def test_stranded_segments_are_sent_again_under_the_same_number(database_url: str) -> None:
    make_job(database_url, 3)
    queued, detected, working = take(database_url)
    assert detect(database_url, detected)
    assert begin(database_url, working, DETECTING)
    with session(database_url) as db:
        assert segment_moves.stranded(db, SegmentState.QUEUED, 10.0) == [], "too early"
    run_sql(database_url, "UPDATE segments SET moved_at = now() - interval '11 s'")

    with session(database_url) as db:
        (again,) = segment_moves.stranded(db, SegmentState.QUEUED, 10.0)
        assert again == replace(queued, express=False)
        assert segment_moves.stranded(db, SegmentState.DETECTED, 10.0) == [
            segment_moves.Dispatched(detected.segment_id, 1, "/cam/0.mp4", 1, 10.0, only_read=True, job=queued.job)
        ]
    with session(database_url) as db:
        assert segment_moves.stranded(db, SegmentState.QUEUED, 10.0) == [], "it has just been sent"


def test_after_a_pause_of_everything_every_holder_gets_a_whole_lease(database_url: str) -> None:
    make_job(database_url, 3)
    detecting, reading, idle = take(database_url)
    assert begin(database_url, detecting, DETECTING)
    assert detect(database_url, reading)
    assert begin(database_url, reading, READING)
    leases_run_out(database_url)
    with session(database_url) as db:
        segment_moves.prolong_all(db, LEASE_S)
    with session(database_url) as db:
        assert segment_moves.lost(db) == []
    assert stored(database_url, idle.segment_id).lease_until is None, "nobody holds it"
