"""Which step on a whole video is due, on a real PostgreSQL: openings and aggregations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest

from db.engine import session
from db.jobs import control
from db.jobs.videos import end_video
from db.models import Video
from db.queue import outbox
from db.states import JobState, Priority, VideoState
from tests.support.database import (
    LEASE_S,
    aggregate,
    job_state,
    make_job,
    quarantine,
    run_sql,
    take,
    take_steps,
    video,
    work,
)

LOW, NORMAL, HIGH = Priority.LOW, Priority.NORMAL, Priority.HIGH


def test_steps_of_a_job_go_aggregations_first(database_url: str) -> None:
    """Ending what is begun frees a video; opening the next can wait."""
    _, videos = make_job(database_url, *[0] * 4, state=VideoState.REGISTERED)
    with session(database_url) as db:
        outbox.post(db, outbox.AGGREGATE, videos[3])
        outbox.done(db, outbox.PROBE, videos[3])
    sent = take_steps(database_url, 2) + take_steps(database_url)
    assert [(m.kind, m.key) for m in sent] == [
        (outbox.AGGREGATE, videos[3]), *((outbox.PROBE, video_id) for video_id in videos[:3]),
    ]  # fmt: skip
    assert [m.express for m in sent] == [True, False, False, False]
    assert {m.video for m in sent} == {f"/cam/{i}.mp4" for i in range(4)}


def test_the_window_of_steps_is_one_for_all_jobs(database_url: str) -> None:
    (one, first), (two, _) = (make_job(database_url, *[0] * 10, state=VideoState.REGISTERED) for _ in range(2))
    sent = take_steps(database_url, 6)
    assert Counter(video(database_url, m.key).job_id for m in sent) == {one: 3, two: 3}
    assert take_steps(database_url, 6) == []
    with session(database_url) as db:
        assert outbox.begin(db, outbox.PROBE, first[0], LEASE_S)
    assert take_steps(database_url, 6) == [], "what is being done counts too"
    with session(database_url) as db:
        assert end_video(db, first[0], VideoState.UNREADABLE, "Noise.")
    assert [m.key for m in take_steps(database_url, 6)] == [first[3]]


def test_more_control_workers_have_more_steps(database_url: str) -> None:
    make_job(database_url, *[0] * 20, state=VideoState.REGISTERED)
    for number in (2, 2, 4):
        sent = take_steps(database_url, 2)
        assert (len(sent), take_steps(database_url, 2)) == (number, [])
        with session(database_url) as db:
            assert all(outbox.begin(db, outbox.PROBE, message.key, LEASE_S) for message in sent)


def test_steps_share_by_priority(database_url: str) -> None:
    jobs = {
        make_job(database_url, *[0] * 30, state=VideoState.REGISTERED, priority=priority)[0]: priority
        for priority in (LOW, NORMAL, HIGH)
    }
    sent = Counter(jobs[video(database_url, m.key).job_id] for m in take_steps(database_url, 21))
    assert sent == {LOW: 1, NORMAL: 4, HIGH: 16}


@pytest.mark.parametrize("first", [LOW, HIGH])
def test_an_important_job_opens_its_files_beside_hundreds_that_begin(database_url: str, first: Priority) -> None:
    """300 of weight 1 and one of 16: 16 of 316 openings, 15 of 288; each is done before the next are sent."""
    important = make_job(database_url, *[0] * 60, state=VideoState.REGISTERED, priority=HIGH)[0] if first is HIGH else 0
    for _ in range(300):
        make_job(database_url, 0, 0, state=VideoState.REGISTERED, priority=LOW)
    important = important or make_job(database_url, *[0] * 60, state=VideoState.REGISTERED, priority=HIGH)[0]
    done = Counter(islice(opened(database_url, 8), 288))
    assert done[important] == pytest.approx(15, abs=3)
    assert max(count for one, count in done.items() if one != important) == 1


def opened(url: str, window: int) -> Iterator[int]:
    """End one video after the other as one that cannot be opened, the express queue first; gives the job of each."""
    queue: list[outbox.Message] = []
    while queue := sorted(queue + take_steps(url, window), key=lambda one: not one.express):
        video_id = queue.pop(0).key
        with session(url) as db:
            assert end_video(db, video_id, VideoState.UNREADABLE, "Noise.")
        yield video(url, video_id).job_id


def test_a_small_job_is_opened_at_once_behind_a_large_one(database_url: str) -> None:
    make_job(database_url, *[0] * 20, state=VideoState.REGISTERED)
    assert len(take_steps(database_url, 8)) == 8
    _, (video_id, _) = make_job(database_url, 0, 0, state=VideoState.REGISTERED)
    (message,) = take_steps(database_url, 8)
    assert (message.key, message.express) == (video_id, True)
    assert take_steps(database_url, 8) == []


def test_a_paused_job_opens_no_file_and_ends_what_is_done(database_url: str) -> None:
    job_id, (_, last) = make_job(database_url, 0, 0, state=VideoState.REGISTERED)
    run_sql(database_url, "UPDATE videos SET state = 'processing' WHERE id = :last", last=last)
    run_sql(database_url, "UPDATE videos SET state = 'aggregating' WHERE id = :last", last=last)
    with session(database_url) as db:
        outbox.done(db, outbox.PROBE, last)
        outbox.post(db, outbox.AGGREGATE, last)
    control.pause(database_url, job_id)
    assert [(m.kind, m.key) for m in take_steps(database_url)] == [(outbox.AGGREGATE, last)]
    aggregate_sent(database_url, last)
    control.resume(database_url, job_id)
    assert [m.kind for m in take_steps(database_url)] == [outbox.PROBE]


def test_a_paused_job_finishes_with_what_was_on_the_queues(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 1)
    (segment,) = take(database_url)
    control.pause(database_url, job_id)
    work(database_url, segment)
    assert [m.key for m in take_steps(database_url)] == [video_id]
    aggregate_sent(database_url, video_id)
    assert job_state(database_url, job_id) is JobState.FINISHED


def test_a_video_that_loses_a_stretch_is_aggregated(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 1)
    quarantine(database_url, *take(database_url))
    assert [m.key for m in take_steps(database_url)] == [video_id]


def aggregate_sent(url: str, video_id: int) -> None:
    aggregate(url, video_id)
    with session(url) as db:
        assert db.get_one(Video, video_id).finished_at is not None
