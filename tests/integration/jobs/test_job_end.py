"""How videos and jobs end, and who holds a job open meanwhile, on a real PostgreSQL."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy import text

from db.engine import session
from db.findings import queries
from db.findings.stage_results import store_sightings
from db.jobs import cancel
from db.jobs.open_lock import OpenLock
from db.jobs.submit import NewVideo, add_videos, close_if_done, close_job, create_job, open_job
from db.jobs.videos import end_video
from db.models import CropRow, Job, ReadingRow, Segment, SightingRow, TrackletRow
from db.queue import outbox
from db.states import JobState, VideoState
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions
from tests.support.database import (
    aggregate,
    count,
    end,
    finished_at,
    job,
    job_state,
    make_job,
    overlap,
    owed,
    run_sql,
    video,
)
from tests.support.processes import wait_until
from tests.support.tables.findings import (
    PICTURES,
    crops_of,
    reading,
    sighting,
    store_readings,
    store_tracklets,
    tracklet,
)

AGGREGATE = outbox.AGGREGATE


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
        job_id = create_job(db, "a depot", JobOptions(), is_open=True)
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
        job_id = create_job(db, "a depot", JobOptions(), is_open=True)
    with OpenLock(database_url, job_id) as watch, OpenLock(database_url, job_id) as submission:
        submission.keep()
        assert not submission.leave("another name")
        row = job(database_url, job_id)
        assert (row.open, row.state, row.name) == (True, JobState.RUNNING, "another name")
        assert watch.leave()
    assert (job(database_url, job_id).open, job_state(database_url, job_id)) == (False, JobState.FINISHED)


def test_a_holder_that_is_killed_leaves_the_job_open_until_the_next_one_leaves(database_url: str) -> None:
    with session(database_url) as db:
        job_id = create_job(db, "a depot", JobOptions(), is_open=True)
    code = (
        "import sys, time; from db.jobs.open_lock import OpenLock\n"
        f"with OpenLock({database_url!r}, {job_id}): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with OpenLock(database_url, job_id) as holder:
            assert not holder.leave()
        other.kill()
    assert job(database_url, job_id).open, "nobody knows whether all its files came"
    wait_until("its lock to go", lambda: held_locks(database_url) == 0)
    with OpenLock(database_url, job_id) as holder:
        assert holder.leave()
    assert job_state(database_url, job_id) is JobState.FINISHED


def held_locks(url: str) -> int:
    with session(url) as db:
        return db.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")) or 0


def test_a_holder_whose_connection_is_cut_holds_on(database_url: str) -> None:
    with session(database_url) as db:
        job_id = create_job(db, "a depot", JobOptions(), is_open=True)
    with OpenLock(database_url, job_id) as watch:
        run_sql(
            database_url,
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'",
        )
        with OpenLock(database_url, job_id) as other:
            assert other.leave(), "it cannot know"
        assert job_state(database_url, job_id) is JobState.FINISHED
        watch.keep()
        assert (job(database_url, job_id).open, job_state(database_url, job_id)) == (True, JobState.RUNNING)
        with OpenLock(database_url, job_id) as other:
            assert not other.leave()
        assert watch.leave()
    assert held_locks(database_url) == 0


def test_a_cancelled_job_is_held_by_nobody(database_url: str) -> None:
    job_id, _ = make_job(database_url, 0, state=VideoState.REGISTERED)
    cancel.cancel(database_url, job_id)
    with pytest.raises(UsageError, match=f"Job {job_id} is cancelled"):
        OpenLock(database_url, job_id).keep()


def test_a_job_that_is_closed_while_it_works_ends_with_its_last_video(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 0, state=VideoState.AGGREGATING)
    with session(database_url) as db:
        open_job(db, job_id)
        close_job(db, job_id)
    assert job_state(database_url, job_id) is JobState.RUNNING
    end(database_url, video_id)
    assert job_state(database_url, job_id) is JobState.FINISHED


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
        (row,) = queries.videos(db, job_id)
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
        job_id = create_job(db, "one", JobOptions(), is_open=True)
    with OpenLock(database_url, job_id) as holder:
        connection = holder._connection
        assert connection is not None
        monkeypatch.setattr(connection, "close", lambda: None)
        assert holder.leave()
    monkeypatch.undo()
    connection.close()
