"""Files and keys of submissions, on a real PostgreSQL: each file once, and the same key means the same job."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dashplate.jobs import submit
from db.engine import session
from db.findings import queries
from db.jobs import cancel, control
from db.jobs.submit import NewVideo, add_videos, create_job, open_job
from db.jobs.videos import end_video
from db.models import Job, Video
from db.states import Priority, Stage, VideoState
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions
from tests.support.database import count, job, make_job, overlap, run_sql


def test_the_same_file_twice_in_a_job_is_one_video(database_url: str) -> None:
    files = [NewVideo("/cam/a.mp4", "a"), NewVideo("/copy/a.mp4", "a"), NewVideo("/cam/b.mp4", "b")]
    with session(database_url) as db:
        one, two = create_job(db, "one", JobOptions()), create_job(db, "two", JobOptions())
        assert add_videos(db, one, files) == 2
        assert add_videos(db, one, files) == 0
        assert add_videos(db, two, files) == 2, "another job is another matter"
        assert [row["path"] for row in queries.videos(db, one)] == ["/cam/a.mp4", "/cam/b.mp4"]


def test_what_an_earlier_version_registered_is_not_taken_again_and_what_it_left_out_is(database_url: str) -> None:
    """That version took two addresses of one ETag for one file."""
    front, rear = "https://cam.example.org/front.mp4", "https://cam.example.org/rear.mp4"
    with session(database_url) as db:
        job_id = create_job(db, "cards", JobOptions(), key="monday")
        assert add_videos(db, job_id, [NewVideo(front, "the etag")]) == 1
        again = [NewVideo(front, "front and etag", "the etag"), NewVideo(rear, "rear and etag", "the etag")]
        assert add_videos(db, job_id, again) == 1
        assert add_videos(db, job_id, again) == 0
        assert [row["path"] for row in queries.videos(db, job_id)] == [front, rear]


def test_a_job_keeps_the_options_that_it_was_made_with(database_url: str, tmp_path: Path) -> None:
    job_id, _ = make_job(database_url, 0)
    video = tmp_path / "late.mp4"
    video.write_bytes(b"late")
    with pytest.raises(UsageError, match=f"Job {job_id} keeps the options"):
        submit(database_url, [video], JobOptions(("GB",)), job_id=job_id)
    assert count(database_url, Video) == 1


def test_more_files_than_fit_one_insert(database_url: str) -> None:
    with session(database_url) as db:
        job_id = create_job(db, "many", JobOptions())
        assert add_videos(db, job_id, (NewVideo(f"/cam/{i}", str(i)) for i in range(2345))) == 2345


def test_a_key_names_a_submission(database_url: str) -> None:
    files = [NewVideo("/cam/a.mp4", "a")]
    with session(database_url) as db:
        first = create_job(db, "one", JobOptions(sample_fps=8), key="monday", priority=Priority.HIGH)
        assert add_videos(db, first, files) == 1
    with session(database_url) as db:
        again = create_job(db, "one again", JobOptions(sample_fps=8), key="monday", priority=Priority.HIGH)
        assert add_videos(db, again, files) == 0
        other = create_job(db, "other", JobOptions(), key="tuesday")
        assert create_job(db, "without", JobOptions()) != create_job(db, "without", JobOptions())
    assert (again, other != first) == (first, True)
    row = job(database_url, first)
    assert (row.name, row.options, row.priority) == ("one", JobOptions(sample_fps=8).as_json(), Priority.HIGH)


def test_a_key_that_stands_for_other_options_is_refused(database_url: str) -> None:
    with session(database_url) as db:
        create_job(db, "one", JobOptions(sample_fps=8), key="monday")
    for options, priority in (
        (JobOptions(sample_fps=9), Priority.NORMAL),
        (JobOptions(sample_fps=8), Priority.LOW),
    ):
        with pytest.raises(UsageError, match="has that key and other options"), session(database_url) as db:
            create_job(db, "one", options, key="monday", priority=priority)


def test_a_key_stands_for_what_was_submitted_whatever_a_rerun_has_changed(database_url: str) -> None:
    with session(database_url) as db:
        job_id = create_job(db, "one", JobOptions(sample_fps=8, reader=None), key="monday")
        add_videos(db, job_id, [NewVideo("/cam/a.mp4", "a")])
        assert end_video(db, 1, VideoState.UNREADABLE, "Noise.")
    for reader in ("another", "a third"):
        control.rerun(database_url, job_id, Stage.DETECT, {"reader": reader})
    with session(database_url) as db:
        assert create_job(db, "one", JobOptions(sample_fps=8, reader=None), key="monday") == job_id
    assert job(database_url, job_id).options == JobOptions(sample_fps=8, reader="a third").as_json()
    with pytest.raises(UsageError, match="has that key and other options"), session(database_url) as db:
        create_job(db, "one", JobOptions(sample_fps=8, reader="a third"), key="monday")


def test_a_key_outlives_a_version_with_a_new_option(database_url: str) -> None:
    with session(database_url) as db:
        job_id = create_job(db, "one", JobOptions(), key="monday")
    run_sql(database_url, "UPDATE jobs SET options = options - 'hashed'")
    with session(database_url) as db:
        assert create_job(db, "one", JobOptions(hashed=False), key="monday") == job_id
    with pytest.raises(UsageError, match="has that key and other options"), session(database_url) as db:
        create_job(db, "one", JobOptions(hashed=True), key="monday")


def test_two_submitters_with_one_key_at_once_share_the_job(database_url: str) -> None:
    made: list[int] = []
    overlap(
        database_url,
        lambda db: made.append(create_job(db, "one", JobOptions(), key="monday")),
        lambda db: made.append(create_job(db, "two", JobOptions(), key="monday")),
    )
    assert len(set(made)) == 1
    assert count(database_url, Job) == 1


def test_two_that_add_the_same_files_in_other_orders_do_not_block_each_other(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.jobs.submit._CHUNK", 1)
    with session(database_url) as db:
        job_id = create_job(db, "a tour", JobOptions())
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
    cancel.cancel(database_url, job_id)
    with pytest.raises(UsageError, match=f"Job {job_id} is cancelled"), session(database_url) as db:
        add_videos(db, job_id, [NewVideo("/cam/new.mp4", "new")])
    with pytest.raises(UsageError, match=f"Job {job_id} is cancelled"), session(database_url) as db:
        open_job(db, job_id)
    assert count(database_url, Video) == 1
