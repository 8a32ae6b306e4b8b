"""What a person does to a job, on a real PostgreSQL: pause, resume, cancel, retry, rerun."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashplate.jobs import new_videos
from db import control, due, moves, outbox, report
from db.engine import session
from db.models import CropRow, Job, Segment, SightingRow, TrackletRow, Video
from db.results import store_sightings, store_tracklets
from db.retention import Wanted, purge
from db.submit import NewVideo, add_videos, create_job
from db.videos import end_video
from pipeline.errors import UsageError
from pipeline.records import JobState, SegmentState, Step, VideoState
from tests.helpers_db import (
    DETECTING,
    LEASE_S,
    PICTURES,
    READING,
    aggregate,
    begin,
    check_counters,
    count,
    detect,
    fail,
    finish,
    job,
    job_state,
    lose,
    make_job,
    no_waiting,
    overlap,
    owed,
    quarantine,
    read,
    run_sql,
    sighting,
    split,
    store_all,
    stored,
    take,
    take_steps,
    tracklet,
    video,
    work,
)
from tests.helpers_road import stand_in_road
from workers.aggregator import aggregate as really_aggregate
from workers.settings import settings

PROBE, AGGREGATE = outbox.PROBE, outbox.AGGREGATE
Deed = Callable[[str, int], object]
DEEDS: dict[str, Deed] = {
    "paused": control.pause,
    "resumed": control.resume,
    "cancelled": control.cancel,
    "retried": lambda url, job_id: control.retry(url, job_id, failed=True, quarantined=True),
    "run again": lambda url, job_id: control.rerun(url, job_id, Step.DETECT, {}),
}
REFUSED = [
    ("paused", "paused", "Job 1 is paused; it cannot be paused."),
    ("paused", "cancelled", "Job 1 is cancelled; it cannot be paused."),
    ("paused", "finished", "Job 1 is finished; it cannot be paused."),
    ("resumed", "running", "Job 1 is running; it cannot be resumed."),
    ("resumed", "cancelled", "Job 1 is cancelled; it cannot be resumed."),
    ("resumed", "finished", "Job 1 is finished; it cannot be resumed."),
    ("cancelled", "finished", "Job 1 is finished; it cannot be cancelled."),
    ("retried", "cancelled", "Job 1 is cancelled; it cannot be retried. Submit its files in a new job."),
    ("run again", "running", "Job 1 is running; only a finished job can be run again."),
    ("run again", "paused", "Job 1 is paused; only a finished job can be run again."),
    ("run again", "cancelled", "Job 1 is cancelled; only a finished job can be run again."),
]


@pytest.fixture
def aggregator(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """The real aggregator on the test's database, with a store of its own."""
    monkeypatch.setenv("DASHPLATE_DATABASE_URL", database_url)
    monkeypatch.setenv("DASHPLATE_STORE_DIR", str(tmp_path / "store"))
    settings.cache_clear()
    yield really_aggregate
    monkeypatch.undo()
    settings.cache_clear()


def state_of(url: str, video_id: int) -> VideoState:
    return video(url, video_id).state


def segment_states(url: str, job_id: int) -> list[str]:
    with session(url) as db:
        return [str(state) for state in db.scalars(select(Segment.state).where(Segment.job_id == job_id))]


@pytest.mark.parametrize(("deed", "state", "sentence"), REFUSED)
def test_what_is_not_allowed_is_refused_with_a_sentence(
    database_url: str, deed: str, state: str, sentence: str
) -> None:
    make_job(database_url, 1)
    if state != "running":
        run_sql(database_url, "UPDATE jobs SET state = :state, finished_at = now()", state=state)
    with pytest.raises(UsageError) as refused:
        DEEDS[deed](database_url, 1)
    assert str(refused.value) == sentence
    assert job_state(database_url, 1) == state


@pytest.mark.parametrize("deed", DEEDS)
def test_a_job_that_is_not_there_is_named(database_url: str, deed: str) -> None:
    with pytest.raises(UsageError, match="There is no job 7; `dashplate status`"):
        DEEDS[deed](database_url, 7)


def test_cancelling_ends_videos_in_every_state(database_url: str, aggregator: Callable[[int], None]) -> None:
    job_id, videos = make_job(database_url, 1, 2, 3, 3, 1, 1)
    untouched, sent, partly, broken, aggregating, done = videos
    by_video: dict[int, list[moves.Dispatched]] = {}
    for segment in take(database_url):
        by_video.setdefault(stored(database_url, segment.segment_id).video_id, []).append(segment)
    for step in ("detecting", "pending"):
        run_sql(database_url, "UPDATE segments SET state = :step WHERE video_id = :v", step=step, v=untouched)
    assert begin(database_url, by_video[sent][0], DETECTING)
    work(database_url, by_video[partly][0])
    assert detect(database_url, by_video[partly][1])
    assert begin(database_url, by_video[partly][1], READING)
    assert detect(database_url, by_video[partly][2])
    quarantine(database_url, by_video[broken][0], "It kills.")
    for video_id in (aggregating, done):
        work(database_url, by_video[video_id][0])
    aggregate(database_url, done)
    with session(database_url) as db:
        add_videos(db, job_id, [NewVideo("/cam/late.mp4", "late")])
        late = db.scalars(select(Video.id).where(Video.path == "/cam/late.mp4")).one()
    assert (PROBE, late) in owed(database_url)

    control.cancel(database_url, job_id)

    assert {v: str(state_of(database_url, v)) for v in [*videos, late]} == {
        untouched: "cancelled", sent: "cancelled", partly: "aggregating", broken: "aggregating",
        aggregating: "aggregating", done: "done", late: "cancelled",
    }  # fmt: skip
    assert owed(database_url) == [(AGGREGATE, v) for v in (partly, broken, aggregating)], "nothing is opened any more"
    assert set(segment_states(database_url, job_id)) == {"pending", "done", "quarantined"}
    assert video(database_url, late).problem == "The job was cancelled before it was looked at."
    assert (job_state(database_url, job_id), job(database_url, job_id).finished_at) == (JobState.CANCELLED, None)
    check_counters(database_url)

    assert {m.key for m in take_steps(database_url)} == {partly, broken, aggregating}
    assert take(database_url) == []
    for video_id in (partly, broken, aggregating):
        aggregator(video_id)
    assert (state_of(database_url, partly), video(database_url, partly).problem) == (
        VideoState.CANCELLED, "The job was cancelled after 1 of 3 stretches; their plates are kept.",
    )  # fmt: skip
    assert video(database_url, broken).problem == (
        "The job was cancelled after 1 of 3 stretches; their plates are kept. 0.0–10.0 s was left out: It kills."
    )
    assert state_of(database_url, aggregating) is VideoState.DONE
    row = job(database_url, job_id)
    assert (row.state, row.finished_at is not None, row.videos_ended) == (JobState.CANCELLED, True, 7)
    assert control.cancelled_jobs(database_url) == []
    check_counters(database_url)


def test_what_a_cancelled_video_showed_is_kept(database_url: str, aggregator: Callable[[int], None]) -> None:
    job_id, (video_id,) = make_job(database_url, 2, options={"evidence": False})
    first, _ = take(database_url)
    assert detect(database_url, first)
    store_all(database_url, ["AB123CD", "KV70ABC"])
    assert read(database_url, first)
    control.cancel(database_url, job_id)
    aggregator(video_id)
    with session(database_url) as db:
        assert {row["plate"] for row in report.sightings(db, job_id)} == {"AB123CD", "KV70ABC"}


def test_a_late_worker_of_a_cancelled_job_changes_nothing(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 4)
    detecting, reading, queued, detected = take(database_url)
    assert begin(database_url, detecting, DETECTING)
    assert detect(database_url, reading)
    assert begin(database_url, reading, READING)
    assert detect(database_url, detected)
    control.cancel(database_url, job_id)
    with session(database_url) as db:
        assert not moves.detected(db, detecting.segment_id, detecting.attempt, 80, None)
        assert not finish(db, reading)
        for held in (detecting, reading):
            assert not moves.renew(db, held.segment_id, held.attempt, LEASE_S), "it learns of it"
            assert not moves.put_back(db, held.segment_id, held.attempt, "No room.")
    assert not fail(database_url, detecting)
    assert not lose(database_url, reading)
    assert not begin(database_url, queued, DETECTING)
    assert not begin(database_url, detected, READING)
    assert segment_states(database_url, job_id) == ["pending"] * 4
    assert state_of(database_url, video_id) is VideoState.CANCELLED


def test_a_message_that_comes_before_the_videos_are_ended_is_refused(database_url: str) -> None:
    """The job's state counts from the moment it is cancelled, however long its videos take to end."""
    job_id, _ = make_job(database_url, 1)
    (segment,) = take(database_url)
    run_sql(database_url, "UPDATE jobs SET state = 'cancelled' WHERE id = :job", job=job_id)
    assert not begin(database_url, segment, DETECTING)


def test_a_file_opened_too_late_stays_cancelled(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    take_steps(database_url)
    with session(database_url) as db:
        held = outbox.begin(db, PROBE, video_id, LEASE_S)
        assert held is not None
    control.cancel(database_url, job_id)
    with session(database_url) as db:
        assert not outbox.renew(db, held, LEASE_S), "its worker learns of it"
        assert not split(db, video_id, 3)
        assert not end_video(db, video_id, VideoState.UNREADABLE, "Noise.")
    assert (state_of(database_url, video_id), count(database_url, Segment)) == (VideoState.CANCELLED, 0)


def test_cancelling_goes_on_where_it_was_interrupted(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_CHUNK", 2)
    job_id, videos = make_job(database_url, *[1] * 5)
    run_sql(database_url, "UPDATE jobs SET state = 'cancelled'")
    assert control.end_cancelled(database_url, job_id) == 2
    assert control.cancelled_jobs(database_url) == [job_id], "the sweeper finds it"
    control.cancel(database_url, job_id)
    assert {state_of(database_url, v) for v in videos} == {VideoState.CANCELLED}
    assert control.cancelled_jobs(database_url) == []
    control.cancel(database_url, job_id)


def test_a_paused_job_can_be_cancelled_and_an_open_one_ends(database_url: str) -> None:
    job_id, _ = make_job(database_url, 1)
    run_sql(database_url, "UPDATE jobs SET open = true")
    control.pause(database_url, job_id)
    control.cancel(database_url, job_id)
    row = job(database_url, job_id)
    assert (row.state, row.open, row.finished_at is not None) == (JobState.CANCELLED, False, True)


def test_a_dispatcher_that_overlaps_with_cancelling_leaves_nothing_on_the_queues(database_url: str) -> None:
    job_id, _ = make_job(database_url, 3)
    sent: list[moves.Dispatched] = []
    overlap(
        database_url,
        lambda db: sent.extend(due.take_pending(db, 10, 10)),
        lambda _: control.cancel(database_url, job_id),
    )
    assert len(sent) == 3
    assert segment_states(database_url, job_id) == ["pending"] * 3


def test_a_worker_that_ends_a_segment_while_its_job_is_cancelled_is_heard(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 2)
    first, second = take(database_url)
    for segment in (first, second):
        assert detect(database_url, segment)
        assert begin(database_url, segment, READING)
    overlap(database_url, lambda db: finish(db, first), lambda _: control.cancel(database_url, job_id))
    row = video(database_url, video_id)
    assert (row.state, row.segments_done) == (VideoState.AGGREGATING, 1)
    assert owed(database_url) == [(AGGREGATE, video_id)]
    check_counters(database_url)


def test_files_added_and_opened_while_a_job_is_cancelled_are_ended_too(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    overlap(
        database_url,
        lambda db: (add_videos(db, job_id, [NewVideo("/cam/new.mp4", "new")]), split(db, video_id, 2)),
        lambda _: control.cancel(database_url, job_id),
    )
    with session(database_url) as db:
        assert set(db.scalars(select(Video.state))) == {VideoState.CANCELLED}
    assert owed(database_url) == []
    check_counters(database_url)


def test_cancelling_while_many_workers_finish_neither_deadlocks_nor_miscounts(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_CHUNK", 4)
    job_id, videos = make_job(database_url, *[3] * 24)
    segments = take(database_url)
    for segment in segments:
        assert detect(database_url, segment)
        assert begin(database_url, segment, READING)
    random.Random(5).shuffle(segments)

    def finish_all(mine: list[moves.Dispatched]) -> int:
        done = 0
        for segment in mine:
            with session(database_url) as db:
                done += finish(db, segment)
        return done

    with ThreadPoolExecutor(5) as pool:
        finished = [pool.submit(finish_all, segments[i::3]) for i in range(3)]
        # A person and the sweeper may well do it at once.
        cancelling = [pool.submit(control.cancel, database_url, job_id) for _ in range(2)]
        done = sum(worker.result(timeout=30) for worker in finished)
        for one in cancelling:
            one.result(timeout=30)
    assert segment_states(database_url, job_id).count("done") == done
    assert set(segment_states(database_url, job_id)) <= {"done", "pending"}
    started = [v for v in videos if video(database_url, v).segments_done]
    assert owed(database_url) == [(AGGREGATE, v) for v in started]
    assert {state_of(database_url, v) for v in set(videos) - set(started)} <= {VideoState.CANCELLED}
    check_counters(database_url)


NEVER_OPENED = (VideoState.UNREADABLE, VideoState.NO_VIDEO_STREAM, VideoState.INACCESSIBLE, VideoState.FAILED)


def test_files_that_could_not_be_opened_are_opened_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_CHUNK", 2)
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
    monkeypatch.setattr(control, "_CHUNK", 2)
    job_id, (whole, half, none, busy) = make_job(database_url, 1, 2, 2, 2)
    segments = take(database_url)
    for bad in (segments[1], segments[3], segments[4], segments[5]):
        quarantine(database_url, bad)
    for good in (segments[0], segments[2]):
        work(database_url, good)
    aggregate(database_url, whole)
    aggregate(database_url, half, VideoState.TRUNCATED, "0.0–10.0 s was left out: It broke.")
    aggregate(database_url, none, VideoState.FAILED, "Nothing of it could be processed: It broke.")
    assert state_of(database_url, busy) is VideoState.PROCESSING

    assert control.retry(database_url, job_id, failed=True, quarantined=False) == (0, 0), "nothing to put together"
    assert control.retry(database_url, job_id, failed=True, quarantined=True) == (0, 4)
    check_counters(database_url)
    assert [state_of(database_url, v) for v in (whole, half, none, busy)] == [
        VideoState.DONE, VideoState.PROCESSING, VideoState.PROCESSING, VideoState.PROCESSING,
    ]  # fmt: skip
    again = [stored(database_url, segments[i].segment_id) for i in (1, 3, 4, 5)]
    assert {(s.failures, s.losses, s.problem, s.step) for s in again} == {(0, 0, None, Step.DETECT)}
    assert control.retry(database_url, job_id, failed=True, quarantined=True) == (0, 0)
    retaken = take(database_url)
    assert {s.segment_id for s in retaken} == {s.id for s in again}
    assert all(s.attempt == moves.MAX_FAILURES + 1 for s in retaken), "an old message stays stale"
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
        job_id = create_job(db, "a tour", {})
        add_videos(db, job_id, [NewVideo(path, fingerprint) for fingerprint in fingerprints])
        videos = list(db.scalars(select(Video.id).order_by(Video.id)))
        for video_id in videos:
            assert end_video(db, video_id, VideoState.UNREADABLE, "Noise.")
    return job_id, videos


def test_a_file_that_could_not_be_opened_twice_is_tried_again_twice(database_url: str) -> None:
    """A card that was registered while it grew, and once more when it had grown."""
    job_id, videos = unopened_job(database_url, "half", "whole")
    assert control.retry(database_url, job_id, failed=True, quarantined=False) == (2, 0)
    assert [state_of(database_url, v) for v in videos] == [VideoState.REGISTERED] * 2
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


def test_a_mended_file_is_read_once_however_it_comes_back(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
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
    monkeypatch.setattr(control, "_CHUNK", 1)
    job_id, (first, _) = unopened_job(database_url, "a", "b")

    def fail_again() -> bool:
        with session(database_url) as db:
            return db.get_one(Video, first).finished_at is None and end_video(db, first, VideoState.UNREADABLE, "No.")

    between(monkeypatch, fail_again)
    assert control.retry(database_url, job_id, failed=True, quarantined=False) == (2, 0)
    assert state_of(database_url, first) is VideoState.UNREADABLE


def test_a_job_does_not_finish_in_the_middle_of_a_retry(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_CHUNK", 1)
    job_id, (first, second) = unopened_job(database_url, "a", "b")
    shown: list[JobState] = []

    def end_first() -> bool:
        if state_of(database_url, first) is VideoState.REGISTERED:
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
    monkeypatch.setattr(control, "_CHUNK", 1)
    job_id, videos = unopened_job(database_url, "a", "b")

    def cancel() -> bool:
        if state_of(database_url, videos[0]) is VideoState.REGISTERED:
            control.cancel(database_url, job_id)
            return True
        return False

    between(monkeypatch, cancel)
    with pytest.raises(UsageError, match=f"Job {job_id} is cancelled; it cannot be retried"):
        control.retry(database_url, job_id, failed=True, quarantined=False)
    assert [str(state_of(database_url, v)) for v in videos] == ["cancelled", "unreadable"]
    row = job(database_url, job_id)
    assert (row.state, row.open, row.finished_at is not None) == (JobState.CANCELLED, False, True)


def done_job(url: str, *segments: int) -> tuple[int, list[int]]:
    """A finished job, each segment with a tracklet and its crops, each video with a sighting."""
    job_id, videos = make_job(url, *segments)
    for segment in take(url):
        assert detect(url, segment, damage="A torn frame." if segment.index == 1 else None)
        with session(url) as db:
            store_tracklets(db, segment.segment_id, [tracklet(0)], PICTURES)
        assert read(url, segment)
    for video_id in videos:
        with session(url) as db:
            store_sightings(db, video_id, [sighting(0, f"AB{video_id}CD")])
        aggregate(url, video_id)
    assert job_state(url, job_id) is JobState.FINISHED
    return job_id, videos


@pytest.mark.parametrize("step", Step)
def test_running_again_from_a_step(database_url: str, monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    monkeypatch.setattr(control, "_CHUNK", 2)
    job_id, videos = done_job(database_url, 2, 1, 1)
    assert control.rerun(database_url, job_id, step, {"reader": "another"}) == 4
    row = job(database_url, job_id)
    assert (row.options, row.state, row.finished_at) == (
        {"sample_fps": 8, "reader": "another"}, JobState.RUNNING, None,
    )  # fmt: skip
    assert {state_of(database_url, v) for v in videos} == {VideoState.PROCESSING}
    assert count(database_url, SightingRow) == 3, "kept until the new ones are there"
    assert count(database_url, CropRow) == 8
    check_counters(database_url)

    again = take(database_url)
    assert [(s.only_read, s.attempt) for s in again] == [(step is Step.READ, 2)] * 4
    for segment in again:
        work(database_url, segment)
    for video_id in videos:
        aggregate(database_url, video_id)
    assert job_state(database_url, job_id) is JobState.FINISHED
    problems = [stored(database_url, s.segment_id).problem for s in again]
    # What detection saw is not forgotten by reading again; detection itself sees it anew.
    assert problems.count("A torn frame.") == (1 if step is Step.READ else 0)
    check_counters(database_url)


def test_a_run_again_that_is_killed_has_changed_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_CHUNK", 1)
    job_id, _ = done_job(database_url, 1, 1)
    really, calls = control._segments_again, iter(range(9))

    def killed(*given: Any) -> int:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return really(*given)

    with monkeypatch.context() as patch:
        patch.setattr(control, "_segments_again", killed)
        with pytest.raises(KeyboardInterrupt):
            control.rerun(database_url, job_id, Step.DETECT, {"reader": "another"})
    row = job(database_url, job_id)
    assert (row.state, row.open, row.options) == (JobState.FINISHED, False, {"sample_fps": 8})
    assert segment_states(database_url, job_id) == ["done"] * 2
    assert control.rerun(database_url, job_id, Step.DETECT, {}) == 2


def test_what_is_purged_in_front_of_a_run_again_is_left_alone(database_url: str) -> None:
    job_id, (gone, kept) = done_job(database_url, 1, 1)
    overlap(
        database_url,
        lambda db: purge(db, [gone], Wanted(0), lambda job, video: []),
        lambda _: control.rerun(database_url, job_id, Step.DETECT, {}),
    )
    assert [state_of(database_url, v) for v in (gone, kept)] == [VideoState.DONE, VideoState.PROCESSING]


def test_running_again_leaves_alone_what_gave_nothing(database_url: str) -> None:
    job_id, (good, half, bad) = make_job(database_url, 1, 2, 1)
    segments = take(database_url)
    for segment in (segments[1], segments[3]):
        quarantine(database_url, segment)
    for segment in (segments[0], segments[2]):
        work(database_url, segment)
    aggregate(database_url, good)
    aggregate(database_url, half, VideoState.TRUNCATED, "Left out.")
    aggregate(database_url, bad, VideoState.FAILED, "Nothing.")
    assert control.rerun(database_url, job_id, Step.DETECT, {}) == 2
    assert [state_of(database_url, v) for v in (good, half, bad)] == [
        VideoState.PROCESSING, VideoState.PROCESSING, VideoState.FAILED,
    ]  # fmt: skip
    for segment in take(database_url):
        work(database_url, segment)
    assert owed(database_url) == [(AGGREGATE, good), (AGGREGATE, half)]
    check_counters(database_url)


def test_a_reading_that_fails_in_a_rerun_waits_and_is_tried_again(database_url: str) -> None:
    job_id, _ = done_job(database_url, 1)
    control.rerun(database_url, job_id, Step.READ, {})
    (segment,) = take(database_url)
    assert begin(database_url, segment, READING)
    assert fail(database_url, segment, "Out of memory.")
    row = stored(database_url, segment.segment_id)
    assert (row.state, row.failures, row.step) == (SegmentState.PENDING, 1, Step.READ)
    no_waiting(database_url)
    work(database_url, *take(database_url))


def test_reading_again_without_crops_is_refused_before_anything_is_changed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_CHUNK", 2)
    job_id, (*_, last) = done_job(database_url, 1, 1, 1)
    run_sql(
        database_url,
        "DELETE FROM crops c USING tracklets t, segments g "
        "WHERE t.id = c.tracklet_id AND g.id = t.segment_id AND g.video_id = :last",
        last=last,
    )
    with pytest.raises(UsageError, match=r"The crops of /cam/2\.mp4 are gone; run it again with --from detect\."):
        control.rerun(database_url, job_id, Step.READ, {"reader": "another"})
    row = job(database_url, job_id)
    assert (row.state, row.options) == (JobState.FINISHED, {"sample_fps": 8})
    assert set(segment_states(database_url, job_id)) == {"done"}
    assert control.rerun(database_url, job_id, Step.DETECT, {}) == 3


def test_reading_again_what_was_submitted_without_evidence_is_refused(database_url: str) -> None:
    job_id, _ = done_job(database_url, 1)
    run_sql(database_url, """UPDATE jobs SET options = '{"evidence": false}'""")
    with pytest.raises(UsageError, match=f"Job {job_id} was submitted with --no-evidence"):
        control.rerun(database_url, job_id, Step.READ, {})
    assert job_state(database_url, job_id) is JobState.FINISHED


def test_a_job_that_is_deleted_takes_what_is_owed_with_it(database_url: str) -> None:
    job_id, _ = make_job(database_url, 1, 0, state=VideoState.REGISTERED)
    other, (kept,) = make_job(database_url, 0, state=VideoState.REGISTERED)
    with session(database_url) as db:
        db.delete(db.get_one(Job, job_id))
    assert owed(database_url) == [(PROBE, kept)]
    assert (count(database_url, Job), count(database_url, TrackletRow)) == (1, 0)
    assert job(database_url, other).videos == 1
