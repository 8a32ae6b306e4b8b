"""Messages that transactions owe, and how jobs and videos end, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from dashplate.jobs import JobOptions, submit
from db import outbox, report
from db.engine import session
from db.models import CropRow, Job, ReadingRow, Segment, SightingRow, TrackletRow, Video
from db.results import crops_of, end_video, store_readings, store_sightings, store_tracklets
from db.submit import NewVideo, add_videos, close_if_done, create_job
from pipeline.errors import UsageError
from pipeline.records import VideoState
from tests.helpers_db import (
    count,
    end,
    finished_at,
    make_job,
    overlap,
    reading,
    resend,
    run_sql,
    sighting,
    tracklet,
)


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
