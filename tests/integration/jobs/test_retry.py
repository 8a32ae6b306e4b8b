"""What was given up is tried again, on a real PostgreSQL: files that did not open, segments that were left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashplate.jobs import new_videos
from db.engine import session
from db.jobs import cancel, control
from db.jobs.submit import NewVideo, add_videos, create_job
from db.jobs.videos import end_video
from db.models import Video
from db.queue import outbox, segment_moves
from db.states import JobState, Stage, VideoState
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions
from tests.support.database import (
    READING,
    aggregate,
    begin,
    detect,
    finish,
    job,
    job_state,
    make_job,
    overlap,
    owed,
    quarantine,
    split,
    stored,
    take,
    take_steps,
    video,
    video_state,
    work,
)
from tests.support.road import stand_in_road
from tests.support.tables.counters import check_counters

PROBE, AGGREGATE = outbox.PROBE, outbox.AGGREGATE


NEVER_OPENED = (VideoState.UNREADABLE, VideoState.NO_VIDEO_STREAM, VideoState.INACCESSIBLE, VideoState.FAILED)


def test_files_that_could_not_be_opened_are_opened_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "CHUNK", 2)
    job_id, videos = make_job(database_url, *[0] * 5, state=VideoState.REGISTERED)
    take_steps(database_url)
    for video_id, state in zip(videos, NEVER_OPENED, strict=False):
        with session(database_url) as db:
            assert end_video(db, video_id, state, "No.")
    with session(database_url) as db:
        assert split(db, videos[4], 1)
    work(database_url, *take(database_url))
    aggregate(database_url, videos[4])
    assert job_state(database_url, job_id) is JobState.FINISHED

    assert control.retry(database_url, job_id, failed=False, quarantined=True) == (0, 0)
    assert job_state(database_url, job_id) is JobState.FINISHED, "nothing to do"
    assert control.retry(database_url, job_id, failed=True, quarantined=False) == (4, 0)
    rows = [video(database_url, v) for v in videos]
    assert [(row.state, row.problem, row.finished_at) for row in rows[:4]] == [(VideoState.REGISTERED, None, None)] * 4
    assert rows[4].state is VideoState.DONE
    assert owed(database_url) == [(PROBE, v) for v in videos[:4]]
    row = job(database_url, job_id)
    assert (row.state, row.finished_at) == (JobState.RUNNING, None)
    assert control.retry(database_url, job_id, failed=True, quarantined=True) == (0, 0)
    check_counters(database_url)


def test_a_video_whose_plates_could_not_be_put_together_gets_another_try(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 1)
    work(database_url, *take(database_url))
    aggregate(database_url, video_id, VideoState.FAILED, "Given up after 5 tries.")
    assert control.retry(database_url, job_id, failed=True, quarantined=False) == (1, 0)
    row = video(database_url, video_id)
    assert (row.state, row.problem, row.finished_at) == (VideoState.AGGREGATING, None, None)
    assert owed(database_url) == [(AGGREGATE, video_id)]
    check_counters(database_url)
    aggregate(database_url, video_id)
    assert job_state(database_url, job_id) is JobState.FINISHED
    check_counters(database_url)


def test_stretches_that_were_left_out_are_tried_again_from_anew(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "CHUNK", 2)
    job_id, (whole, half, none, busy) = make_job(database_url, 1, 2, 2, 2)
    segments = take(database_url)
    for bad in (segments[1], segments[3], segments[4], segments[5]):
        quarantine(database_url, bad)
    for good in (segments[0], segments[2]):
        work(database_url, good)
    aggregate(database_url, whole)
    aggregate(database_url, half, VideoState.TRUNCATED, "0.0–10.0 s was left out: It broke.")
    aggregate(database_url, none, VideoState.FAILED, "Nothing of it could be processed: It broke.")
    assert video_state(database_url, busy) is VideoState.PROCESSING

    assert control.retry(database_url, job_id, failed=True, quarantined=False) == (0, 0), "nothing to put together"
    assert control.retry(database_url, job_id, failed=True, quarantined=True) == (0, 4)
    check_counters(database_url)
    assert [video_state(database_url, v) for v in (whole, half, none, busy)] == [
        VideoState.DONE, VideoState.PROCESSING, VideoState.PROCESSING, VideoState.PROCESSING,
    ]  # fmt: skip
    again = [stored(database_url, segments[i].segment_id) for i in (1, 3, 4, 5)]
    assert {(s.failures, s.losses, s.problem, s.step) for s in again} == {(0, 0, None, Stage.DETECT)}
    assert control.retry(database_url, job_id, failed=True, quarantined=True) == (0, 0)
    retaken = take(database_url)
    assert {s.segment_id for s in retaken} == {s.id for s in again}
    assert all(s.attempt == segment_moves.MAX_FAILURES + 1 for s in retaken), "an old message stays stale"
    for segment in [*retaken, segments[6]]:
        work(database_url, segment)
    assert owed(database_url) == [(AGGREGATE, v) for v in (half, none, busy)]
    check_counters(database_url)


def test_a_video_with_stretches_left_out_and_no_plates_put_together_gets_both(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 2)
    good, bad = take(database_url)
    quarantine(database_url, bad)
    work(database_url, good)
    aggregate(database_url, video_id, VideoState.FAILED, "Given up after 5 tries.")
    assert control.retry(database_url, job_id, failed=True, quarantined=True) == (0, 1)
    assert owed(database_url) == []
    work(database_url, *take(database_url))
    assert owed(database_url) == [(AGGREGATE, video_id)]


def test_retrying_while_workers_end_the_same_video_counts_right(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 2)
    good, bad = take(database_url)
    quarantine(database_url, bad)
    assert detect(database_url, good)
    assert begin(database_url, good, READING)
    overlap(
        database_url,
        lambda db: finish(db, good),
        lambda _: control.retry(database_url, job_id, failed=True, quarantined=True),
    )
    check_counters(database_url)
    row = video(database_url, video_id)
    # The last end came first: what was left out can be tried again when it is put together.
    assert (row.state, row.segments_done, row.segments_quarantined) == (VideoState.AGGREGATING, 1, 1)


def between(monkeypatch: pytest.MonkeyPatch, act: Callable[[], bool]) -> None:
    """Before each transaction of a command, until `act` says that it has done what it does."""
    waiting = [True]

    @contextmanager
    def interrupted(url: str) -> Iterator[Session]:
        if waiting and waiting.pop():
            # What it does itself opens transactions too.
            acted = act()
            waiting.extend([] if acted else [True])
        with session(url) as db:
            yield db

    monkeypatch.setattr(control, "session", interrupted)


def unopened_job(url: str, *fingerprints: str, path: str = "/cam/a.mp4") -> tuple[int, list[int]]:
    """A job with a video of each fingerprint, all of one path, none of which could be opened."""
    with session(url) as db:
        job_id = create_job(db, "a tour", JobOptions())
        add_videos(db, job_id, [NewVideo(path, fingerprint) for fingerprint in fingerprints])
        videos = list(db.scalars(select(Video.id).order_by(Video.id)))
        for video_id in videos:
            assert end_video(db, video_id, VideoState.UNREADABLE, "Noise.")
    return job_id, videos


def test_a_file_that_could_not_be_opened_twice_is_tried_again_twice(database_url: str) -> None:
    """A card that was registered while it grew, and once more when it had grown."""
    job_id, videos = unopened_job(database_url, "half", "whole")
    assert control.retry(database_url, job_id, failed=True, quarantined=False) == (2, 0)
    assert [video_state(database_url, v) for v in videos] == [VideoState.REGISTERED] * 2
    with session(database_url) as db:
        assert add_videos(db, job_id, [NewVideo("/cam/a.mp4", "whole")]) == 0, "the same file is the same video"


def opened(url: str, video_id: int, fingerprint: str) -> bool:
    with session(url) as db:
        return split(db, video_id, 1, fingerprint=fingerprint)


def test_of_two_videos_of_one_file_the_first_opened_stands_for_both(database_url: str) -> None:
    job_id, (half, whole) = unopened_job(database_url, "half", "whole")
    control.retry(database_url, job_id, failed=True, quarantined=False)
    assert opened(database_url, half, "whole")
    assert video(database_url, half).fingerprint == "whole"
    assert not opened(database_url, whole, "whole")
    row = video(database_url, whole)
    assert (row.state, row.segments) == (VideoState.UNREADABLE, 0)
    assert row.problem == "a.mp4 is the same file as another of this job, which stands for both: a.mp4."
    assert (PROBE, whole) not in owed(database_url)
    work(database_url, *take(database_url))
    aggregate(database_url, half)
    assert job_state(database_url, job_id) is JobState.FINISHED
    check_counters(database_url)


def test_files_that_were_renamed_to_each_other_are_both_opened(database_url: str) -> None:
    job_id, (one, two) = unopened_job(database_url, "one", "two")
    control.retry(database_url, job_id, failed=True, quarantined=False)
    assert opened(database_url, one, "two")
    assert opened(database_url, two, "one")
    assert [video(database_url, v).fingerprint for v in (one, two)] == ["two", "one"]


def test_a_video_that_waits_to_be_opened_is_not_overtaken_by_one_of_the_same_file(database_url: str) -> None:
    job_id, (old,) = unopened_job(database_url, "half")
    with session(database_url) as db:
        assert add_videos(db, job_id, [NewVideo("/cam/a.mp4", "whole")]) == 1
    control.retry(database_url, job_id, failed=True, quarantined=False)
    assert not opened(database_url, old, "whole")
    assert opened(database_url, old + 1, "whole")


def test_a_file_is_added_while_another_turns_out_to_be_it(database_url: str) -> None:
    job_id, (old,) = unopened_job(database_url, "half")
    control.retry(database_url, job_id, failed=True, quarantined=False)
    added: list[int] = []
    overlap(
        database_url,
        lambda db: split(db, old, 1, fingerprint="whole"),
        lambda db: added.append(add_videos(db, job_id, [NewVideo("/cam/a.mp4", "whole")])),
    )
    assert added == [0]


def test_a_mended_file_is_read_once_however_it_comes_back(database_url: str, redis_url: str, tmp_path: Path) -> None:
    with stand_in_road(database_url, tmp_path / "data", DASHPLATE_REDIS_URL=redis_url) as road:
        job_id = road.submit("a.mp4", "b.mp4")
        whole = {name: (road.folder / name).read_bytes() for name in ("a.mp4", "b.mp4")}
        for name in whole:
            (road.folder / name).write_bytes(b"half")
        one, two = road.open(job_id)
        assert {road.video(v).state for v in (one, two)} == {VideoState.UNREADABLE}
        for name, data in whole.items():
            (road.folder / name).write_bytes(data)
        # One is submitted again, then both are retried.
        with session(database_url) as db:
            again = list(new_videos([road.folder / "a.mp4"]))
            assert add_videos(db, job_id, again) == 1
        road.open(job_id)
        control.retry(database_url, job_id, failed=True, quarantined=False)
        road.open(job_id)
        road.read(road.detect())
        road.aggregate()
        rows = [road.video(v) for v in (one, two, two + 1)]
        assert [(row.state, row.segments) for row in rows] == [
            (VideoState.UNREADABLE, 0), (VideoState.DONE, 2), (VideoState.DONE, 2),
        ]  # fmt: skip
        assert rows[1].problem is None, "it was mended, it did not grow"
        assert job_state(database_url, job_id) is JobState.FINISHED
        with session(database_url) as db:
            assert add_videos(db, job_id, list(new_videos(road.folder / name for name in whole))) == 0


def test_what_fails_again_meanwhile_is_not_taken_twice(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "CHUNK", 1)
    job_id, (first, _) = unopened_job(database_url, "a", "b")

    def fail_again() -> bool:
        with session(database_url) as db:
            return db.get_one(Video, first).finished_at is None and end_video(db, first, VideoState.UNREADABLE, "No.")

    between(monkeypatch, fail_again)
    assert control.retry(database_url, job_id, failed=True, quarantined=False) == (2, 0)
    assert video_state(database_url, first) is VideoState.UNREADABLE


def test_a_job_does_not_finish_in_the_middle_of_a_retry(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "CHUNK", 1)
    job_id, (first, second) = unopened_job(database_url, "a", "b")
    shown: list[JobState] = []

    def end_first() -> bool:
        if video_state(database_url, first) is VideoState.REGISTERED:
            with session(database_url) as db:
                end_video(db, first, VideoState.UNREADABLE, "No.")
            shown.append(job_state(database_url, job_id))
        return bool(shown)

    between(monkeypatch, end_first)
    control.retry(database_url, job_id, failed=True, quarantined=False)
    assert shown == [JobState.RUNNING]
    with session(database_url) as db:
        end_video(db, second, VideoState.UNREADABLE, "No.")
    assert (job_state(database_url, job_id), job(database_url, job_id).open) == (JobState.FINISHED, False)


def test_a_job_that_is_cancelled_in_the_middle_of_a_retry_keeps_nothing_open(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "CHUNK", 1)
    job_id, videos = unopened_job(database_url, "a", "b")

    def cancelled() -> bool:
        if video_state(database_url, videos[0]) is VideoState.REGISTERED:
            cancel.cancel(database_url, job_id)
            return True
        return False

    between(monkeypatch, cancelled)
    with pytest.raises(UsageError, match=f"Job {job_id} is cancelled; it cannot be retried"):
        control.retry(database_url, job_id, failed=True, quarantined=False)
    assert [str(video_state(database_url, v)) for v in videos] == ["cancelled", "unreadable"]
    row = job(database_url, job_id)
    assert (row.state, row.open, row.finished_at is not None) == (JobState.CANCELLED, False, True)
