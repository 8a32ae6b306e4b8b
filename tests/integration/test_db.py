"""The tables on a real PostgreSQL: migrations, the segments' moves, the outbox, and storing things twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, inspect, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import moves, outbox, report
from db.engine import check, engine_for, session
from db.migrate import config, upgrade
from db.models import (
    Base,
    CropRow,
    Job,
    OutboxRow,
    Plate,
    ReadingRow,
    Segment,
    SightingRow,
    TrackletRow,
    Video,
)
from db.results import (
    crops_of,
    end_video,
    read_tracklets_of,
    segment_problems,
    store_readings,
    store_sightings,
    store_tracklets,
)
from db.rows import media_columns, media_of
from db.submit import NewVideo, add_videos, close_if_done, create_job
from pipeline.errors import ServiceUnavailable
from pipeline.records import (
    Box,
    Candidate,
    Character,
    Crop,
    Observation,
    Reading,
    SegmentSpan,
    SegmentState,
    Sighting,
    Tracklet,
    VideoState,
)

LEASE_S = 20.0
DETECTING, READING = SegmentState.DETECTING, SegmentState.READING


def make_job(url: str, *segments: int, state: VideoState = VideoState.PROCESSING) -> tuple[int, list[int]]:
    """A job with one video for each number, of that many pending segments; returns (job, videos)."""
    with session(url) as db:
        job_id = create_job(db, "a tour", {"sample_fps": 8})
        add_videos(db, job_id, (NewVideo(f"/cam/{i}.mp4", f"print-{i}") for i in range(len(segments))))
        videos = list(db.scalars(select(Video.id).where(Video.job_id == job_id).order_by(Video.id)))
        db.execute(update(Video).where(Video.job_id == job_id).values(state=state))
        for video_id, count in zip(videos, segments, strict=True):
            spans = [SegmentSpan(i, 1000 * i, 1000 * (i + 1)) for i in range(count)]
            moves.add_segments(db, video_id, [(s, 10.0 * s.index, 10.0 * (s.index + 1)) for s in spans])
    return job_id, videos


def take(url: str, window: int = 100) -> list[moves.Dispatched]:
    with session(url) as db:
        return moves.take_pending(db, window)


def begin(url: str, segment: moves.Dispatched, step: SegmentState, worker: str = "host:1") -> bool:
    with session(url) as db:
        return moves.begin(db, segment.segment_id, segment.attempt, step, worker, LEASE_S) is not None


def detect(url: str, segment: moves.Dispatched, damage: str | None = None) -> bool:
    """A detect worker's whole turn; False where its message was stale."""
    if not begin(url, segment, DETECTING):
        return False
    with session(url) as db:
        row = moves.hold(db, segment.segment_id, segment.attempt, DETECTING)
        assert row is not None
        moves.detected(row, 80, damage)
    return True


def finish(db: Session, segment: moves.Dispatched) -> bool:
    """What a read worker does when it stores; False where its attempt has been overtaken."""
    row = moves.hold(db, segment.segment_id, segment.attempt, READING)
    if row is not None:
        moves.finished(db, row)
    return row is not None


def fail(url: str, segment: moves.Dispatched, reason: str = "It broke.") -> bool:
    with session(url) as db:
        return moves.failed(db, segment.segment_id, segment.attempt, reason)


def stored(url: str, segment_id: int) -> Segment:
    with session(url) as db:
        return db.get_one(Segment, segment_id)


def run_sql(url: str, statement: str, **values: Any) -> None:
    with session(url) as db:
        db.execute(text(statement), values)


def count(url: str, table: type[Base]) -> int:
    with session(url) as db:
        return db.scalar(select(func.count()).select_from(table)) or 0


def overlap(url: str, first: Callable[[Session], object], second: Callable[[Session], object]) -> None:
    """Run `second` while `first`'s transaction is open; commit `first` when the other waits for it or is through."""

    def other() -> None:
        with session(url) as db:
            second(db)

    with ThreadPoolExecutor(1) as pool:
        with session(url) as db:
            first(db)
            db.flush()
            through = pool.submit(other)
            until(lambda: through.done() or waiting(url))
        through.result(timeout=20)


def waiting(url: str) -> int:
    """How many transactions wait for a lock that another holds."""
    with session(url) as db:
        return db.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")) or 0


def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def downgrade(url: str, revision: str = "base") -> None:
    with engine_for(url).begin() as connection:
        prepared = config()
        prepared.attributes["connection"] = connection
        command.downgrade(prepared, revision)


def catalogue(connection: Connection, schema: str) -> set[str]:
    """Every column, constraint and index of a schema, as PostgreSQL spells it."""
    found = connection.execute(
        text(
            """
            SELECT concat_ws(' ', table_name, column_name, data_type, character_maximum_length, is_nullable,
                             is_identity, column_default)
            FROM information_schema.columns
            WHERE table_schema = :schema AND table_name IN (
                SELECT tablename FROM pg_tables WHERE schemaname = :schema AND tablename <> 'alembic_version')
            UNION ALL
            SELECT concat_ws(' ', conname, pg_get_constraintdef(oid)) FROM pg_constraint
            WHERE connamespace = CAST(:schema AS regnamespace) AND conname NOT LIKE 'alembic%'
            UNION ALL
            SELECT indexdef FROM pg_indexes WHERE schemaname = :schema AND indexname NOT LIKE 'alembic%'
            """
        ),
        {"schema": schema},
    )
    return {str(row[0]).replace(f"{schema}.", "") for row in found}


def test_the_migrated_schema_is_the_models(database_url: str) -> None:
    with engine_for(database_url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_migrated_schema_has_the_models_checks_and_indexes(database_url: str) -> None:
    """Alembic's comparison leaves out check constraints, partial indexes' conditions and identities."""
    with engine_for(database_url).connect() as connection:
        migrated = catalogue(connection, "public")
        connection.execute(text("CREATE SCHEMA models"))
        connection.execute(text("SET LOCAL search_path = models"))
        Base.metadata.create_all(connection, checkfirst=False)
        assert migrated == catalogue(connection, "models")
        connection.rollback()


def test_upgrading_twice_keeps_the_rows(database_url: str) -> None:
    make_job(database_url, 1)
    upgrade(database_url)
    assert count(database_url, Segment) == 1


def test_downgrade_leaves_nothing_and_many_machines_may_upgrade_at_once(database_url: str) -> None:
    downgrade(database_url)
    inspector = inspect(engine_for(database_url))
    assert inspector.get_table_names() == ["alembic_version"]
    assert inspector.get_view_names() == []

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(upgrade, [database_url] * 3))
    with session(database_url) as db:
        assert report.jobs(db) == []


def test_videos_from_before_overlays_were_looked_for_have_none(database_url: str) -> None:
    downgrade(database_url, "0001")
    _, (video_id,) = make_job(database_url, 1)
    upgrade(database_url)
    probed = {"kind": "video", "width": 640, "height": 360, "time_base_num": 1, "time_base_den": 1000}
    with session(database_url) as db:
        db.execute(update(Video).values(**probed, start_pts=0, end_pts=1000))
        video = db.get_one(Video, video_id)
        assert video.overlays is None
        assert media_of(video, 0).overlays == ()
        db.execute(update(Video).values(**media_columns(replace(media_of(video, 0), overlays=(Box(1, 2, 30, 8.5),)))))
        db.refresh(video)
        assert media_of(video, 0).overlays == (Box(1, 2, 30, 8.5),)


def test_an_unknown_state_is_refused(database_url: str) -> None:
    make_job(database_url, 1)
    with pytest.raises(IntegrityError, match="ck_segments_segmentstate"):
        run_sql(database_url, "UPDATE segments SET state = 'asleep'")


def test_an_unreachable_database_is_told_without_its_password() -> None:
    with pytest.raises(ServiceUnavailable, match="does not answer") as caught:
        check("postgresql://dashplate:hunter2@127.0.0.1:1/dashplate")
    assert "hunter2" not in str(caught.value)


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


def test_owing_twice_is_owing_once(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 0)
    with session(database_url) as db:
        outbox.post(db, outbox.AGGREGATE, video_id)
        outbox.post(db, outbox.AGGREGATE, video_id)
        (message,) = outbox.unsent(db, 10)
        outbox.mark_sent(db, message)
        assert outbox.unsent(db, 10) == []
    with session(database_url) as db:
        outbox.post(db, outbox.AGGREGATE, video_id)
        (again,) = outbox.unsent(db, 10)
    assert (again.id, again.sends, again.video) == (message.id, 1, "/cam/0.mp4")


def test_every_registered_video_is_to_be_opened(database_url: str) -> None:
    job_id, videos = make_job(database_url, 0, 0, state=VideoState.REGISTERED)
    make_job(database_url, 0, state=VideoState.PROCESSING)
    with session(database_url) as db:
        outbox.post_probes(db, job_id)
        outbox.post_probes(db, job_id)
        assert [(m.kind, m.key) for m in outbox.unsent(db, 10)] == [(outbox.PROBE, v) for v in videos]
        assert [m.key for m in outbox.unsent(db, 1)] == videos[:1]


def test_two_senders_do_not_send_the_same_message(database_url: str) -> None:
    job_id, videos = make_job(database_url, 0, 0, 0, state=VideoState.REGISTERED)
    with session(database_url) as db:
        outbox.post_probes(db, job_id)
    with session(database_url) as one, session(database_url) as other:
        mine, theirs = outbox.unsent(one, 2), outbox.unsent(other, 10)
    assert [m.key for m in mine + theirs] == videos


def test_only_what_still_waits_for_its_answer_is_owed_again(database_url: str) -> None:
    job_id, (waits, opened, fresh) = make_job(database_url, 0, 0, 0, state=VideoState.REGISTERED)
    with session(database_url) as db:
        outbox.post_probes(db, job_id)
        for message in outbox.unsent(db, 10):
            outbox.mark_sent(db, message)
    assert resend(database_url) == 0, "too early"
    run_sql(database_url, "UPDATE outbox SET sent_at = now() - interval '61 s' WHERE key <> :fresh", fresh=fresh)
    run_sql(database_url, "UPDATE videos SET state = 'processing' WHERE id = :opened", opened=opened)
    assert resend(database_url) == 1
    with session(database_url) as db:
        assert [(m.key, m.sends) for m in outbox.unsent(db, 10)] == [(waits, 1)]


def resend(url: str) -> int:
    with session(url) as db:
        return outbox.resend_quiet(db, 60.0)


def test_the_same_file_twice_in_a_job_is_one_video(database_url: str) -> None:
    files = [NewVideo("/cam/a.mp4", "a"), NewVideo("/copy/a.mp4", "a"), NewVideo("/cam/b.mp4", "b")]
    with session(database_url) as db:
        one, two = create_job(db, "one", {}), create_job(db, "two", {})
        assert add_videos(db, one, files) == 2
        assert add_videos(db, one, files) == 0
        assert add_videos(db, two, files) == 2, "another job is another matter"
        assert [row["path"] for row in report.videos(db, one)] == ["/cam/a.mp4", "/cam/b.mp4"]


def test_more_files_than_fit_one_insert(database_url: str) -> None:
    with session(database_url) as db:
        job_id = create_job(db, "many", {})
        assert add_videos(db, job_id, (NewVideo(f"/cam/{i}", str(i)) for i in range(2345))) == 2345


def test_a_job_is_finished_with_its_last_video_and_open_again_with_a_new_one(database_url: str) -> None:
    job_id, (one, two) = make_job(database_url, 0, 0)
    end(database_url, job_id, one)
    assert finished_at(database_url, job_id) is None
    end(database_url, job_id, two)
    when = finished_at(database_url, job_id)
    assert when is not None
    with session(database_url) as db:
        close_if_done(db, job_id)
        add_videos(db, job_id, [NewVideo("/cam/0.mp4", "print-0")])
    assert finished_at(database_url, job_id) == when, "nothing new"
    with session(database_url) as db:
        add_videos(db, job_id, [NewVideo("/cam/2.mp4", "print-2")])
    assert finished_at(database_url, job_id) is None


def test_the_last_two_videos_at_once_finish_the_job(database_url: str) -> None:
    job_id, (one, two) = make_job(database_url, 0, 0)

    def ending(video_id: int) -> Callable[[Session], None]:
        def end_and_close(db: Session) -> None:
            assert end_video(db, video_id, VideoState.DONE, None) == job_id
            close_if_done(db, job_id)

        return end_and_close

    overlap(database_url, ending(one), ending(two))
    assert finished_at(database_url, job_id) is not None


def test_a_job_that_gets_a_video_while_its_last_one_ends_stays_open(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 0)

    def end_and_close(db: Session) -> None:
        end_video(db, video_id, VideoState.DONE, None)
        close_if_done(db, job_id)

    overlap(database_url, lambda db: add_videos(db, job_id, [NewVideo("/cam/new.mp4", "new")]), end_and_close)
    assert finished_at(database_url, job_id) is None


def test_a_video_ends_once(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 0)
    with session(database_url) as db:
        assert end_video(db, video_id, VideoState.TRUNCATED, "It stops at 3 s.") == job_id
        assert end_video(db, video_id, VideoState.FAILED, "Later.") is None
        (row,) = report.videos(db, job_id)
    assert (row["state"], row["problem"]) == ("truncated", "It stops at 3 s.")


def test_a_job_goes_with_all_that_was_found_in_it(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 1)
    with session(database_url) as db:
        store_tracklets(db, 1, [tracklet(0)], {(0, 0): "a", (0, 1): "b"})
        store_readings(db, {next(iter(crops_of(db, 1))): reading("AB123")})
        store_sightings(db, video_id, [sighting(0, "AB123")])
        db.delete(db.get_one(Job, job_id))
    assert [count(database_url, t) for t in (Segment, TrackletRow, CropRow, ReadingRow, SightingRow)] == [0] * 5


def end(url: str, job_id: int, video_id: int) -> None:
    with session(url) as db:
        assert end_video(db, video_id, VideoState.DONE, None) == job_id
        close_if_done(db, job_id)


def finished_at(url: str, job_id: int) -> object:
    with session(url) as db:
        return db.get_one(Job, job_id).finished_at


def observation(time_s: float) -> Observation:
    return Observation(round(time_s * 1000), time_s, Box(10.5, 20.0, 110.5, 50.0), 0.9)


def tracklet(index: int, start_s: float = 1.0) -> Tracklet:
    seen = tuple(observation(start_s + i) for i in range(3))
    image = np.zeros((30, 100, 3), np.uint8)
    crops = tuple(Crop(seen[i], Box(5, 5, 95, 25), 1.0 - i / 10, image) for i in range(2))
    return Tracklet(index, seen, crops)


def reading(plate: str, country: str | None = "IT") -> Reading:
    return Reading(
        text=plate,
        confidence=0.93,
        characters=tuple(Character(char, 0.9) for char in plate),
        alternatives=(Candidate(plate[:-1] + "8", 0.04),),
        country=country,
        reads=2,
        crops=2,
        best_crop=1,
    )


def sighting(index: int, plate: str, country: str | None = "IT") -> Sighting:
    read = reading(plate, country)
    return Sighting(
        index=index,
        text=plate,
        country=country,
        confidence=read.confidence,
        characters=read.characters,
        alternatives=read.alternatives,
        first=observation(1.0),
        last=observation(3.0),
        best=observation(2.0),
        crop="b",
        reads=2,
        confirmed=True,
        tracklets=((0, 0), (1, 2)),
    )


NAMES = {(0, 0): "a", (0, 1): "b", (1, 0): "c", (1, 1): "d"}


def store_all(url: str, texts: Sequence[str]) -> None:
    with session(url) as db:
        store_tracklets(db, 1, [tracklet(0), tracklet(1, 5.0)], NAMES)
        store_readings(db, dict(zip(crops_of(db, 1), map(reading, texts), strict=True)))


def test_what_was_found_comes_back_as_it_was(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 1)
    store_all(database_url, ["AB123", "ÖX77"])
    with session(database_url) as db:
        crops = crops_of(db, 1)
        assert [[row.name for row in rows] for rows in crops.values()] == [["a", "b"], ["c", "d"]]
        found = read_tracklets_of(db, video_id)
    assert [(t.segment, t.index, t.seen, t.crop) for t in found] == [(0, 0, 3, "b"), (0, 1, 3, "d")]
    assert [t.reading for t in found] == [reading("AB123"), reading("ÖX77")]
    assert (found[0].first, found[0].last, found[0].best) == (
        observation(1.0), observation(3.0), observation(2.0),
    )  # fmt: skip


def test_storing_a_segment_twice_gives_the_same_rows(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 1)
    for _ in range(2):
        store_all(database_url, ["AB123", "CD456"])
    with session(database_url) as db:
        assert [t.reading.text for t in read_tracklets_of(db, video_id)] == ["AB123", "CD456"]
    assert [count(database_url, t) for t in (TrackletRow, CropRow, ReadingRow)] == [2, 4, 2]


def test_reading_again_replaces_the_reading(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 1)
    store_all(database_url, ["AB123", "CD456"])
    with session(database_url) as db:
        first, _ = crops_of(db, 1)
        store_readings(db, {first: reading("AB128", None)})
        assert [t.reading for t in read_tracklets_of(db, video_id)] == [
            reading("AB128", None),
            reading("CD456"),
        ]


def test_fresh_readings_follow_the_order_in_which_they_came(database_url: str) -> None:
    job_id, _ = make_job(database_url, 1)
    with session(database_url) as db:
        store_tracklets(db, 1, [tracklet(0), tracklet(1, 5.0)], NAMES)
        first, second = crops_of(db, 1)
        store_readings(db, {second: reading("LATER1")})
        (seen,) = report.fresh_readings(db, job_id, 0)
        store_readings(db, {first: reading("EARLY1")})
        (fresh,) = report.fresh_readings(db, job_id, seen["id"])
        assert report.fresh_readings(db, job_id, fresh["id"]) == []
    assert (seen["text"], seen["first_s"], fresh["text"], fresh["first_s"]) == ("LATER1", 5.0, "EARLY1", 1.0)


def test_storing_sightings_twice_gives_the_same_rows(database_url: str) -> None:
    job_id, (video_id, other) = make_job(database_url, 0, 0)
    passing = [sighting(0, "AB123"), sighting(1, "CD456"), sighting(2, "AB123", None)]
    for _ in range(2):
        with session(database_url) as db:
            store_sightings(db, video_id, passing)
    with session(database_url) as db:
        store_sightings(db, other, [sighting(0, "AB123")])
        rows = report.sightings(db, job_id)
        plates = report.plates(db, "AB%", 10)
        countries = {p.text: p.country for p in db.scalars(select(Plate))}
    assert [(r["video_id"], r["plate"]) for r in rows] == [
        (video_id, "AB123"), (video_id, "AB123"), (video_id, "CD456"), (other, "AB123"),
    ]  # fmt: skip
    assert rows[0]["alternatives"] == [{"text": "AB128", "confidence": 0.04}]
    assert [(p["plate"], p["sightings"], p["videos"], p["reads"]) for p in plates] == [("AB123", 3, 2, 6)]
    assert countries == {"AB123": "IT", "CD456": "IT"}


def test_a_plate_keeps_its_country_and_learns_a_missing_one(database_url: str) -> None:
    _, (one, two, three) = make_job(database_url, 0, 0, 0)
    for video_id, country in ((one, None), (two, "GB"), (three, None)):
        with session(database_url) as db:
            store_sightings(db, video_id, [sighting(0, "AB123", country)])
    with session(database_url) as db:
        assert db.scalars(select(Plate.country)).all() == ["GB"]


def test_aggregators_that_meet_on_the_same_plates_both_succeed(database_url: str) -> None:
    _, (one, two) = make_job(database_url, 0, 0)
    there, back = [sighting(0, "AB123"), sighting(1, "CD456")], [sighting(0, "CD456"), sighting(1, "AB123")]

    def store(video_id: int, sightings: Sequence[Sighting]) -> None:
        with session(database_url) as db:
            store_sightings(db, video_id, sightings)

    store(one, there)
    with ThreadPoolExecutor(2) as pool:
        with session(database_url) as db:
            db.execute(select(Plate).where(Plate.text == "AB123").with_for_update())
            first = pool.submit(store, one, there)
            until(lambda: waiting(database_url) == 1)
            second = pool.submit(store, two, back)
            until(lambda: waiting(database_url) == 2)
        first.result(timeout=20)
        second.result(timeout=20)
    assert [count(database_url, Plate), count(database_url, SightingRow)] == [2, 4]
