"""Messages that transactions owe, and how jobs and videos end, on a real PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, text

from dashplate.jobs import JobOptions, submit
from db import control, due, outbox, report
from db.engine import session
from db.holding import Holder
from db.models import CropRow, Job, OutboxRow, ReadingRow, Segment, SightingRow, TrackletRow, Video
from db.results import crops_of, store_readings, store_sightings, store_tracklets
from db.submit import NewVideo, add_videos, close_if_done, close_job, create_job, open_job
from db.videos import end_video
from pipeline.errors import UsageError
from pipeline.records import JobState, Priority, Step, VideoState
from tests.helpers_db import (
    LEASE_S,
    PICTURES,
    SILENT,
    aggregate,
    count,
    end,
    finished_at,
    job,
    job_state,
    leases_run_out,
    make_job,
    no_waiting,
    overlap,
    owed,
    reading,
    resend,
    run_sql,
    sighting,
    split,
    take_steps,
    tracklet,
    until,
    video,
)

PROBE, AGGREGATE = outbox.PROBE, outbox.AGGREGATE


def begin(url: str, kind: str, video_id: int) -> outbox.Held | None:
    with session(url) as db:
        return outbox.begin(db, kind, video_id, LEASE_S)


def mine(held: outbox.Held | None) -> outbox.Held:
    assert held is not None
    return held


def put_back(url: str, held: outbox.Held | None, reason: str, *, counts: bool) -> None:
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
        lambda db: sent.extend(m.key for m in due.take_messages(db, 2)),
        lambda db: sent.extend(m.key for m in due.take_messages(db, 10)),
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
    got: list[outbox.Held | None] = []
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


def test_trouble_of_the_surroundings_does_not_use_a_step_up(database_url: str) -> None:
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


def test_trouble_waits_as_long_each_time(database_url: str) -> None:
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


def test_the_same_file_twice_in_a_job_is_one_video(database_url: str) -> None:
    files = [NewVideo("/cam/a.mp4", "a"), NewVideo("/copy/a.mp4", "a"), NewVideo("/cam/b.mp4", "b")]
    with session(database_url) as db:
        one, two = create_job(db, "one", {}), create_job(db, "two", {})
        assert add_videos(db, one, files) == 2
        assert add_videos(db, one, files) == 0
        assert add_videos(db, two, files) == 2, "another job is another matter"
        assert [row["path"] for row in report.videos(db, one)] == ["/cam/a.mp4", "/cam/b.mp4"]


def test_a_job_keeps_the_options_that_it_was_made_with(database_url: str, tmp_path: Path) -> None:
    job_id, _ = make_job(database_url, 0)
    video = tmp_path / "late.mp4"
    video.write_bytes(b"late")
    with pytest.raises(UsageError, match=f"Job {job_id} keeps the options"):
        submit(database_url, [video], None, JobOptions(("GB",)), job_id)
    assert count(database_url, Video) == 1


def test_more_files_than_fit_one_insert(database_url: str) -> None:
    with session(database_url) as db:
        job_id = create_job(db, "many", {})
        assert add_videos(db, job_id, (NewVideo(f"/cam/{i}", str(i)) for i in range(2345))) == 2345


def test_a_key_names_a_submission(database_url: str) -> None:
    files = [NewVideo("/cam/a.mp4", "a")]
    with session(database_url) as db:
        first = create_job(db, "one", {"sample_fps": 8}, key="monday", priority=Priority.HIGH)
        assert add_videos(db, first, files) == 1
    with session(database_url) as db:
        again = create_job(db, "one again", {"sample_fps": 8}, key="monday", priority=Priority.HIGH)
        assert add_videos(db, again, files) == 0
        other = create_job(db, "other", {}, key="tuesday")
        assert create_job(db, "without", {}) != create_job(db, "without", {})
    assert (again, other != first) == (first, True)
    row = job(database_url, first)
    assert (row.name, row.options, row.priority) == ("one", {"sample_fps": 8}, Priority.HIGH)


def test_a_key_that_stands_for_other_options_is_refused(database_url: str) -> None:
    with session(database_url) as db:
        create_job(db, "one", {"sample_fps": 8}, key="monday")
    for options, priority in (({"sample_fps": 9}, Priority.NORMAL), ({"sample_fps": 8}, Priority.LOW)):
        with pytest.raises(UsageError, match="has that key and other options"), session(database_url) as db:
            create_job(db, "one", options, key="monday", priority=priority)


def test_a_key_stands_for_what_was_submitted_whatever_a_rerun_has_changed(database_url: str) -> None:
    with session(database_url) as db:
        job_id = create_job(db, "one", {"sample_fps": 8, "reader": None}, key="monday")
        add_videos(db, job_id, [NewVideo("/cam/a.mp4", "a")])
        assert end_video(db, 1, VideoState.UNREADABLE, "Noise.")
    for reader in ("another", "a third"):
        control.rerun(database_url, job_id, Step.DETECT, {"reader": reader})
    with session(database_url) as db:
        assert create_job(db, "one", {"sample_fps": 8, "reader": None}, key="monday") == job_id
    assert job(database_url, job_id).options == {"sample_fps": 8, "reader": "a third"}
    with pytest.raises(UsageError, match="has that key and other options"), session(database_url) as db:
        create_job(db, "one", {"sample_fps": 8, "reader": "a third"}, key="monday")


def test_a_key_outlives_a_version_with_a_new_option(database_url: str) -> None:
    defaults = {"sample_fps": 10, "sealed": False}
    with session(database_url) as db:
        job_id = create_job(db, "one", {"sample_fps": 10}, key="monday")
        given = {"sample_fps": 10, "sealed": False}
        assert create_job(db, "one", given, key="monday", defaults=defaults) == job_id
    with pytest.raises(UsageError, match="has that key and other options"), session(database_url) as db:
        create_job(db, "one", {**given, "sealed": True}, key="monday", defaults=defaults)


def test_two_submitters_with_one_key_at_once_share_the_job(database_url: str) -> None:
    made: list[int] = []
    overlap(
        database_url,
        lambda db: made.append(create_job(db, "one", {}, key="monday")),
        lambda db: made.append(create_job(db, "two", {}, key="monday")),
    )
    assert len(set(made)) == 1
    assert count(database_url, Job) == 1


def test_a_job_is_finished_with_its_last_video_and_open_again_with_a_new_one(database_url: str) -> None:
    job_id, (one, two) = make_job(database_url, 0, 0, state=VideoState.AGGREGATING)
    end(database_url, one)
    assert (finished_at(database_url, job_id), job_state(database_url, job_id)) == (None, JobState.RUNNING)
    end(database_url, two)
    when = finished_at(database_url, job_id)
    assert (when is not None, job_state(database_url, job_id)) == (True, JobState.FINISHED)
    with session(database_url) as db:
        close_if_done(db, job_id)
        add_videos(db, job_id, [NewVideo("/cam/0.mp4", "print-0")])
    assert finished_at(database_url, job_id) == when, "nothing new"
    with session(database_url) as db:
        add_videos(db, job_id, [NewVideo("/cam/2.mp4", "print-2")])
    assert (finished_at(database_url, job_id), job_state(database_url, job_id)) == (None, JobState.RUNNING)


def test_an_open_job_does_not_finish(database_url: str) -> None:
    with session(database_url) as db:
        job_id = create_job(db, "a depot", {}, is_open=True)
        add_videos(db, job_id, [NewVideo("/cam/a.mp4", "a")])
        assert end_video(db, 1, VideoState.UNREADABLE, "Noise.")
    assert job_state(database_url, job_id) is JobState.RUNNING
    with session(database_url) as db:
        close_job(db, job_id)
    assert job_state(database_url, job_id) is JobState.FINISHED
    with session(database_url) as db:
        open_job(db, job_id)
    row = job(database_url, job_id)
    assert (row.open, row.state, row.finished_at) == (True, JobState.RUNNING, None)
    with session(database_url) as db:
        close_job(db, job_id)
    assert job_state(database_url, job_id) is JobState.FINISHED


def test_whoever_leaves_last_closes_the_job(database_url: str) -> None:
    with session(database_url) as db:
        job_id = create_job(db, "a depot", {}, is_open=True)
    with Holder(database_url, job_id) as watch, Holder(database_url, job_id) as submission:
        submission.keep()
        assert not submission.leave("another name")
        row = job(database_url, job_id)
        assert (row.open, row.state, row.name) == (True, JobState.RUNNING, "another name")
        assert watch.leave()
    assert (job(database_url, job_id).open, job_state(database_url, job_id)) == (False, JobState.FINISHED)


def test_a_holder_that_is_killed_leaves_the_job_open_until_the_next_one_leaves(database_url: str) -> None:
    with session(database_url) as db:
        job_id = create_job(db, "a depot", {}, is_open=True)
    code = (
        "import sys, time; from db.holding import Holder\n"
        f"with Holder({database_url!r}, {job_id}): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with Holder(database_url, job_id) as holder:
            assert not holder.leave()
        other.kill()
    assert job(database_url, job_id).open, "nobody knows whether all its files came"
    until(lambda: held_locks(database_url) == 0)
    with Holder(database_url, job_id) as holder:
        assert holder.leave()
    assert job_state(database_url, job_id) is JobState.FINISHED


def held_locks(url: str) -> int:
    with session(url) as db:
        return db.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")) or 0


def test_a_holder_whose_connection_is_cut_holds_on(database_url: str) -> None:
    with session(database_url) as db:
        job_id = create_job(db, "a depot", {}, is_open=True)
    with Holder(database_url, job_id) as watch:
        run_sql(
            database_url,
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'",
        )
        with Holder(database_url, job_id) as other:
            assert other.leave(), "it cannot know"
        assert job_state(database_url, job_id) is JobState.FINISHED
        watch.keep()
        assert (job(database_url, job_id).open, job_state(database_url, job_id)) == (True, JobState.RUNNING)
        with Holder(database_url, job_id) as other:
            assert not other.leave()
        assert watch.leave()
    assert held_locks(database_url) == 0


def test_a_cancelled_job_is_held_by_nobody(database_url: str) -> None:
    job_id, _ = make_job(database_url, 0, state=VideoState.REGISTERED)
    control.cancel(database_url, job_id)
    with pytest.raises(UsageError, match=f"Job {job_id} is cancelled"):
        Holder(database_url, job_id).keep()


def test_a_job_that_is_closed_while_it_works_ends_with_its_last_video(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 0, state=VideoState.AGGREGATING)
    with session(database_url) as db:
        open_job(db, job_id)
        close_job(db, job_id)
    assert job_state(database_url, job_id) is JobState.RUNNING
    end(database_url, video_id)
    assert job_state(database_url, job_id) is JobState.FINISHED


def test_two_that_add_the_same_files_in_other_orders_do_not_block_each_other(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.submit._CHUNK", 1)
    with session(database_url) as db:
        job_id = create_job(db, "a tour", {})
    files = [NewVideo(f"/cam/{i}.mp4", str(i)) for i in range(40)]
    start = threading.Barrier(2)

    def add(mine: list[NewVideo]) -> int:
        start.wait()
        with session(database_url) as db:
            return add_videos(db, job_id, mine)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, (files, files[::-1]))) == [0, 40]


def test_a_cancelled_job_takes_no_more_files(database_url: str) -> None:
    job_id, _ = make_job(database_url, 0, state=VideoState.REGISTERED)
    control.cancel(database_url, job_id)
    with pytest.raises(UsageError, match=f"Job {job_id} is cancelled"), session(database_url) as db:
        add_videos(db, job_id, [NewVideo("/cam/new.mp4", "new")])
    with pytest.raises(UsageError, match=f"Job {job_id} is cancelled"), session(database_url) as db:
        open_job(db, job_id)
    assert count(database_url, Video) == 1


def test_the_last_two_videos_at_once_finish_the_job(database_url: str) -> None:
    job_id, (one, two) = make_job(database_url, 0, 0, state=VideoState.AGGREGATING)
    overlap(
        database_url,
        lambda db: end_video(db, one, VideoState.DONE, None),
        lambda db: end_video(db, two, VideoState.DONE, None),
    )
    assert finished_at(database_url, job_id) is not None


def test_a_job_that_gets_a_video_while_its_last_one_ends_stays_open(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 0, state=VideoState.AGGREGATING)
    overlap(
        database_url,
        lambda db: add_videos(db, job_id, [NewVideo("/cam/new.mp4", "new")]),
        lambda db: end_video(db, video_id, VideoState.DONE, None),
    )
    assert finished_at(database_url, job_id) is None


def test_a_video_ends_once(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 0, state=VideoState.AGGREGATING)
    with session(database_url) as db:
        outbox.post(db, AGGREGATE, video_id)
    aggregate(database_url, video_id, VideoState.TRUNCATED, "It stops at 3 s.")
    with session(database_url) as db:
        assert not end_video(db, video_id, VideoState.FAILED, "Later.")
        (row,) = report.videos(db, job_id)
    assert (row["state"], row["problem"]) == ("truncated", "It stops at 3 s.")
    assert (owed(database_url), video(database_url, video_id).finished_at is not None) == ([], True)


def test_a_job_goes_with_all_that_was_found_in_it(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 1)
    with session(database_url) as db:
        store_tracklets(db, 1, [tracklet(0)], PICTURES)
        store_readings(db, 1, {next(iter(crops_of(db, 1))): reading("AB123")})
        store_sightings(db, video_id, [sighting(0, "AB123")])
        db.delete(db.get_one(Job, job_id))
    assert [count(database_url, t) for t in (Segment, TrackletRow, CropRow, ReadingRow, SightingRow)] == [0] * 5


def test_a_server_that_notices_late_that_somebody_hung_up_does_not_keep_the_job_open(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with session(database_url) as db:
        job_id = create_job(db, "one", {}, is_open=True)
    with Holder(database_url, job_id) as holder:
        connection = holder._connection
        assert connection is not None
        monkeypatch.setattr(connection, "close", lambda: None)
        assert holder.leave()
    monkeypatch.undo()
    connection.close()
